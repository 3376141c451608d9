/** Attacks on STUN, DTLS and SRTP against a running server; each test is named by its row of the threat list. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, test } from 'node:test'
import { seededRandom } from '../../src/media/chance/mulberry32.js'
import { buildBindingRequest } from '../../src/media/endpoint/testing/stun-client.js'
import { AUDIO_SSRC, OPUS, type Party, publish, type Stage, startStage, subscribe } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { readRemote } from '../support/media-client.js'
import { Stranger, Tap } from '../support/tap.js'

let stage: Stage
let server: Stage['server']
let janus: Stage['janus']
let clients: Stage['clients']
let stranger: Stranger
const closers: (() => void)[] = []

before(async () => {
  stage = await startStage(['--workers', '1'])
  ;({ server, janus, clients } = stage)
  stranger = await Stranger.open()
})

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

after(async () => {
  stranger.close()
  await stage.close()
})

let rooms = 0

/** A call whose publisher is behind a tap. */
async function tappedCall(prepare?: (tap: Tap) => void): Promise<{
  room: string
  publisher: Party
  listener: Party
  tap: Tap
  say(count?: number): void
}> {
  const room = `room ${rooms++}`
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: room, user_id: 'ann', subscribe: { data: true } })
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC }) })
  const remote = readRemote(jsep!.sdp)
  const tap = await Tap.open(remote)
  closers.push(() => tap.close())
  prepare?.(tap)
  await Promise.all([peer.connect({ ...remote, ip: '127.0.0.1', port: tap.port }), up])
  const listener = await subscribe(janus, clients, room, 'bob', 'ann')
  let extSeq = 100
  const say = (count = 1) => {
    for (let i = 0; i < count; i++, extSeq++) {
      const packet = { ssrc: AUDIO_SSRC, pt: OPUS, extSeq, timestamp: extSeq * 960, marker: false }
      peer.sendRtp(packet, new Uint8Array(80).fill(extSeq))
    }
    peer.flush()
  }
  return { room, publisher: { handle, peer: Object.assign(peer, { remote }) }, listener, tap, say }
}

/** The call still works: one more packet arrives. */
async function stillTalks(call: Awaited<ReturnType<typeof tappedCall>>): Promise<void> {
  const before = call.listener.peer.rtpPackets
  call.say()
  await eventually('the call lives', () => call.listener.peer.rtpPackets > before)
}

/**
 * The server has not said a word to the stranger. What it would say to the last packet may still be on its way, and
 * nothing announces that nothing comes: so this waits longer than any answer takes on loopback.
 */
async function nothingSaid(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.deepEqual(stranger.replies, [])
}

const isSrtp = (packet: Buffer) =>
  packet.length > 12 && packet[0]! >> 6 === 2 && !(packet[1]! >= 192 && packet[1]! <= 223)
const clientHello = () => {
  const hello = randomBytes(180)
  hello.set([22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 167, 1, 0, 0, 155, 0, 0, 0, 0, 0, 0, 0, 155, 0xfe, 0xfd])
  return hello
}

test('H-01 ClientHellos from an address without a check are dropped, and the real client connects', async () => {
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: 'hello', user_id: 'ann' })
  const peer = clients.peer()
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: 1 }) })
  const remote = readRemote(jsep!.sdp)
  const flood = setInterval(() => {
    for (let i = 0; i < 10; i++) void stranger.send(remote, clientHello())
  }, 10)
  closers.push(() => clearInterval(flood))
  const before = await server.totals()
  await eventually('the flood is counted', async () => {
    return (await server.totals()).drop_unknown_address! > before.drop_unknown_address! + 100
  })
  const up = handle.next('webrtcup')
  await Promise.all([peer.connect(remote), up])
  clearInterval(flood)
  await nothingSaid()
})

