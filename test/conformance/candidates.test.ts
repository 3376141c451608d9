/** Addresses that clients tell us: an ICE-lite server needs none, and must not mind any. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AUDIO_SSRC, openStage } from '../support/call.js'
import { readRemote } from '../support/media-client.js'

const candidates = [
  // mDNS, as browsers write it without permission for a camera.
  'candidate:1 1 udp 2122260223 0d4f9c1c-5f07-4d9a-8b3e-6d1f5c2b7a11.local 55105 typ host generation 0 network-id 1',
  'candidate:2 1 udp 2122262783 2001:db8::1 50000 typ host',
  'candidate:3 1 udp 2122262783 fe80::1%eth0 50000 typ host',
  'candidate:4 1 udp 2122262783 ::ffff:10.0.0.1 50000 typ host',
  'candidate:5 1 udp 1686052607 turn.example.org 50000 typ srflx raddr 0.0.0.0 rport 0',
  'candidate:6 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0',
  'candidate:7 1 tcp 1518280447 192.0.2.1 4000 typ host tcptype so',
  'candidate:8 1 ssltcp 1518280447 192.0.2.1 443 typ relay raddr 192.0.2.2 rport 5',
  'candidate:9 2 udp 2122260222 192.0.2.1 50001 typ host',
  'candidate:10 1 udp 99999999999999999999 192.0.2.1 99999 typ host',
  'candidate:11 1 udp -1 192.0.2.1 -5 typ moon unknown',
  'candidate:12 1 quic 1 192.0.2.1 1 typ host',
  'candidate:',
  'candidate',
  'candidate: \u0000 \u202e %s %n <script>',
  `candidate:13 1 udp 1 ${'a'.repeat(900)}.local 1 typ host`,
]

test('candidates of any kind, in descriptions and trickled, are taken in silence, and the call comes up', async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '1', '--log-level', 'debug'])
  const handle = await janus.attach()
  const trickle = (fields: object) => janus.request('trickle', { handle_id: handle.id, ...fields })
  const peer = clients.peer()
  const offer = peer.offer({ audio: AUDIO_SSRC })
  const lines = candidates.filter((text) => !text.includes('\u0000')).map((text) => `a=${text}\r\n`)
  const withCandidates = offer.replaceAll('a=mid:', `${lines.join('')}a=end-of-candidates\r\na=mid:`)
  assert.ok(withCandidates.length > offer.length + 2_000)

  // Before the description, all of them after it.
  for (const candidate of candidates)
    assert.equal((await trickle({ candidate: { candidate, sdpMid: '0' } })).janus, 'ack')
  const up = handle.next('webrtcup')
  const { jsep, plugindata } = await handle.message({}, { type: 'offer', sdp: withCandidates })
  assert.ok(jsep, JSON.stringify(plugindata))
  const all = candidates.map((candidate) => ({ candidate, sdpMid: '0', sdpMLineIndex: 0 }))
  assert.equal((await trickle({ candidates: all })).janus, 'ack')
  for (const candidate of candidates)
    assert.equal((await trickle({ candidate: { candidate, sdpMid: '0' } })).janus, 'ack')
  assert.equal((await trickle({ candidate: { completed: true } })).janus, 'ack')
  await Promise.all([peer.connect(readRemote(jsep.sdp)), up])

  // Again in the next description, as browsers do.
  const again = await handle.message({}, { type: 'offer', sdp: withCandidates })
  assert.ok(again.jsep, JSON.stringify(again.plugindata))
  const totals = await server.totals()
  assert.equal(totals.bugs, 0)
  for (const line of server.log) assert.doesNotMatch(line, /candidate|\.local|2001:db8|typ host/)
})
