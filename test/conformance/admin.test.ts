/** The admin listener of a real server: who gets in, what it shows of real peer connections, and what it can do. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { vp8 } from '../../src/media/forward/testing/packets.js'
import { rembPacket } from '../scenarios/stage/rtcp.js'
import { AUDIO_SSRC, OPUS, openStage, type Party, publish, speak, subscribe, VIDEO_SSRC } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { readRemote } from '../support/media-client.js'
import { ADMIN_SECRET, HttpOperator, overWebSocket } from '../support/operator.js'
import { startServer } from '../support/server-process.js'

const secret = ['--admin-secret', ADMIN_SECRET]
const open = async (t: TestContext, flags: string[] = []) => {
  const stage = await openStage(t, ['--workers', '1', ...secret, ...flags])
  return { ...stage, operator: new HttpOperator(stage.server) }
}
const ids = (handle: { id: number; janus: { sessionId: number } }) => ({
  session_id: handle.janus.sessionId,
  handle_id: handle.id,
})

test('J-106 the admin API wants its secret, over HTTP and over WebSockets', async (t) => {
  const { operator, server } = await open(t)
  const info = (await (await operator.get('/admin/info')).json()) as Record<string, unknown>
  assert.deepEqual([info.janus, typeof info.transaction, info.name], ['server_info', 'string', 'rostra'])
  assert.equal(((await (await operator.get('/admin/ping')).json()) as { janus: string }).janus, 'pong')
  assert.equal((await operator.send('ping', { admin_secret: undefined })).janus, 'pong')
  assert.equal((await operator.send('list_sessions', { admin_secret: 'wrong' })).error?.code, 403)
  assert.equal((await operator.send('list_sessions')).janus, 'success')
  const list = JSON.stringify({ janus: 'list_sessions', transaction: 't', admin_secret: ADMIN_SECRET })
  const reply = await overWebSocket(operator.url, 'janus-admin-protocol', list)
  assert.deepEqual([reply.janus, reply.transaction, (reply.sessions as []).length], ['success', 't', 1])
  const none = JSON.stringify({ janus: 'list_sessions', transaction: 't' })
  const refused = await overWebSocket(operator.url, 'janus-admin-protocol', none)
  assert.equal((refused.error as { code: number }).code, 403)
  for (const path of ['/metrics', '/health']) {
    const statuses = [
      await operator.get(path),
      await operator.get(path, 'wrong'),
      await operator.get(path, ADMIN_SECRET),
    ]
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [401, 401, 200],
      path,
    )
  }
  const metrics = await (await operator.get('/metrics', ADMIN_SECRET)).text()
  assert.match(metrics, /^rostra_operators_refused_total\{reason="secret"\} 6$/m)
  await assert.rejects(overWebSocket(server.url, 'janus-admin-protocol', list), /Unexpected server response: 400/)
  await assert.rejects(overWebSocket(operator.url, 'janus-protocol', list), /Unexpected server response: 400/)
  assert.ok(!server.log.join('\n').includes(ADMIN_SECRET))
})

test('J-107 what is no request, over HTTP and over WebSockets', async (t) => {
  const { operator } = await open(t)
  const post = async (path: string, body: string) =>
    ((await (await operator.post(path, body)).json()) as { error: { code: number; reason: string } }).error
  assert.equal((await operator.send('foo')).error?.reason, "Unhandled request 'foo' at this path")
  assert.equal((await post('/admin', 'zz')).code, 454)
  assert.equal((await post('/admin', '[]')).code, 455)
  assert.deepEqual(await post('/admin', ''), { code: 454, reason: 'Request payload missing' })
  assert.equal((await post('/admin/info', '{}')).reason, 'Use GET for the info endpoint')
  const conflict = JSON.stringify({ janus: 'list_handles', transaction: 't', session_id: 1 })
  assert.equal((await post('/admin/2', conflict)).reason, 'Conflicting session ID (payload and path)')
  for (const path of ['/admin', '/admin/1', '/admin/1/2']) {
    const reply = (await (await operator.get(path)).json()) as { error: { code: number; reason: string } }
    assert.deepEqual(reply.error, { code: 454, reason: 'Request payload missing' })
  }
  for (const path of ['/admin/x', '/admin/1/2/3', '/', '/janus', '/admins']) {
    assert.equal((await operator.get(path)).status, 404, path)
  }
  const text = await overWebSocket(operator.url, 'janus-admin-protocol', 'zz')
  assert.deepEqual(text, { janus: 'error', error: { code: 456, reason: 'Missing mandatory element (transaction)' } })
  const long = await operator.post('/admin', 'x'.repeat(300_000))
  assert.equal(long.status, 413)
  const options = await fetch(`${operator.url}/admin`, { method: 'OPTIONS' })
  assert.deepEqual([options.status, options.headers.get('access-control-allow-origin')], [200, '*'])
})

test('without a secret there are metrics and health, and nothing else', async (t) => {
  const server = await startServer(['--workers', '1'])
  t.after(() => server.stop())
  const operator = new HttpOperator(server)
  assert.match(operator.url, /^http:\/\/127\.0\.0\.1:/)
  for (const path of ['/admin', '/admin/info', '/admin/ping'])
    assert.equal((await operator.get(path)).status, 404, path)
  assert.equal((await operator.post('/admin', '{}')).status, 404)
  await assert.rejects(overWebSocket(operator.url, 'janus-admin-protocol', '{}'), /Unexpected server response: 404/)
  assert.equal((await operator.get('/metrics')).status, 200)
  assert.equal((await operator.get('/health')).status, 200)
})

test('H-48 who is not on the access list is cut off', async (t) => {
  const flags = ['--workers', '1', ...secret]
  const closed = await startServer([...flags, '--admin-acl', '10.0.0.0/8', '--admin-acl', '::/0'])
  t.after(() => closed.stop())
  await assert.rejects(new HttpOperator(closed).get('/health'), /fetch failed/)
  await assert.rejects(
    overWebSocket(String(closed.listening.admin), 'janus-admin-protocol', '{}'),
    /socket hang up|ECONNRESET/,
  )
  const admitted = await startServer([...flags, '--admin-acl', '127.0.0.0/8'])
  t.after(() => admitted.stop())
  assert.equal((await new HttpOperator(admitted).send('get_status')).janus, 'success')
})

test('J-108 handle_info shows the transport and the figures of real peer connections', async (t) => {
  const { operator, janus, clients } = await open(t)
  const alice = await publish(janus, clients, 'hall', 'alice')
  const bob = await subscribe(janus, clients, 'hall', 'bob', 'alice')
  const voice = speak(alice.peer)
  await eventually('bob hears', () => bob.peer.rtpPackets >= 50)
  voice.stop()
  const path = `/admin/${janus.sessionId}/${alice.handle.id}`
  const { info } = await operator.send('handle_info', {}, path)
  assert.deepEqual([info!.plugin, info!.session_transport], ['janus.plugin.sfu', 'janus.transport.websockets'])
  assert.equal(info!.plugin_specific.room_id, 'hall')
  assert.equal(info!.plugin_specific.user_id, 'alice')
  for (const flag of ['got-offer', 'got-answer', 'negotiated', 'ready', 'has-audio', 'has-video', 'data-channels']) {
    assert.equal(info!.flags[flag], true, flag)
  }
  assert.match(info!.sdps.remote!, /^v=0/)
  assert.match(info!.sdps.local!, /a=ice-lite/)
  const { ice, dtls, media, extensions } = info!.webrtc
  assert.equal(ice.state, 'ready')
  assert.match(
    String(ice['selected-pair']),
    new RegExp(`^127\\.0\\.0\\.1:\\d+ .* <-> 127\\.0\\.0\\.1:${alice.peer.port} `),
  )
  assert.deepEqual([dtls['dtls-state'], dtls['srtp-profile']], ['connected', 'SRTP_AEAD_AES_128_GCM'])
  assert.equal(dtls['remote-fingerprint'], alice.peer.fingerprint)
  assert.ok(Number(dtls['handshake-started']) <= Number(dtls.connected))
  assert.ok(Number(dtls.connected) <= Number(info!.current_time))
  assert.equal(extensions['urn:ietf:params:rtp-hdrext:sdes:mid'], 1)
  const audio = Object.values(media).find(({ type }) => type === 'audio')!
  assert.deepEqual(
    [audio.ssrc['ssrc-peer'], audio.codecs, audio.direction],
    [AUDIO_SSRC, { pt: OPUS, codec: 'opus' }, { send: false, recv: true }],
  )
  assert.ok(audio.stats.in.packets >= 50 && audio.stats.in.packets <= voice.sent, JSON.stringify(audio.stats))
  assert.equal(audio.stats.in.bytes, audio.stats.in.packets * 100)
  const other = await operator.send('handle_info', ids(bob.handle))
  const heard = Object.values(other.info!.webrtc.media).find(({ type }) => type === 'audio')!
  assert.ok(heard.stats.out.packets >= 50, JSON.stringify(heard.stats))
  assert.equal(heard.stats.out.bytes, heard.stats.out.packets * 100)
  assert.equal(other.info!.plugin_specific.media, 'alice')
})

const SMALL_SSRC = VIDEO_SSRC
const LARGE_SSRC = VIDEO_SSRC + 1
const TRANSPORT_SEQ_ID = 5
const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'

/** Sends a small picture and a large one 25 times a second, as keyframes and numbered for transport-wide feedback. */
function film(t: TestContext, { peer }: Party): void {
  let frames = 0
  let numbers = 0
  const timer = setInterval(() => {
    for (const [ssrc, bytes] of [
      [SMALL_SSRC, 100],
      [LARGE_SSRC, 1000],
    ] as const) {
      const number = numbers++
      const extension = Uint8Array.of(0xbe, 0xde, 0, 1, (TRANSPORT_SEQ_ID << 4) | 1, number >> 8, number, 0)
      const packet = { ssrc, pt: 96, extSeq: 500 + frames, timestamp: frames * 3600, marker: true }
      peer.sendRtp(packet, vp8(true, ...new Array<number>(bytes).fill(7)), extension)
    }
    frames++
    peer.flush()
  }, 40)
  t.after(() => clearInterval(timer))
}

