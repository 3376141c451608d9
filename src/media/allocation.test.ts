/** Forwarding a packet or a message allocates nothing: what V8's sampling heap profiler sees of some ten thousand packets, collected or not. */
import assert from 'node:assert/strict'
import { type HeapProfiler, Session } from 'node:inspector'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import type { ChannelParameters, ReceiveStream, SendStream } from './control.js'
import { openAssociation } from './endpoint/sctp/association.js'
import { chunk, chunksOf, data, init, openMessage, packet, sack } from './endpoint/testing/sctp-chunks.js'
import { SeededSctpHost } from './endpoint/testing/seeded-sctp-host.js'
import { Link } from './forward/relay/link.js'
import { Router } from './forward/router.js'
import { openQuietIo } from './forward/testing/quiet-io.js'
import { newRtpView } from './rtp/packet.js'
import { WORKER_FLAGS } from './worker-process.js'

// Compiled as in a worker: numbers that are passed between functions that were compiled apart are objects.
for (const flag of WORKER_FLAGS) setFlagsFromString(flag)

const SUBSCRIBERS = 20
const WARM_UP = 30_000
const PACKETS = 20_000
const PACKET_MS = 2
/**
 * For a received packet, however many get it: a time that is handed on may be an object on the heap, and reports are due some times
 * a second. One such object for each subscriber would be 320 bytes.
 */
const ALLOWED_BYTES = 100
const SAMPLING_BYTES = 128

const SSRC = 0xfedcba98
const PEER_TAG = 0xfedcba98
const KEYFRAME = [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]
const PAYLOAD_BYTES = 1100
//                                V X   pt  seq  timestamp ssrc         BEDE, 3 words: mid '1', send time, transport-cc
const HEADER = Buffer.from('9060000000000000fedcba98bede0003403122000000310000000000', 'hex')
const TRANSPORT_SEQ_AT = 22
const ids = { mid: 4, 'abs-send-time': 2, 'transport-cc': 3 }

const video = (extensions: ReceiveStream['extensions']): ReceiveStream => ({
  mid: '1',
  kind: 'video',
  index: 0,
  payloadTypes: [{ codec: 'VP8', pt: 96, rtxPt: 97 }],
  clockRate: 90_000,
  ssrcs: [{ ssrc: SSRC, rtxSsrc: SSRC + 1 }],
  extensions,
  nack: true,
  active: true,
})

interface Call {
  /** With transport-wide numbers. */
  numbered?: boolean
  /** The publisher has a mirror on another worker, or is one here of another worker's. */
  relay?: 'to' | 'from'
}

/** @returns a call that lets the publisher send its next packet, and the router */
function call({ numbered = false, relay }: Call) {
  const io = openQuietIo()
  let random = 1
  const failed = (_endpoint: number, error: unknown) => assert.fail(String(error))
  const router = new Router(
    io,
    { media: () => {}, slowlink: () => {}, speakers: () => {}, sources: () => {}, failed },
    { maxPublisherBps: 8_000_000, random: () => (random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0) },
  )
  const { 'transport-cc': transportCc, ...plain } = ids
  const extensions = numbered ? { ...plain, 'transport-cc': transportCc } : plain
  const route = { link: new Link(), mirror: 1 }
  route.link.renew(900)
  const publisher = relay === 'from' ? router.openMirror(1, route, 0) : router.openPeer(1, 1, 0)
  publisher.connected(0)
  publisher.setReceiveStreams([video(extensions)], 0)
  publisher.setSources([{ mid: '1', rid: '', ssrc: SSRC, rtx: false, repairs: -1, replaced: false }], 0)
  if (relay === 'to') publisher.addRoute(route)
  const { mid, kind, index, payloadTypes } = video(extensions)
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const peer = router.openPeer(100 + i, 100 + i, 0)
    const ssrc = 0x8000_0000 + i * 2
    const stream: SendStream = { mid, kind, index, payloadTypes, ssrc, rtxSsrc: ssrc + 1, extensions, active: true }
    peer.connected(0)
    peer.setSendStreams([stream], 0)
    peer.follow(publisher, 0)
  }
  io.rx.set(HEADER)
  io.rx.set(KEYFRAME, HEADER.length)
  const bytes = new DataView(io.rx.buffer)
  let sent = 0
  const next = () => {
    const nowMs = 1000 + sent * PACKET_MS + 0.25
    bytes.setUint16(2, sent & 0xffff)
    bytes.setUint32(4, (sent * 180) >>> 0)
    bytes.setUint16(TRANSPORT_SEQ_AT, sent & 0xffff)
    if (relay === 'from') router.relayed(nowMs, publisher, 0, HEADER.length + PAYLOAD_BYTES, true)
    else router.rtp(nowMs, publisher, 0, HEADER.length + PAYLOAD_BYTES, 250 + (sent % 7))
    if (nowMs >= router.deadlineMs) router.expire(nowMs)
    // Frames after the first are no keyframes.
    if (sent++ === 0) io.rx[HEADER.length + 3] = 0x01
  }
  return { router, next }
}