test('H-03 a missing, empty, sha-1 or malformed fingerprint is a clear error, and the handle goes on', async () => {
  const handle = await janus.attach()
  const peer = clients.peer()
  const good = peer.offer({ audio: 1 })
  const lines = [
    '',
    'a=fingerprint:\r\n',
    `a=fingerprint:sha-1 ${'AA:'.repeat(19)}AA\r\n`,
    'a=fingerprint:sha-256 zz\r\n',
  ]
  for (const line of lines) {
    const reply = await handle.message({}, { type: 'offer', sdp: good.replaceAll(/a=fingerprint.*\r\n/g, line) })
    assert.equal(reply.janus, 'event', line)
    assert.equal(reply.plugindata!.data.success, false, line)
    assert.match(reply.plugindata!.data.error!.msg, /fingerprint/i)
  }
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: good })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
})

test('H-04 H-05 wrong checks get no answer, and nothing moves where media goes', async () => {
  const call = await tappedCall()
  const { remote, ufrag } = call.listener.peer
  const { ufrag: theirs, pwd } = remote!
  const checks = [
    buildBindingRequest({ username: `${theirs}:${ufrag}`, pwd: 'not-the-password-at-all', useCandidate: true }),
    buildBindingRequest({ username: `nobody:${ufrag}`, pwd, useCandidate: true }),
    buildBindingRequest({ username: `${theirs}:wrong`, pwd, useCandidate: true }),
    buildBindingRequest({ username: undefined, pwd, useCandidate: true }),
    buildBindingRequest({ username: `${theirs}:${ufrag}`, pwd: undefined, useCandidate: true }),
    buildBindingRequest({ username: `${theirs}:${ufrag}`, pwd, stunClass: 2 }),
    buildBindingRequest({ username: `${theirs}:${ufrag}`, pwd, stunClass: 3 }),
    buildBindingRequest({ username: `${theirs}:${ufrag}`, pwd, stunClass: 1 }),
  ]
  for (const check of checks) await stranger.send(remote!, check)
  for (const first of [22, 128, 144, 200])
    await stranger.send(remote!, Buffer.concat([Buffer.from([first, 96]), randomBytes(60)]))
  await stillTalks(call)
  await nothingSaid()
})

test('H-05 checks for another endpoint from the address of a client that is connecting do not take it for good', async () => {
  const { room } = await tappedCall()
  const thief = await janus.attach()
  const offered = await thief.message({ kind: 'join', room_id: room, user_id: 'eve', subscribe: { media: 'ann' } })
  const theirs = readRemote(offered.jsep!.sdp)
  const stolen = buildBindingRequest({ username: `${theirs.ufrag}:eve`, pwd: theirs.pwd, useCandidate: true })
  const call = await tappedCall((tap) => {
    let forged = 0
    tap.rewrite = (packet) => {
      // Before and after the client's first check: the address is known for another endpoint when it is needed.
      if (forged++ === 0) {
        tap.inject(stolen)
        queueMicrotask(() => tap.inject(stolen))
      }
      return packet
    }
  })
  call.tap.rewrite = (packet) => packet
  for (let round = 0; round < 10; round++) call.tap.inject(stolen)
  await stillTalks(call)
  await eventually(
    'checks for the thief are refused',
    async () => (await server.totals()).drop_stun_address_taken! >= 10,
  )
})

test('H-06 packets sprayed from a third address: nothing forwarded, nothing sent back', async () => {
  const call = await tappedCall()
  call.say(5)
  await eventually('some sound', () => call.listener.peer.rtpPackets === 5)
  const captured = call.tap.fromClient.filter(isSrtp)
  for (let round = 0; round < 100; round++) {
    await stranger.send(call.publisher.peer.remote!, randomBytes(120).fill(0x80, 0, 1))
    await stranger.send(call.publisher.peer.remote!, captured[round % captured.length]!)
  }
  await stillTalks(call)
  assert.equal(call.listener.peer.rtpPackets, 6)
  await nothingSaid()
})

