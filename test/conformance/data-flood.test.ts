/** H-32: what one sender may make the server hold for receivers that do not keep up. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { offerThenJoin, openStage, type Party } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { residentBytes } from '../support/resident.js'

const READERS = 30
const BUFFER_BYTES = 512 * 1024
/** Of a worker, whatever it holds: garbage that is not yet collected, packets that are being made. */
const GARBAGE_BYTES = 110e6
/** Without bounds the worker would be 180 MB larger after that: payloads, and 30 entries for each. */
const FLOOD_BYTES = 100e6
const bulk = { label: 'bulk', protocol: '', ordered: true }
const lossy = { label: 'lossy', protocol: '', ordered: false, maxRetransmits: 0 }
const chat = { label: 'chat', protocol: '', ordered: true }

/** Of these receivers every second takes nothing any more; the others have a short queue, of which they take 50 packets a second. */
function slowDown(t: TestContext, parties: readonly Party[]): void {
  const queues = parties.map(({ peer }, index) => {
    const take = peer.onData!
    const queue: Uint8Array[] = []
    peer.onData = (packet) => {
      if (index % 2 === 0 && queue.length < 50) queue.push(packet)
    }
    return { take, queue }
  })
  const timer = setInterval(() => {
    for (const { take, queue } of queues) {
      const packet = queue.shift()
      if (packet) take(packet)
    }
  }, 20)
  t.after(() => clearInterval(timer))
}

test('H-32 one floods thirty slow readers: bounded memory, they are cut off, nobody else notices', async (t) => {
  const flags = ['--workers', '1', '--data-buffer-max', String(BUFFER_BYTES)]
  const { server, clients, janus } = await openStage(t, flags)
  const channels: DataChannels[] = []
  t.after(() => channels.map((one) => one.close()))
  const come = async (room: string, user: string) => {
    const party = await offerThenJoin(janus, clients, room, user)
    const one = new DataChannels(party.peer)
    channels.push(one)
    return { ...party, channels: one }
  }
  const flood = (await come('hall', 'flood')).channels
  const readers: Awaited<ReturnType<typeof come>>[] = []
  for (let i = 0; i < READERS; i++) readers.push(await come('hall', `reader ${i}`))
  const [ann, bob] = [(await come('corner', 'ann')).channels, (await come('corner', 'bob')).channels]
  for (const channel of [bulk, lossy]) flood.send(channel, Buffer.from('first'))
  ann.send(chat, Buffer.from('text 0'))
  await eventually(
    'all channels are open',
    () => readers.every(({ channels: { heard } }) => heard.length === 2) && bob.heard.length === 1,
  )

  slowDown(t, readers)
  const worker = server.workerPids[0]!
  const channelsBefore = (await server.live()).channels!
  const residentBefore = residentBytes(worker)
  const payload = new Uint8Array(16_384)
  let [floodBytes, mostResident, mostBuffered, texts, turn] = [0, 0, 0, 1, 0]
  const sinceMs = performance.now()
  await eventually(
    'the flood is through',
    async () => {
      for (; flood.bufferedBytes < 4e6; turn++) {
        flood.send(turn % 2 === 0 ? bulk : lossy, payload)
        floodBytes += payload.length
      }
      ann.send(chat, Buffer.from(`text ${texts++}`))
      mostResident = Math.max(mostResident, residentBytes(worker))
      mostBuffered = Math.max(mostBuffered, (await server.live()).buffered_bytes!)
      return floodBytes - flood.bufferedBytes > FLOOD_BYTES
    },
    { withinMs: 60_000, everyMs: 10 },
  )
  const floodMBps = floodBytes / 1000 / (performance.now() - sinceMs)
  const grownBytes = mostResident - residentBefore
  t.diagnostic(
    `${floodMBps.toFixed()} MB/s came in; at most ${mostBuffered} bytes waited, and the worker was ${grownBytes} bytes larger`,
  )
  assert.ok(mostBuffered > (READERS * BUFFER_BYTES) / 2, 'all that may wait has waited')
  assert.ok(mostBuffered < READERS * BUFFER_BYTES * 1.05, `${mostBuffered} bytes waited`)
  assert.ok(grownBytes < READERS * BUFFER_BYTES + GARBAGE_BYTES, `the worker has grown by ${grownBytes} bytes`)

  await eventually('no text is lost in the other room', () => bob.heard.length === texts, { withinMs: 20_000 })
  assert.deepEqual([flood.closed, ann.closed, bob.closed], [[], [], []], 'who floods breaks no limit of its own')
  // Whoever takes something hears that its reliable channel is closed; of the others it is closed as well.
  await eventually(
    'slow readers are told',
    () => readers.every(({ channels }, i) => i % 2 === 1 || channels.closed[0] === 'bulk'),
    { withinMs: 20_000 },
  )
  assert.ok((await server.live()).channels! <= channelsBefore - READERS, 'all are cut off')
  assert.ok((await server.totals()).drop_sctp_buffer! > READERS)
})
