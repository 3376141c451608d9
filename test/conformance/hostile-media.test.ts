/**
 * What publishers and subscribers may send over a connection that is theirs: RTP and RTCP over real DTLS-SRTP, each
 * test named by its row of the threat list.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { randomFrom } from '../../fuzz/random.js'
import { compoundRtcp } from '../../fuzz/rtcp-grammar.js'
import {
  AUDIO_SSRC,
  OPUS,
  type Party,
  publish,
  type Stage,
  startStage,
  subscribe,
  VIDEO_SSRC,
} from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { hex } from '../support/hex.js'
import { readRemote } from '../support/media-client.js'
import { Tap } from '../support/tap.js'

let stage: Stage
let server: Stage['server']
let janus: Stage['janus']
let clients: Stage['clients']
const closers: (() => void)[] = []

before(async () => {
  stage = await startStage(['--workers', '1'])
  ;({ server, janus, clients } = stage)
})

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

after(() => stage.close())

const VP8 = 96
let rooms = 0

/** What a listener got, by the SSRC that the server sends under. */
interface Heard {
  ssrc: number
  seq: number
  payload: Uint8Array
}

function listen(party: Party): Heard[] {
  const heard: Heard[] = []
  party.peer.onRtp = (view, bytes) => {
    const payload = bytes.slice(view.payloadOffset, view.payloadOffset + view.payloadLength)
    heard.push({ ssrc: view.ssrc, seq: view.seq, payload })
  }
  return heard
}

/** A publisher's streams as it sends them: numbers go on by themselves. */
class Sender {
  readonly party: Party
  audioSeq = 100
  videoSeq = 100

  constructor(party: Party) {
    this.party = party
  }

  audio(payload: Uint8Array, padding = false): void {
    const extSeq = this.audioSeq++
    this.#send({ ssrc: AUDIO_SSRC, pt: OPUS, extSeq, timestamp: extSeq * 960, marker: false, padding }, payload)
  }

  video(payload: Uint8Array): void {
    const extSeq = this.videoSeq++
    this.#send({ ssrc: VIDEO_SSRC, pt: VP8, extSeq, timestamp: extSeq * 3000, marker: true }, payload)
  }

  #send(packet: Parameters<Party['peer']['sendRtp']>[0], payload: Uint8Array): void {
    assert.ok(this.party.peer.sendRtp(packet, payload))
    this.party.peer.flush()
  }
}

async function call(): Promise<{ room: string; sender: Sender; listener: Party; heard: Heard[] }> {
  const room = `media ${rooms++}`
  const sender = new Sender(await publish(janus, clients, room, 'ann'))
  const listener = await subscribe(janus, clients, room, 'bob', 'ann')
  return { room, sender, listener, heard: listen(listener) }
}

const quiet = () =>
  assert.deepEqual(
    server.log.filter((line) => /bug|error/i.test(line)),
    [],
  )
const sound = (n: number) => Uint8Array.of(0x78, n >> 16, n >> 8, n)
const keyframe = hex('10 1002009d012a4001f000aabb')

/** One more packet of sound arrives, and none of what came before is left out. */
async function stillTalks({ sender, heard }: { sender: Sender; heard: Heard[] }, n = 0xabcdef): Promise<void> {
  sender.audio(sound(n))
  await eventually('the call lives', () => heard.some(({ payload }) => Buffer.from(payload).equals(sound(n))))
}

test('H-11 padding of 0, beyond the payload, or on nothing is dropped and counted; right padding is taken off', async () => {
  const { sender, heard } = await call()
  sender.audio(sound(1))
  const malformed = (await server.totals()).drop_rtp_malformed!
  for (const payload of [hex('78 01 00'), hex('78 01 04'), hex('78 01 ff'), new Uint8Array(0)])
    sender.audio(payload, true)
  sender.audio(hex('78 00 00 02 00 00 03'), true)
  await stillTalks({ sender, heard })
  assert.equal((await server.totals()).drop_rtp_malformed! - malformed, 4)
  assert.deepEqual(
    heard.map(({ payload }) => payload),
    [sound(1), sound(2), sound(0xabcdef)],
  )
  quiet()
})

test('H-12 RTCP out of a grammar from both sides: the call lives', async () => {
  const { sender, listener, heard } = await call()
  sender.audio(sound(1))
  sender.video(keyframe)
  await eventually('sound and picture', () => heard.length >= 2)
  const ssrcs = [AUDIO_SSRC, VIDEO_SSRC, ...heard.map(({ ssrc }) => ssrc)]
  const random = randomFrom(12)
  const before = (await server.totals()).drop_rtcp_malformed!
  for (let n = 0; n < 3000; n++) {
    for (const { peer } of [sender.party, listener]) {
      const packet = compoundRtcp(random, ssrcs)
      if (packet.length >= 8) peer.sendRtcp(packet)
    }
    // In portions, so that the kernel's buffers are not what drops them.
    if (n % 50 === 49) {
      clients.flush()
      await stillTalks({ sender, heard }, n)
    }
  }
  assert.ok((await server.totals()).drop_rtcp_malformed! > before + 100, 'lies are counted')
  quiet()
})