test('H-07 H-08 flipped bits and packets sent again are dropped and counted', async () => {
  const call = await tappedCall()
  const random = seededRandom(7)
  call.say(200)
  await eventually('all arrived', () => call.listener.peer.rtpPackets === 200)
  const before = await server.totals()
  const captured = call.tap.fromClient.filter(isSrtp)
  for (const packet of captured) {
    const flipped = Buffer.from(packet)
    // From the payload on: a flipped header would be another stream's packet, which fails as well.
    const bit = 12 * 8 + Math.floor(random() * (packet.length - 12) * 8)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    call.tap.inject(flipped)
  }
  for (const packet of captured) call.tap.inject(packet)
  for (const packet of [...captured].sort(() => random() - 0.5)) call.tap.inject(packet)
  const dropped = await eventually('every one is counted', async () => {
    const now = await server.totals()
    const auth = now.drop_srtp_auth! - before.drop_srtp_auth!
    const replay = now.drop_srtp_replay! - before.drop_srtp_replay!
    return auth + replay >= 600 && { auth, replay }
  })
  assert.ok(dropped.replay >= 400, JSON.stringify(dropped))
  await stillTalks(call)
  assert.equal(call.listener.peer.rtpPackets, 201)
})

test('H-07 H-08 the same for SRTCP and for DTLS records', async () => {
  const call = await tappedCall()
  const { peer } = call.publisher
  const count = 100
  const isSrtcp = (packet: Buffer) => packet[0]! >> 6 === 2 && packet[1]! >= 192 && packet[1]! <= 223
  const isRecord = (packet: Buffer) => packet[0] === 23
  // Held back, so that what comes first is forged: an index that is known already is not even looked at.
  call.tap.rewrite = (packet) => (isSrtcp(packet) || isRecord(packet) ? undefined : packet)
  // A receiver report without blocks (RFC 3550 §6.4.2), and what is no SCTP packet: both are authentic and of no effect.
  const report = Buffer.from([0x80, 201, 0, 1, 0x0a, 0x0a, 0x0a, 0x0a])
  for (let i = 0; i < count; i++) {
    peer.sendRtcp(report)
    peer.sendData(randomBytes(40))
    peer.flush()
  }
  const { reports, records } = await eventually('all were sent', () => {
    const [reports, records] = [call.tap.fromClient.filter(isSrtcp), call.tap.fromClient.filter(isRecord)]
    return reports.length >= count && records.length >= count && { reports, records }
  })
  const before = await server.totals()
  const random = seededRandom(8)
  /** One bit of the tag, which four bytes of index follow in SRTCP; in a record it may be of the ciphertext. */
  const flip = (packet: Buffer) => {
    const flipped = Buffer.from(packet)
    const bit = (packet.length - 20) * 8 + Math.floor(random() * 128)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    return flipped
  }
  for (const packet of [...reports, ...records]) {
    call.tap.inject(flip(packet))
    call.tap.inject(packet)
    call.tap.inject(packet)
  }
  const counts = await eventually('every one is counted', async () => {
    const now = await server.totals()
    const more = (name: string) => now[name]! - before[name]!
    const [auth, replay, dtls] = [more('drop_srtcp_auth'), more('drop_srtcp_replay'), more('drop_dtls_error')]
    return auth + replay >= 2 * reports.length && dtls >= 2 * records.length && { auth, replay, dtls }
  })
  assert.deepEqual(counts, { auth: reports.length, replay: reports.length, dtls: 2 * records.length })
  await stillTalks(call)
  await nothingSaid()
})

test('H-05 a captured check that comes from elsewhere does not move the call there', async () => {
  const call = await tappedCall()
  call.say(3)
  await eventually('some sound', () => call.listener.peer.rtpPackets === 3)
  const checks = call.tap.fromClient.filter((packet) => packet[0] === 0 && packet[1] === 1)
  assert.ok(checks.length > 0)
  const before = (await server.totals()).drop_stun_replayed!
  for (const check of checks) await stranger.send(call.publisher.peer.remote!, check)
  await eventually('they are counted', async () => {
    return (await server.totals()).drop_stun_replayed! - before === checks.length
  })
  await stillTalks(call)
  await nothingSaid()
})

