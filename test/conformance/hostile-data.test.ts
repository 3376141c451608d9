/** H-31 on a real server: SCTP out of a grammar comes through DTLS, in the middle of a call. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../../fuzz/random.js'
import { sctpChunks } from '../../fuzz/sctp-grammar.js'
import { chunk, chunksOf, data, init, openMessage, packet } from '../../src/media/endpoint/testing/sctp-chunks.js'
import { offerThenJoin, openStage, publish, speak, subscribe } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import type { MediaPeer } from '../support/media-client.js'

const PACKETS = 400
const SEEDS = [1, 2, 3]
const INIT_TSN = 1000
const COOKIE_BYTES = 16
/** With headers and DTLS they fit in a datagram; what does not is the io's affair (H-14). */
const CHUNKS_MAX_BYTES = 1200
/** Chunks that end an association by right. */
const ENDINGS = new Set([6, 7, 8, 14])
const HEARTBEAT = chunk(4, 0, [0, 1, 0, 8, 1, 2, 3, 4])

/** One end of an association that says whatever it is told to. */
class Mallory {
  tag = 0
  tsn = INIT_TSN
  sentTsn = 0
  cookie = new Uint8Array(0)
  /** How many chunks of each type have come. */
  readonly heard = new Array<number>(256).fill(0)
  readonly #peer: MediaPeer

  constructor(peer: MediaPeer) {
    this.#peer = peer
    peer.onData = (bytes) => {
      for (const { type, body } of chunksOf(bytes)) {
        this.heard[type]!++
        if (type === 0) this.sentTsn = body.readUInt32BE()
        // A TSN that was left out would keep back whatever comes after it.
        if (type === 3) this.tsn = (body.readUInt32BE() + 1) >>> 0
        if (type !== 2 || this.tag !== 0) continue
        this.tag = body.readUInt32BE()
        this.cookie = Uint8Array.from(body.subarray(-COOKIE_BYTES))
      }
    }
  }

  say(chunks: Uint8Array, tag = this.tag): void {
    this.#peer.sendData(packet(tag, [chunks]))
    this.#peer.flush()
  }

  /** Sets the association up, with one channel open. */
  async begin(): Promise<void> {
    this.say(init(1, this.tsn), 0)
    await eventually('INIT ACK', () => this.tag !== 0, { everyMs: 5 })
    this.say(chunk(10, 0, [...this.cookie]))
    await eventually('COOKIE ACK', () => this.heard[11] === 1, { everyMs: 5 })
    // Streams of the DTLS client are even (RFC 8832 §6).
    const streamId = this.#peer.remote!.setup === 'active' ? 1 : 2
    this.say(data(this.tsn++, streamId, 0, 50, openMessage('fuzz')))
    await eventually('the channel is open', () => this.heard[0] === 1, { everyMs: 5 })
  }

  /** A heartbeat is answered: the association lives, and what was sent long before has been looked at. */
  async answered(): Promise<void> {
    const before = this.heard[5]!
    const isAnswered = () => {
      this.say(HEARTBEAT)
      return this.heard[5]! > before
    }
    await eventually('a heartbeat is answered', isAnswered, { everyMs: 2, withinMs: 20_000 })
  }
}

/** Whether one of the chunks, as their lengths say where they begin, is of these types. */
function has(types: ReadonlySet<number>, chunks: Uint8Array): boolean {
  for (let at = 0; at + 4 <= chunks.length; ) {
    if (types.has(chunks[at]!)) return true
    at += Math.max(4, ((chunks[at + 2]! << 8) + chunks[at + 3]! + 3) & ~3)
  }
  return false
}

test(`H-31 ${PACKETS * SEEDS.length} packets of chunks out of a grammar, inside DTLS: the call goes on`, async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '1'])
  const callers = []
  for (const seed of SEEDS) {
    const { peer } = await publish(janus, clients, 'hall', `mallory ${seed}`)
    const mallory = new Mallory(peer)
    await mallory.begin()
    const viewer = await subscribe(janus, clients, 'hall', `viewer ${seed}`, `mallory ${seed}`)
    const voice = speak(peer)
    t.after(() => voice.stop())
    callers.push({ random: randomFrom(seed), mallory, voice, viewer: viewer.peer })
  }
  const [ann, bob] = [
    new DataChannels((await offerThenJoin(janus, clients, 'hall', 'ann')).peer),
    new DataChannels((await offerThenJoin(janus, clients, 'hall', 'bob')).peer),
  ]
  t.after(() => [ann, bob].map((channels) => channels.close()))
  const logged = server.log.length

  const texts: string[] = []
  for (let n = 0; n < PACKETS; n++) {
    for (const { random, mallory } of callers) {
      const chunks = sctpChunks(random, mallory)
      mallory.tsn = (mallory.tsn + 1) >>> 0
      if (chunks.length <= CHUNKS_MAX_BYTES && !has(ENDINGS, chunks))
        mallory.say(chunks, chunks[0] === 1 ? 0 : mallory.tag)
    }
    if (n % 20 === 0) {
      texts.push(`text ${n}`)
      ann.send({ label: 'chat', protocol: '', ordered: true }, Buffer.from(texts.at(-1)!))
    }
    // So that the grammar knows what has been sent meanwhile, and nothing waits in the server's socket for long.
    if (n % 4 === 0) for (const { mallory } of callers) await mallory.answered()
  }

  for (const { mallory, voice, viewer } of callers) {
    await mallory.answered()
    assert.ok(mallory.heard[3]! > 0, 'some of it was acknowledged')
    await eventually('sound for a while', () => voice.sent > 10)
    voice.stop()
    await eventually('all sound has come', () => viewer.rtpPackets === voice.sent)
  }
  // The others may speak on that channel as well, since it was opened to them.
  const heard = () =>
    bob.heard.map(({ payload }) => Buffer.from(payload).toString()).filter((t) => t.startsWith('text '))
  await eventually('all texts have come', () => heard().length === texts.length)
  assert.deepEqual(heard(), texts)
  const totals = await server.totals()
  for (const reason of ['chunk', 'parameter', 'sack']) assert.ok(totals[`drop_sctp_${reason}`]! > 10, reason)
  assert.equal(server.log.length, logged, 'nothing of it is logged')
})