test('H-13 VP8 descriptors truncated at each byte: the picture goes on', async () => {
  const { sender, heard } = await call()
  const whole = hex('90f08123076550 0200 9d012a4001f000 aabb')
  sender.video(keyframe)
  await eventually('a picture', () => heard.length > 0)
  for (let length = 0; length < whole.length; length++) sender.video(whole.subarray(0, length))
  await eventually('the picture goes on', () => {
    sender.video(whole)
    return heard.some(({ payload }) => payload.length === whole.length)
  })
  quiet()
})

/** Passes on what it is given but for every tenth, and every tenth late. */
function disorder<T>(seed: number, pass: (item: T) => void): (item: T) => void {
  const random = randomFrom(seed)
  const late: T[] = []
  return (item) => {
    const chance = random(10)
    if (chance === 1) late.push(item)
    else if (chance !== 0) pass(item)
    if (late.length > 2 || (late.length > 0 && random(4) === 0)) pass(late.shift()!)
  }
}

test('H-18 rollover with loss and reordering, publisher to server: from 65,530 on', async () => {
  const { sender, heard } = await call()
  const auth = (await server.totals()).drop_srtp_auth!
  const sent: number[] = []
  const send = disorder(18, (extSeq: number) => {
    sent.push(extSeq)
    const packet = { ssrc: AUDIO_SSRC, pt: OPUS, extSeq, timestamp: extSeq * 960, marker: false }
    sender.party.peer.sendRtp(packet, sound(extSeq))
    sender.party.peer.flush()
  })
  for (let extSeq = 65_530; extSeq < 65_730; extSeq++) {
    send(extSeq)
    if (extSeq % 20 === 0) await eventually('what was sent so far', () => heard.length >= sent.length, { everyMs: 2 })
  }
  await eventually('all that was sent', () => heard.length >= sent.length)
  const numbers = heard.map(({ payload }) => (payload[1]! << 16) | (payload[2]! << 8) | payload[3]!)
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    [...sent].sort((a, b) => a - b),
  )
  const offsets = new Set(heard.map(({ seq, payload }) => (seq - ((payload[2]! << 8) | payload[3]!)) & 0xffff))
  assert.equal(offsets.size, 1, 'numbers keep their distance, holes included')
  assert.equal((await server.totals()).drop_srtp_auth, auth)
})

test('H-18 rollover with loss and reordering, server to subscriber', async () => {
  const room = `media ${rooms++}`
  const sender = new Sender(await publish(janus, clients, room, 'ann'))
  const handle = await janus.attach()
  const joined = await handle.message({ kind: 'join', room_id: room, user_id: 'bob', subscribe: { media: 'ann' } })
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  await handle.message({}, { type: 'answer', sdp: peer.answer(joined.jsep!.sdp) })
  const remote = readRemote(joined.jsep!.sdp)
  const tap = await Tap.open(remote)
  closers.push(() => tap.close())
  await Promise.all([peer.connect({ ...remote, ip: '127.0.0.1', port: tap.port }), up])
  const heard = listen({ handle, peer })
  let passed = 0
  const isMedia = (packet: Buffer) => packet.length > 12 && packet[0]! >> 6 === 2 && (packet[1]! & 0x7f) !== 72
  tap.forward = (() => {
    let send: (packet: Buffer) => void = () => {}
    const media = disorder(19, (packet: Buffer) => {
      passed++
      send(packet)
    })
    return (packet, pass) => {
      send = pass
      if (isMedia(packet) && !(packet[1]! >= 192 && packet[1]! <= 223)) media(packet)
      else pass(packet)
    }
  })()
  // The server begins somewhere below 2^15: so many packets cross 2^16 for sure.
  let last = { seq: 0, wrapped: 0 }
  for (let n = 0; n < 80_000 && last.wrapped < 300; n++) {
    sender.audio(sound(n))
    if (n % 40 !== 39) continue
    await eventually('what was passed on', () => heard.length >= passed - 3 && passed > n * 0.8, { everyMs: 1 })
    for (const { seq } of heard.slice(last.seq)) if (seq < 0x1000 && n > 0x1000) last.wrapped++
    last = { ...last, seq: heard.length }
  }
  assert.ok(last.wrapped >= 300, `${last.wrapped} packets after the wrap`)
  assert.equal(heard.length, passed, 'every packet that was passed on could be opened')
  const offsets = new Set(heard.map(({ seq, payload }) => (seq - ((payload[2]! << 8) | payload[3]!)) & 0xffff))
  assert.equal(offsets.size, 1, 'and is what its number says')
})