test('J-108 handle_info shows encodings, what a viewer is to get of them, and what both paths hold', async (t) => {
  const { operator, janus, clients } = await open(t)
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: 'hall', user_id: 'alice' })
  const alice = { handle, peer: clients.peer() }
  const simulcast = [SMALL_SSRC, LARGE_SSRC].map((ssrc) => `a=ssrc:${ssrc} cname:client\r\n`)
  const sdp = [
    ...[alice.peer.offer({ video: VIDEO_SSRC }).replace(/a=ssrc:.*\r\n/, ''), ...simulcast],
    ...[`a=ssrc-group:SIM ${SMALL_SSRC} ${LARGE_SSRC}\r\n`, 'a=rtcp-fb:96 transport-cc\r\n'],
    `a=extmap:${TRANSPORT_SEQ_ID} ${TRANSPORT_CC}\r\n`,
  ].join('')
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp })
  await Promise.all([alice.peer.connect(readRemote(jsep!.sdp)), up])
  film(t, alice)
  const bob = await subscribe(janus, clients, 'hall', 'bob', 'alice')
  // There is room for both, then, step by step, for the small one alone.
  let rembBps = 2_000_000
  let leastBps = rembBps
  bob.peer.onRtp = ({ ssrc }) => {
    rembBps = Math.max(leastBps, Math.round(rembBps * 0.95))
    bob.peer.sendRtcp(rembPacket(1, rembBps, [ssrc]))
    bob.peer.flush()
  }
  const webrtcOf = async (party: Party) => (await operator.send('handle_info', ids(party.handle))).info!.webrtc
  const videoOf = async (party: Party) => {
    const { bwe, media } = await webrtcOf(party)
    return { bwe: bwe!, ...Object.values(media).find(({ type }) => type === 'video')! }
  }
  const isAll = async () => {
    const video = await videoOf(bob)
    return video.target?.spatial === 1 && video.stats.out.bytes_lastsec > 15_000 && video
  }
  const all = await eventually('all of it comes', isAll, { withinMs: 15_000 })
  assert.deepEqual([all.bwe.twcc, all.bwe.remb, 'limit' in all], [false, rembBps, false])
  leastBps = 100_000
  const isSmall = async () => {
    const video = await videoOf(bob)
    return video.limit === 'budget' && video.bwe.remb === leastBps && video
  }
  const viewed = await eventually('the budget is that of the small one', isSmall, { withinMs: 15_000 })
  assert.deepEqual(viewed.target, { spatial: 0 })
  assert.ok(viewed.bwe.estimate! > 0 && viewed.bwe.estimate! <= leastBps, JSON.stringify(viewed.bwe))
  assert.equal('encodings' in viewed, false)

  const sent = await eventually('a second of the small one was counted', async () => {
    const video = await videoOf(alice)
    return video.encodings?.every(({ bps }) => bps > 0) && video.encodings[0]!.subscriptions === 1 && video
  })
  assert.deepEqual(
    sent.encodings!.map(({ ssrc, active, subscriptions }) => [ssrc, active, subscriptions]),
    [
      [SMALL_SSRC, true, 1],
      [LARGE_SSRC, true, 0],
    ],
  )
  const [small, large] = sent.encodings!.map(({ bps }) => bps)
  assert.ok(large! > 4 * small!, `${small} and ${large} bit/s`)
  assert.equal(sent.bwe.twcc, true)
  assert.ok(sent.bwe['feedback-sent']! > 0 && sent.bwe.cap! > 0, JSON.stringify(sent.bwe))
  for (const key of ['estimate', 'remb']) assert.equal(key in sent.bwe, false, 'it estimates its path by itself')
  for (const key of ['target', 'limit']) assert.equal(key in sent, false)
})