test('H-09 100,000 bad packets from the right address: the call lives, the log stays quiet', async () => {
  const call = await tappedCall()
  const lines = server.log.length
  const before = (await server.totals()).drop_srtp_auth!
  const bad = randomBytes(100)
  bad.set([0x80, OPUS])
  // In portions, so that the kernel's buffers are not what drops them.
  let sent = 0
  while ((await server.totals()).drop_srtp_auth! - before < 100_000) {
    for (let i = 0; i < 2_000; i++, sent++) call.tap.inject(bad)
    assert.ok(sent < 1_000_000, 'the server counts what it drops')
  }
  await stillTalks(call)
  assert.ok(server.log.length - lines < 10, 'not a line per packet')
})

test('H-10 short packets of every class, and every prefix of a valid one', async () => {
  const call = await tappedCall()
  call.say(3)
  await eventually('some sound', () => call.listener.peer.rtpPackets === 3)
  for (const first of [0, 1, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255])
    for (const second of [0, 96, 111, 200, 201, 205, 206])
      for (let length = 0; length <= 64; length++) {
        const packet = Buffer.alloc(length)
        if (length > 0) packet[0] = first
        if (length > 1) packet[1] = second
        call.tap.inject(packet)
      }
  const oneOfEach = new Map(call.tap.fromClient.map((packet) => [`${packet[0]! >> 4} ${packet[1]! >> 5}`, packet]))
  for (const packet of oneOfEach.values())
    for (let length = 0; length < packet.length; length++) call.tap.inject(packet.subarray(0, length))
  await stillTalks(call)
  assert.equal(server.log.filter((line) => line.includes('bug')).length, 0)
})

test('H-14 oversize datagrams are dropped, and nothing of them is forwarded', async () => {
  const call = await tappedCall()
  const before = (await server.totals()).drop_oversize!
  const sizes = [1_501, 1_600, 2_048, 9_000, 30_000, 65_507]
  for (const size of sizes) call.tap.inject(Buffer.alloc(size, 0x80))
  await eventually('all are counted', async () => (await server.totals()).drop_oversize! - before === sizes.length)
  await stillTalks(call)
  assert.equal(call.listener.peer.rtpPackets, 1)
})

test('H-14 bytes appended to an authentic packet: nothing of it is taken, and the packet itself still is', async () => {
  const call = await tappedCall()
  await stillTalks(call)
  const known = call.tap.fromClient.filter(isSrtp).length
  call.tap.rewrite = (packet) => (isSrtp(packet) ? undefined : packet)
  call.say(3)
  const kept = await eventually('three are held', () => {
    const held = call.tap.fromClient.filter(isSrtp).slice(known)
    return held.length === 3 && held
  })
  const before = await server.totals()
  const [longer, tooLong] = [
    [1, 4, 16, 1_000],
    [1_400, 1_500, 9_000, 65_000],
  ]
  for (const packet of kept)
    for (const more of [...longer!, ...tooLong!]) call.tap.inject(Buffer.concat([packet, randomBytes(more)]))
  await eventually('every one is counted', async () => {
    const now = await server.totals()
    const auth = now.drop_srtp_auth! - before.drop_srtp_auth!
    return auth === 3 * longer!.length && now.drop_oversize! - before.drop_oversize! === 3 * tooLong!.length
  })
  assert.equal(call.listener.peer.rtpPackets, 1)
  for (const packet of kept) call.tap.inject(packet)
  await eventually('the packets themselves come', () => call.listener.peer.rtpPackets === 4)
  call.tap.rewrite = (packet) => packet
  await stillTalks(call)
})

test('H-15 nobody gets more bytes than he sent before he is authenticated', async () => {
  const { peer } = await publish(janus, clients, 'amplification', 'ann')
  const sent = [randomBytes(20), clientHello(), buildBindingRequest({ username: 'a:b', pwd: 'c'.repeat(22) })]
  for (const packet of sent) await stranger.send(peer.remote!, packet)
  await eventually('the server looked at them', async () => (await server.totals()).drop_stun_unknown! > 0)
  await nothingSaid()
})
