/** Clients whose DTLS certificate is not what it should be, against a running server; each test named by its row of the threat list. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, type TestContext, test } from 'node:test'
import type { ChannelParameters } from '../../src/media/control.js'
import { AUDIO_SSRC, OPUS, publish, type Stage, startStage, subscribe } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { hex } from '../support/hex.js'
import { type MediaPeer, readRemote } from '../support/media-client.js'
import { Tap } from '../support/tap.js'

let stage: Stage

before(async () => {
  stage = await startStage(['--workers', '1'])
})

after(() => stage.close())

const chat: ChannelParameters = { label: 'chat', protocol: '', ordered: true }
const APPLICATION_DATA = 23
const isRecord = (packet: Buffer) => packet[0]! >= 20 && packet[0]! <= 63
const isMedia = (packet: Buffer) => packet[0]! >> 6 === 2

/** Somebody in a room whose offer has another fingerprint than its certificate, behind a tap. */
async function liar(t: TestContext, room: string, user: string, fingerprint: (of: MediaPeer) => string) {
  const { janus, clients } = stage
  const handle = await janus.attach()
  const subscribe = { notifications: true, data: true }
  await handle.message({ kind: 'join', room_id: room, user_id: user, subscribe })
  const peer = clients.peer()
  const offer = peer.offer({ audio: AUDIO_SSRC }).replaceAll(peer.fingerprint, fingerprint(peer))
  const { jsep } = await handle.message({}, { type: 'offer', sdp: offer })
  const remote = readRemote(jsep!.sdp)
  const tap = await Tap.open(remote)
  t.after(() => tap.close())
  const hangup = handle.next('hangup')
  const connect = () => void peer.connect({ ...remote, ip: '127.0.0.1', port: tap.port })
  return { handle, peer, tap, hangup, connect }
}

test('H-02 a certificate that is not the one of the description: no key, no media and no byte of data, either way', async (t) => {
  const { server, janus, clients } = stage
  const bob = await publish(janus, clients, 'hall', 'bob')
  const channels = new DataChannels(bob.peer)
  t.after(() => channels.close())
  const otherThan = ({ fingerprint }: MediaPeer) => (fingerprint.startsWith('00') ? '11' : '00') + fingerprint.slice(2)
  const { handle, peer, tap, hangup, connect } = await liar(t, 'hall', 'mallory', otherThan)
  const carol = await subscribe(janus, clients, 'hall', 'carol', 'mallory')
  let heard = 0
  peer.onData = () => heard++
  const before = await server.totals()

  // Before, while and after it is found out, somebody speaks to it, and it speaks.
  let said = 0
  const talk = setInterval(() => {
    if (channels.send(chat, Buffer.from(`text ${said}`)) === 'sent') said++
    peer.sendData(Buffer.alloc(40))
    peer.sendRtp({ ssrc: AUDIO_SSRC, pt: OPUS, extSeq: 100, timestamp: 0, marker: false }, new Uint8Array(80))
    // Records and SRTP that nobody has the keys of, as a client sends them that takes no notice of alerts.
    tap.inject(
      Buffer.from([APPLICATION_DATA, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, said & 255, 0, 40, ...Buffer.alloc(40, said)]),
    )
    tap.inject(Buffer.concat([hex(`80${OPUS.toString(16)}0001000003c00a0a0a0a`), Buffer.alloc(80, said)]))
    peer.flush()
  }, 5)
  t.after(() => clearInterval(talk))
  connect()
  assert.equal((await hangup).reason, 'Fingerprint mismatch')
  const saidThen = said
  await eventually('some more is said', () => said > saidThen + 20)
  clearInterval(talk)

  assert.ok(!janus.messages.some((message) => message.janus === 'webrtcup' && message.sender === handle.id))
  const data = tap.fromServer.filter((packet) => packet[0] === APPLICATION_DATA)
  assert.ok(tap.fromServer.some(isRecord), 'there was a handshake')
  assert.deepEqual([data.length, tap.fromServer.filter(isMedia).length, heard], [0, 0, 0])
  assert.deepEqual([channels.heard, carol.peer.rtpPackets], [[], 0])
  const more = await eventually('all that bob said has come', async () => {
    const now = await server.totals()
    const received = now.data_received! - before.data_received!
    const relayed = now.data_relayed! - before.data_relayed!
    return received >= said && { received, relayed }
  })
  assert.deepEqual(more, { received: said, relayed: 0 })
})