/** Bytes allocated meanwhile, by function. @param files the functions of which; those of this package, not of this test */
function allocated(work: () => void, files = /\/media\/.*(?<!\.test)\.js$/): Map<string, number> {
  const session = new Session()
  session.connect()
  const options = {
    samplingInterval: SAMPLING_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  }
  session.post('HeapProfiler.startSampling', options)
  work()
  const bytes = new Map<string, number>()
  const visit = ({ callFrame: { functionName, url }, selfSize, children }: HeapProfiler.SamplingHeapProfileNode) => {
    if (files.test(url) && selfSize > 0) bytes.set(functionName, (bytes.get(functionName) ?? 0) + selfSize)
    for (const child of children) visit(child)
  }
  // A session within the process answers before `post` returns.
  session.post('HeapProfiler.stopSampling', (error, answer) => {
    assert.equal(error, null)
    visit(answer.profile.head)
  })
  session.disconnect()
  return bytes
}

function assertLittle(bytes: Map<string, number>): void {
  const perPacket = [...bytes.values()].reduce((sum, some) => sum + some, 0) / PACKETS
  const culprits = [...bytes].map(([name, some]) => `${name} ${(some / PACKETS).toFixed(1)}`).join(', ')
  assert.ok(perPacket < ALLOWED_BYTES, `${perPacket.toFixed(1)} bytes per packet: ${culprits}`)
}

const calls: [string, Call][] = [
  ['', {}],
  [', with transport-wide numbers', { numbered: true }],
  [' and to a mirror', { relay: 'to' }],
  [' from another worker', { relay: 'from' }],
]
for (const [how, options] of calls) {
  test(`a packet to ${SUBSCRIBERS} subscribers${how} allocates nothing`, () => {
    const { router, next } = call(options)
    for (let i = 0; i < WARM_UP; i++) next()
    const before = router.totals.forwarded_packets
    const bytes = allocated(() => {
      for (let i = 0; i < PACKETS; i++) next()
    })
    assert.equal(router.totals.forwarded_packets - before, PACKETS * SUBSCRIBERS)
    assert.equal(router.totals.relay_sent, options.relay === 'to' ? WARM_UP + PACKETS : 0)
    assert.equal(router.totals.relay_received, options.relay === 'from' ? WARM_UP + PACKETS : 0)
    assertLittle(bytes)
  })
}

const channels: readonly ChannelParameters[] = [
  { label: 'chat', protocol: '', ordered: true },
  { label: 'moves', protocol: '', ordered: false, maxRetransmits: 0 },
]

/** Who has opened the channels. @returns its association, and what acknowledges the next message, as those before */
function subscriber(count: () => void) {
  let last = new Uint8Array(0)
  let isSetUp = false
  const association = openAssociation({
    host: new SeededSctpHost(),
    role: 'server',
    transmit: (bytes) => {
      if (!isSetUp) last = bytes.slice()
      count()
      return true
    },
    events: { message: () => {}, opened: () => {}, closed: () => assert.fail('closed'), failed: assert.fail },
    limits: { dataBufferBytes: 1 << 20, maxMessageBytes: 262_144, maxChannels: 64 },
  })
  const say = (tag: number, chunks: Uint8Array[]) => {
    const bytes = packet(tag, chunks)
    association.receive(0, bytes, 0, bytes.length)
    association.flush(0)
  }
  say(0, [init(PEER_TAG, 1000)])
  const offer = chunksOf(last)[0]!.body
  const tag = offer.readUInt32BE()
  say(tag, [chunk(10, 0, [...offer.subarray(-16)])])
  say(
    tag,
    channels.map(({ label }, i) => data(1000 + i, 2 + i * 2, 0, 50, openMessage(label))),
  )
  isSetUp = true
  let tsn = chunksOf(last)
    .findLast(({ type }) => type === 0)!
    .body.readUInt32BE()
  const sackBytes = Uint8Array.from(packet(tag, [sack(tsn)]))
  const view = new DataView(sackBytes.buffer)
  const acknowledge = (nowMs: number) => {
    tsn = (tsn + 1) >>> 0
    view.setUint32(16, tsn)
    association.receive(nowMs, sackBytes, 0, sackBytes.length)
    association.flush(nowMs)
  }
  return { association, acknowledge }
}

test(`a message to ${SUBSCRIBERS} subscribers, with what acknowledges it, allocates nothing`, () => {
  let packets = 0
  const subscribers = Array.from({ length: SUBSCRIBERS }, () => subscriber(() => packets++))
  const payload = new Uint8Array(100)
  let said = 0
  const next = () => {
    const nowMs = 1000 + said * PACKET_MS + 0.25
    const channel = channels[said++ % channels.length]!
    for (const { association } of subscribers) {
      if (association.send(nowMs, channel, true, payload) !== 'sent') assert.fail('not sent')
      association.flush(nowMs)
    }
    for (const { acknowledge } of subscribers) acknowledge(nowMs + 1)
  }
  for (let i = 0; i < WARM_UP; i++) next()
  const before = packets
  const bytes = allocated(() => {
    for (let i = 0; i < PACKETS; i++) next()
  })
  assert.equal(packets - before, PACKETS * SUBSCRIBERS)
  for (const { association } of subscribers) assert.equal(association.live().bufferedBytes, 0)
  assertLittle(bytes)
})

test('what is allocated per packet is seen', () => {
  const kept: unknown[] = []
  const bytes = allocated(() => {
    for (let i = 0; i < PACKETS; i++) kept[i % 10] = newRtpView()
  }, /\/media\//)
  assert.equal(kept.length, 10)
  const perPacket = [...bytes.values()].reduce((sum, some) => sum + some, 0) / PACKETS
  assert.ok(perPacket > 16, `${perPacket} bytes`)
})
