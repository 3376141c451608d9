import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divide } from './full-trickle.js'
import { attached, offer, settled } from './testing/client.js'

const transport = (ufrag: string) => [
  `a=ice-ufrag:${ufrag}`,
  'a=candidate:1 1 udp 2015363327 192.0.2.1 5000 typ host',
  'a=candidate:2 1 udp 2015363326 2001:db8::1 5000 typ host',
  'a=end-of-candidates',
]
const session = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 't=0 0', 'a=ice-lite']
const rejected = ['m=video 0 UDP/TLS/RTP/SAVPF 0', 'a=inactive', 'a=mid:v']
const mline = (mid: string, ufrag: string) => ['m=audio 9 UDP/TLS/RTP/SAVPF 111', `a=mid:${mid}`, ...transport(ufrag)]
const text = (...lines: string[]) => `${lines.join('\r\n')}\r\n`

test('candidates are taken from the first m-line that has them, and out of all', () => {
  const sdp = text(...session, ...rejected, ...mline('a', 'u1'), ...mline('b', 'u1'))
  const bare = (mid: string) => ['m=audio 9 UDP/TLS/RTP/SAVPF 111', `a=mid:${mid}`, 'a=ice-ufrag:u1']
  assert.deepEqual(divide(sdp), {
    sdp: text(...session, ...rejected, ...bare('a'), ...bare('b')),
    candidates: [
      { sdpMid: 'a', sdpMLineIndex: 1, candidate: 'candidate:1 1 udp 2015363327 192.0.2.1 5000 typ host' },
      { sdpMid: 'a', sdpMLineIndex: 1, candidate: 'candidate:2 1 udp 2015363326 2001:db8::1 5000 typ host' },
    ],
    ufrag: 'u1',
  })
  const without = text(...session, ...rejected)
  assert.deepEqual(divide(without), { sdp: without, candidates: [], ufrag: undefined })
})

test('J-116 full trickle: the answer without candidates, then trickle events, then completed; once per ICE session', async () => {
  const { client, ids, handle } = attached({ fullTrickle: true })
  let ufrag = 'u1'
  // The fake plugin makes the jsep of a reply itself; pushes say theirs.
  const push = () => handle.port.push({ n: 1 }, { type: 'offer', sdp: text(...session, ...mline('0', ufrag)) })
  client.raw({ janus: 'message', transaction: 'off', ...ids, body: {}, jsep: offer })
  await settled()
  client.kinds()
  push()
  const common = { session_id: ids.session_id, sender: ids.handle_id }
  const [event, ...trickles] = client.received.splice(0)
  const { sdp } = event!.jsep as { sdp: string }
  assert.ok(sdp.includes('a=ice-ufrag:u1\r\n') && !sdp.includes('candidate'), sdp)
  const line = (candidate: string) => ({ sdpMid: '0', sdpMLineIndex: 0, candidate })
  assert.deepEqual(trickles, [
    { janus: 'trickle', ...common, candidate: line('candidate:1 1 udp 2015363327 192.0.2.1 5000 typ host') },
    { janus: 'trickle', ...common, candidate: line('candidate:2 1 udp 2015363326 2001:db8::1 5000 typ host') },
    { janus: 'trickle', ...common, candidate: { completed: true } },
  ])
  push()
  assert.deepEqual(client.kinds(), ['event'])
  ufrag = 'u2'
  push()
  assert.deepEqual(client.kinds(), ['event', 'trickle', 'trickle', 'trickle'])
  assert.equal(client.send('info')['full-trickle'], true)
})

test('J-115 without full trickle the SDP goes out as it is', () => {
  const { client, handle } = attached()
  const sdp = text(...session, ...mline('0', 'u1'))
  handle.port.push({}, { type: 'offer', sdp })
  assert.deepEqual(client.received.at(-1)!.jsep, { type: 'offer', sdp })
  assert.deepEqual(client.kinds(), ['event'])
  assert.equal(client.send('info')['full-trickle'], false)
})
