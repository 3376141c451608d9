/** Data-channel messages of a room that is spread over workers, when one of the workers takes none for a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offerThenJoin, openStage } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { residentBytes } from '../support/resident.js'

const bulk = { label: 'bulk', protocol: '', ordered: true }
const chat = { label: 'chat', protocol: '', ordered: true }
const lossy = { label: 'lossy', protocol: '', ordered: false, maxRetransmits: 0 }

test('what a worker does not take is bounded; whoever sends it notices, others lose nothing', async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '2'], 'SIGKILL')
  const parties = []
  for (const user of ['flood', 'there', 'quiet']) parties.push(await offerThenJoin(janus, clients, 'hall', user))
  const [flood, there, quiet] = parties.map(({ peer }) => new DataChannels(peer)) as [
    DataChannels,
    DataChannels,
    DataChannels,
  ]
  t.after(() => [flood, there, quiet].map((channels) => channels.close()))
  const [here, elsewhere, hereToo] = parties.map(({ peer }) => peer.remote!.port)
  assert.ok(here === hereToo && here !== elsewhere, 'flood and quiet are on one worker, there is on the other')

  const say = (text: string) => quiet.send(chat, Buffer.from(text))
  const heard = () =>
    there.heard.filter(({ label }) => label === 'chat').map(({ payload }) => Buffer.from(payload).toString())
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`)
  say('text 0')
  await eventually('messages cross', () => heard().length === 1)

  const slow = server.workerPids[(server.listening.rtcPorts as number[]).indexOf(elsewhere!)]!
  const before = residentBytes(server.pid)
  process.kill(slow, 'SIGSTOP')
  t.after(() => process.kill(slow, 'SIGCONT'))
  let sentBytes = 0
  const payload = new Uint8Array(50_000)
  await eventually(
    'the channel of who sends too much is closed, and much more is sent without reliability',
    () => {
      while (flood.bufferedBytes < 500_000) {
        const channel = flood.closed.length === 0 && sentBytes % 100_000 === 0 ? bulk : lossy
        if (flood.send(channel, payload) === 'sent') sentBytes += payload.length
      }
      return flood.closed.length > 0 && sentBytes > 30e6
    },
    { withinMs: 20_000, everyMs: 5 },
  )
  for (let i = 1; i < 20; i++) say(`text ${i}`)
  const grown = residentBytes(server.pid) - before
  assert.ok(grown < 60e6, `the main process has grown by ${grown} bytes`)
  assert.deepEqual([flood.closed, quiet.closed], [['bulk'], []])

  process.kill(slow, 'SIGCONT')
  await eventually('the others have lost nothing', () => heard().length === 20)
  assert.deepEqual(heard(), texts(20))
  await eventually('nothing is on the way', async () => (await server.live()).relay_bytes === 0)
  assert.ok((await server.totals()).data_relay_dropped! > 0)
  assert.ok(there.heard.some(({ label }) => label === 'bulk'))
})