test('J-087 operators hang up, detach and destroy', async (t) => {
  const { operator, janus, clients } = await open(t)
  const alice = await publish(janus, clients, 'hall', 'alice')
  const hangup = alice.handle.next('hangup')
  assert.equal((await operator.send('hangup_webrtc', ids(alice.handle))).janus, 'success')
  assert.equal((await hangup).reason, 'Admin API')
  const detached = alice.handle.next('detached')
  await operator.send('detach_handle', ids(alice.handle))
  await detached
  const before = janus.messages.length
  await operator.send('destroy_session', { session_id: janus.sessionId })
  const reply = await janus.request('keepalive')
  assert.equal(reply.error?.code, 458)
  assert.equal(janus.messages.length, before + 1, 'nothing but the answer')
})

test('J-111 rooms are looked into, and users kicked', async (t) => {
  const { operator, janus, clients } = await open(t)
  const alice = await publish(janus, clients, 'hall', 'alice')
  const ask = async (request: object) =>
    (await operator.send('message_plugin', { plugin: 'janus.plugin.sfu', request })).response as {
      success: boolean
      response: Record<string, unknown>
    }
  assert.deepEqual(await ask({ kind: 'list_rooms' }), {
    success: true,
    response: { rooms: [{ room_id: 'hall', users: 1, connections: 1 }], total: 1 },
  })
  const detached = alice.handle.next('detached')
  assert.deepEqual((await ask({ kind: 'kick', user_id: 'alice' })).response, { kicked: 1 })
  await detached
  assert.deepEqual((await ask({ kind: 'list_users' })).response, { users: [], total: 0 })
  assert.equal((await ask({ kind: 'nonsense' })).success, false)
})

