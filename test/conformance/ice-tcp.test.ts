/** ICE over TCP against a running server: whole calls, broken connections, and who comes to the port for other reasons. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { buildBindingRequest } from '../../src/media/endpoint/testing/stun-client.js'
import { openStage, publish, type Reach, speak, subscribe } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { readRemote } from '../support/media-client.js'
import { ADMIN_SECRET, HttpOperator } from '../support/operator.js'
import { frame, TcpBridge } from '../support/tcp-bridge.js'

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

/** A server, and a bridge by which clients reach it over TCP. */
async function openTcpStage(t: TestContext, flags: readonly string[] = []) {
  const stage = await openStage(t, ['--workers', '1', ...flags])
  const port = (stage.server.listening.rtcPorts as number[])[0]!
  const bridge = await TcpBridge.open({ ip: '127.0.0.1', port })
  t.after(() => bridge.close())
  const overTcp: Reach = (remote) => {
    assert.equal(remote.port, port)
    return { ...remote, ip: '127.0.0.1', port: bridge.port }
  }
  return { ...stage, port, bridge, overTcp }
}

async function open(t: TestContext, port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host)
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('descriptions carry a passive TCP candidate after the UDP ones, on the same port, and operators see it', async (t) => {
  const { server, clients, janus, port, overTcp } = await openTcpStage(t, ['--admin-secret', ADMIN_SECRET])
  const handle = await janus.attach()
  const { jsep } = await handle.message({}, { type: 'offer', sdp: clients.peer().offer({ audio: 1 }) })
  const candidates = [...new Set(jsep!.sdp.match(/^a=candidate:.*$/gm))].map((line) => line.trim())
  assert.deepEqual(
    candidates.map((line) => line.replace(/ \d{6,} /, ' ')),
    [
      `a=candidate:1 1 udp 127.0.0.1 ${port} typ host`,
      `a=candidate:2 1 tcp 127.0.0.1 ${port} typ host tcptype passive`,
    ],
  )
  const ann = await publish(janus, clients, 'room', 'ann', overTcp)
  const path = `/admin/${janus.sessionId}/${ann.handle.id}`
  const { ice } = (await new HttpOperator(server).send('handle_info', {}, path)).info!.webrtc
  assert.match(String(ice['selected-pair']), /\[host,tcp\] <-> 127\.0\.0\.1:\d+ \[prflx,tcp\]$/)
  assert.match(
    String((ice['local-candidates'] as string[])[1]),
    /^2 1 tcp \d+ 127\.0\.0\.1 \d+ typ host tcptype passive$/,
  )
})

test('several addresses, two names of one and one name of two: all are bound once, told once, and work', async (t) => {
  const addresses = ['127.0.0.1', '127.0.0.1=198.51.100.7', '127.0.0.2', '127.0.0.3=127.0.0.2']
  const ipv6 = hasIpv6 ? ['::1', '0::1=2001:DB8::7'] : []
  const flags = [...addresses, ...ipv6].flatMap((value) => ['--rtc-ip', value])
  const { clients, janus, port } = await openTcpStage(t, flags)
  const handle = await janus.attach()
  const { jsep } = await handle.message({}, { type: 'offer', sdp: clients.peer().offer({ audio: 1 }) })
  const told = [...new Set(jsep!.sdp.match(/^a=candidate:.*$/gm))].map((line) => line.split(' '))
  assert.ok(told.every((fields) => fields[5] === String(port)))
  const of = (protocol: string) => told.filter((fields) => fields[2] === protocol).map((fields) => fields[4])
  const expected = ['127.0.0.1', '198.51.100.7', '127.0.0.2', ...(hasIpv6 ? ['::1', '2001:db8::7'] : [])]
  assert.deepEqual([of('udp'), of('tcp')], [expected, expected])
  const priorities = told.map((fields) => Number(fields[3]))
  assert.equal(new Set(priorities).size, told.length)
  assert.deepEqual(
    priorities,
    [...priorities].sort((a, b) => b - a),
  )

  const ann = await publish(janus, clients, 'room', 'ann', (remote) => ({ ...remote, ip: '127.0.0.2' }))
  // Not told, but it is where 127.0.0.2 would be sent on from.
  const bob = await subscribe(janus, clients, 'room', 'bob', 'ann', (remote) => ({ ...remote, ip: '127.0.0.3' }))
  const voice = speak(ann.peer)
  t.after(() => voice.stop())
  await eventually('bob hears', () => bob.peer.rtpPackets > 5)
  for (const host of hasIpv6 ? ['127.0.0.3', '::1'] : ['127.0.0.3']) await open(t, port, host)
})