test('H-20 two publishers with the same SSRCs stay separate', async () => {
  const room = `media ${rooms++}`
  const ann = new Sender(await publish(janus, clients, room, 'ann'))
  const eve = new Sender(await publish(janus, clients, room, 'eve'))
  const [toAnn, toEve] = [
    await subscribe(janus, clients, room, 'bob', 'ann'),
    await subscribe(janus, clients, room, 'cat', 'eve'),
  ]
  const [fromAnn, fromEve] = [listen(toAnn), listen(toEve)]
  for (let n = 0; n < 100; n++) {
    ann.audio(sound(0x110000 + n))
    eve.audio(sound(0x220000 + n))
    if (n % 10 === 0) {
      ann.video(Uint8Array.of(...keyframe, 0x11))
      eve.video(Uint8Array.of(...keyframe, 0x22))
    }
    if (n % 20 === 19) await eventually('so many', () => Math.min(fromAnn.length, fromEve.length) > n, { everyMs: 5 })
  }
  await eventually('all', () => fromAnn.length === 110 && fromEve.length === 110)
  const whose = ({ payload }: Heard) => (payload[0] === 0x78 ? payload[1] : payload.at(-1))
  assert.deepEqual(new Set(fromAnn.map(whose)), new Set([0x11]))
  assert.deepEqual(new Set(fromEve.map(whose)), new Set([0x22]))
  const ssrcs = [fromAnn, fromEve].map((heard) => new Set(heard.map(({ ssrc }) => ssrc)))
  assert.deepEqual(
    ssrcs.map(({ size }) => size),
    [2, 2],
  )
})

test('H-20 whoever sends under an SSRC of the server reaches nobody with it, and crosses nothing', async () => {
  const { room, sender, listener, heard } = await call()
  sender.audio(sound(1))
  await eventually('sound', () => heard.length === 1)
  const { ssrc } = heard[0]!
  // The listener itself, who publishes nothing: dropped.
  const unknown = (await server.totals()).drop_unknown_stream!
  for (let extSeq = 0; extSeq < 20; extSeq++) {
    listener.peer.sendRtp({ ssrc, pt: OPUS, extSeq, timestamp: 0, marker: false }, sound(0xbad))
  }
  listener.peer.flush()
  await eventually('all are counted', async () => (await server.totals()).drop_unknown_stream! - unknown === 20)
  // Somebody else, who says in his description that it is his.
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: room, user_id: 'eve' })
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: ssrc }) })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  const third = await subscribe(janus, clients, room, 'cat', 'eve')
  const fromEve = listen(third)
  for (let extSeq = 500; extSeq < 520; extSeq++) {
    peer.sendRtp({ ssrc, pt: OPUS, extSeq, timestamp: extSeq * 960, marker: false }, sound(0xe0e0))
  }
  peer.flush()
  await eventually('his sound goes to his listener', () => fromEve.length === 20)
  assert.notEqual(fromEve[0]!.ssrc, ssrc)
  await stillTalks({ sender, heard })
  assert.deepEqual(
    heard.map(({ payload }) => payload),
    [sound(1), sound(0xabcdef)],
  )
})

test('H-20 payload types 64–95, which look like RTCP, are not negotiated, and such packets reach nobody', async () => {
  const { sender, heard } = await call()
  const handle = await janus.attach()
  const offer = clients
    .peer()
    .offer({ audio: 1, video: 2 })
    .replaceAll(/\b(96)\b/g, '72')
    .replaceAll(/\b97\b/g, '73')
  const { jsep, plugindata } = await handle.message({}, { type: 'offer', sdp: offer })
  assert.ok(plugindata!.data.success)
  assert.match(jsep!.sdp, /m=audio [1-9]/)
  assert.match(jsep!.sdp, /m=video 0 /)
  assert.doesNotMatch(jsep!.sdp, /a=rtpmap:7[23] /)
  const drops = async () => {
    const totals = Object.entries(await server.totals())
    return totals.reduce((sum, [name, count]) => (name.startsWith('drop_srtcp_') ? sum + count : sum), 0)
  }
  const before = await drops()
  for (let pt = 64; pt <= 95; pt++) {
    for (const marker of [true, false]) {
      const packet = { ssrc: AUDIO_SSRC, pt, extSeq: sender.audioSeq, timestamp: 0, marker }
      sender.party.peer.sendRtp(packet, sound(pt))
    }
  }
  sender.party.peer.flush()
  await eventually('each is counted as RTCP that is none', async () => (await drops()) - before === 64)
  await stillTalks({ sender, heard })
  assert.equal(heard.length, 1)
})