test('J-112 a capture has what passed, and ends', async (t) => {
  const { operator, janus, clients } = await open(t, ['--capture-dir', 'captures'])
  const alice = await publish(janus, clients, 'hall', 'alice')
  const start = await operator.send('start_pcap', { ...ids(alice.handle), folder: 'monday', filename: 'alice.pcap' })
  assert.equal(start.janus, 'success', JSON.stringify(start))
  assert.equal((await operator.send('start_pcap', ids(alice.handle))).error?.reason, 'pcap already started')
  const voice = speak(alice.peer)
  await eventually('some was said', () => voice.sent >= 20)
  voice.stop()
  await eventually('all has arrived', async () => {
    const { info } = await operator.send('handle_info', ids(alice.handle))
    return Object.values(info!.webrtc.media).some(({ stats }) => stats.in.packets === voice.sent)
  })
  assert.equal((await operator.send('stop_pcap', ids(alice.handle))).janus, 'success')
  assert.equal((await operator.send('stop_pcap', ids(alice.handle))).error?.reason, 'Capture not started')
  const file = String(start.file)
  assert.match(file, /\/captures\/monday\/alice\.pcap$/)
  const packets = await eventually('the file is written', () => {
    const found = packetsOf(readFileSync(file)).filter((bytes) => bytes.length > 12 && (bytes[1]! & 0x7f) === OPUS)
    return found.length === voice.sent && found
  })
  assert.ok(packets.every((bytes) => bytes[0]! >> 6 === 2 && bytes.readUInt32BE(8) === AUDIO_SSRC))
  assert.equal((await operator.send('start_pcap', { ...ids(alice.handle), filename: '../x' })).error?.code, 490)
})