/**
 * A certificate on the curve of CVE-2022-0778 (see native/test/odd_certificate.h, which puts the same together): y² = x³ + x + 696
 * modulo 697, which is no prime, with a generator whose y has to be looked for.
 */
const ENDLESS_CERTIFICATE = hex(
  `3081a630818ca003020102020101300a06082a8648ce3d040302300c310a300806035504030c0178301e170d32353031
   30313030303030305a170d3439303130313030303030305a300c310a300806035504030c0178303a303206072a8648ce
   3d02013027020101300d06072a8648ce3d0101020202b93007040101040202b80403020000020202b302010103040002
   0000300a06082a8648ce3d0403020309003006020101020101`,
)
const RECORD_HEADER_BYTES = 13
const FRAGMENT_HEADER_BYTES = 12
const HANDSHAKE = 22
const CERTIFICATE = 11

/** The datagram with its plain Certificate message, if it has one, replaced (RFC 6347 §4.2.2). */
function withCertificate(datagram: Buffer, certificate: Uint8Array): Buffer {
  if (!isRecord(datagram)) return datagram
  const records: Buffer[] = []
  for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length; ) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11)
    const record = datagram.subarray(at, end)
    const isPlain = record[0] === HANDSHAKE && record.readUInt16BE(3) === 0
    records.push(
      isPlain && record[RECORD_HEADER_BYTES] === CERTIFICATE ? certificateRecord(record, certificate) : record,
    )
    at = end
  }
  return Buffer.concat(records)
}

function certificateRecord(record: Buffer, certificate: Uint8Array): Buffer {
  const header = Buffer.from(record.subarray(0, RECORD_HEADER_BYTES + FRAGMENT_HEADER_BYTES))
  const length = certificate.length + 6
  header.writeUInt16BE(FRAGMENT_HEADER_BYTES + length, 11)
  header.writeUIntBE(length, RECORD_HEADER_BYTES + 1, 3)
  header.writeUIntBE(0, RECORD_HEADER_BYTES + 6, 3)
  header.writeUIntBE(length, RECORD_HEADER_BYTES + 9, 3)
  const lengths = Buffer.alloc(6)
  lengths.writeUIntBE(certificate.length + 3, 0, 3)
  lengths.writeUIntBE(certificate.length, 3, 3)
  return Buffer.concat([header, lengths, certificate])
}

test('H-17 a certificate with bad curve parameters ends its own connection at once, and the worker goes on', async (t) => {
  const { server, janus, clients } = stage
  const digest = createHash('sha256').update(ENDLESS_CERTIFICATE).digest('hex').toUpperCase()
  const fingerprint = digest.replaceAll(/..(?=.)/g, '$&:')
  const { tap, hangup, connect } = await liar(t, 'annex', 'mallory', () => fingerprint)
  let replaced = 0
  tap.rewrite = (packet) => {
    const passed = withCertificate(packet, ENDLESS_CERTIFICATE)
    if (!passed.equals(packet)) replaced++
    return passed
  }
  const lines = server.log.length
  const beganMs = performance.now()
  connect()
  assert.equal((await hangup).reason, 'DTLS error')
  assert.ok(replaced > 0)
  const tookMs = performance.now() - beganMs
  assert.ok(tookMs < 3_000, `${tookMs} ms`)
  await publish(janus, clients, 'annex', 'bob')
  assert.deepEqual(
    server.log.slice(lines).filter((line) => /bug|exit/i.test(line)),
    [],
  )
})