test('calls go over TCP, and between TCP and UDP, and go on when connections break', async (t) => {
  const { server, clients, janus, bridge, overTcp } = await openTcpStage(t)
  const ann = await publish(janus, clients, 'room', 'ann', overTcp)
  const bob = await subscribe(janus, clients, 'room', 'bob', 'ann', overTcp)
  const cid = await subscribe(janus, clients, 'room', 'cid', 'ann')
  const dora = await publish(janus, clients, 'room', 'dora')
  const eve = await subscribe(janus, clients, 'room', 'eve', 'dora', overTcp)
  const voices = [ann, dora].map(({ peer }) => speak(peer))
  t.after(() => {
    for (const voice of voices) voice.stop()
  })
  const listeners = [bob, cid, eve].map(({ peer }) => peer)
  const everybodyHears = () => listeners.every((peer) => peer.rtpPackets > 20)
  await eventually('everybody hears', everybodyHears)

  const before = await server.totals()
  assert.equal(before.tcp_opened! - before.tcp_closed!, 3)
  assert.equal(before.drop_srtp_auth! + before.drop_dtls_error! + before.send_tcp_full!, 0)

  bridge.breakConnections()
  await eventually('the server sees them go', async () => (await server.totals()).tcp_closed! === 3)
  for (const peer of listeners) peer.rtpPackets = 0
  await eventually('everybody hears again', everybodyHears, { withinMs: 10_000 })
  const after = await server.totals()
  assert.equal(after.tcp_opened! - after.tcp_closed!, 3)
  assert.equal(janus.messages.filter((message) => message.janus === 'hangup').length, 0)

  await bob.handle.janus.request('detach', { handle_id: bob.handle.id })
  await eventually('its connection goes with the peer connection', async () => {
    const now = await server.totals()
    return now.tcp_opened! - now.tcp_closed! === 2
  })
})

test('who proves nothing gets nothing: not a byte, ten seconds, and not all the places', async (t) => {
  const { server, clients, janus, port, overTcp } = await openTcpStage(t)
  const ann = await publish(janus, clients, 'room', 'ann', overTcp)
  const bob = await subscribe(janus, clients, 'room', 'bob', 'ann', overTcp)
  const { ufrag, pwd } = ann.peer.remote!
  const forged = buildBindingRequest({
    username: `${ufrag}:${ann.peer.ufrag}`,
    pwd: 'x'.repeat(22),
    useCandidate: true,
  })
  const right = buildBindingRequest({ username: `${ufrag}:${ann.peer.ufrag}`, pwd, useCandidate: true })
  const patient: Record<string, Uint8Array> = {
    nothing: new Uint8Array(0),
    'a forged check': frame(forged),
    'a ClientHello': frame(Buffer.concat([Buffer.from([22, 0xfe, 0xff]), randomBytes(150)])),
    'the beginning of a frame': Buffer.from([5, 0, 1]),
  }
  // What cannot become a check is not waited for.
  const hopeless: Record<string, Uint8Array> = {
    text: Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
    'a check without its frame': right,
    'empty frames': Buffer.alloc(60_000),
    'frames of a byte': Buffer.alloc(60_000, Buffer.from([0, 1, 0])),
    'frames that are too long': Buffer.alloc(70_000, 0xff),
    'something too short behind a forged check': Buffer.concat([frame(forged), frame(randomBytes(19))]),
  }
  const sinceMs = performance.now()
  const strangers = await Promise.all(
    Object.entries({ ...patient, ...hopeless }).map(async ([name, bytes]) => {
      const socket = await open(t, port)
      const stranger = { name, socket, got: 0, goneMs: 0 }
      socket.on('data', (data) => {
        stranger.got += data.length
      })
      socket.on('close', () => {
        stranger.goneMs = performance.now() - sinceMs
      })
      socket.write(bytes)
      return stranger
    }),
  )
  // One byte a second is no sign of life either.
  const slow = strangers.find(({ name }) => name === 'the beginning of a frame')!
  const drip = setInterval(() => slow.socket.writable && slow.socket.write('x'), 1_000)
  t.after(() => clearInterval(drip))

  const crowd = await Promise.all(Array.from({ length: 140 }, () => open(t, port)))
  await eventually('some of one host are refused', async () => (await server.totals()).tcp_refused! >= 10)
  const voice = speak(ann.peer)
  t.after(() => voice.stop())
  await eventually('the call goes on', () => bob.peer.rtpPackets > 20)
  for (const socket of crowd) socket.destroy()

  await eventually('all of them are gone', () => strangers.every(({ goneMs }) => goneMs > 0), { withinMs: 14_000 })
  for (const { name, got, goneMs } of strangers) {
    assert.equal(got, 0, name)
    if (name in hopeless) assert.ok(goneMs < 9_000, `${name}: ${goneMs} ms`)
    else assert.ok(goneMs > 9_000 && goneMs < 13_000, `${name}: ${goneMs} ms`)
  }
  const totals = await server.totals()
  assert.ok(totals.tcp_expired! >= Object.keys(patient).length)
  assert.equal(totals.tcp_malformed, Object.keys(hopeless).length)
  assert.equal(server.log.filter((line) => line.includes('bug')).length, 0)
  // A client of the same host gets in, and the call lives.
  const cid = await subscribe(janus, clients, 'room', 'cid', 'ann', overTcp)
  await eventually('another hears too', () => cid.peer.rtpPackets > 5)
})

test('switched off, there is no candidate and nobody listens', async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '1', '--rtc-tcp', 'false'])
  const handle = await janus.attach()
  const { jsep } = await handle.message({}, { type: 'offer', sdp: clients.peer().offer({ audio: 1 }) })
  assert.doesNotMatch(jsep!.sdp, / tcp /)
  assert.equal(readRemote(jsep!.sdp).port, (server.listening.rtcPorts as number[])[0])
  const socket = connect(readRemote(jsep!.sdp).port, '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
})