/** UDP payloads of a pcap file with IPv4 packets. */
function packetsOf(file: Buffer): Buffer[] {
  const packets: Buffer[] = []
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32BE(at + 8)
    if (at + 16 + length > file.length) break
    packets.push(file.subarray(at + 16 + 28, at + 16 + length))
    at += 16 + length
  }
  return packets
}

test('J-083 slowlink is told from the threshold on, and never by default', async (t) => {
  const { operator, janus, clients } = await open(t)
  const alice = await publish(janus, clients, 'hall', 'alice')
  let seq = 0
  const say = (lose: number) => {
    seq += lose
    alice.peer.sendRtp(
      { ssrc: AUDIO_SSRC, pt: OPUS, extSeq: 500 + seq++, timestamp: seq * 960, marker: false },
      new Uint8Array(50),
    )
    alice.peer.flush()
  }
  const timer = setInterval(() => say(seq % 10 === 5 ? 6 : 0), 20)
  t.after(() => clearInterval(timer))
  await eventually('two seconds of it', () => seq > 160)
  assert.ok(!janus.messages.some((message) => message.janus === 'slowlink'))
  const told = alice.handle.next('slowlink')
  assert.equal((await operator.send('set_slowlink_threshold', { slowlink_threshold: 5 })).slowlink_threshold, 5)
  const event = (await told) as unknown as Record<string, unknown>
  assert.deepEqual([event.mid, event.media, event.uplink], ['1', 'audio', true])
  assert.ok(Number(event.lost) >= 5, String(event.lost))
})

test('J-081 silence is told when operators want to hear of it', async (t) => {
  const { operator, janus, clients } = await open(t, ['--media-timeout', '0'])
  const alice = await publish(janus, clients, 'hall', 'alice')
  const began = alice.handle.next('media')
  const voice = speak(alice.peer)
  assert.equal((await began).receiving, true)
  voice.stop()
  assert.equal(((await operator.send('get_status')).status as Record<string, number>).no_media_timer, 0)
  const silent = alice.handle.next('media')
  const quiet = await Promise.race([silent, new Promise((resolve) => setTimeout(resolve, 1500, 'quiet'))])
  assert.equal(quiet, 'quiet')
  await operator.send('set_no_media_timer', { no_media_timer: 2 })
  const event = (await silent) as unknown as Record<string, unknown>
  assert.deepEqual([event.receiving, event.seconds], [false, 2])
})

test('health says why the server is not ready', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-health-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  const server = await startServer(['--workers', '1', '--data-dir', data])
  t.after(() => server.stop())
  const operator = new HttpOperator(server)
  const health = async () => {
    const response = await operator.get('/health')
    const { status, ready, problems } = (await response.json()) as Record<string, unknown>
    return { http: response.status, status, ready, problems }
  }
  assert.deepEqual(await health(), { http: 200, status: 'ok', ready: true, problems: [] })
  renameSync(data, `${data}-elsewhere`)
  const problems = ['the data folder cannot be written (ENOENT)']
  assert.deepEqual(await health(), { http: 503, status: 'degraded', ready: false, problems })
  renameSync(`${data}-elsewhere`, data)
  assert.equal((await health()).ready, true)
  process.kill(server.workerPids[0]!, 'SIGSTOP')
  const stuck = await eventually(
    'the worker is missed',
    async () => {
      const now = await health()
      return now.ready === false && now
    },
    { withinMs: 8000 },
  )
  assert.deepEqual(stuck.problems, ['1 of 1 media workers do not answer'])
  process.kill(server.workerPids[0]!, 'SIGCONT')
})
