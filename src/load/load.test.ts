/** Parts of the load generator that need no server; test/conformance/load.test.ts has the whole. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { writeAnswer, writeOffer } from './description.js'
import { showProgress } from './display.js'
import { type LoadFlag, loadFlagDefault, loadFlagKeys, loadFlagName, loadFlags, readLoadFlags } from './flags.js'
import { ipBytes, isOwnAddress, plainIp } from './ip.js'
import type { LoadProgress } from './load.js'
import { readRemote } from './remote.js'
import { STAMP_BYTES, Stamps } from './stamp.js'
import { isThisMachine, refuseTarget } from './target.js'

const transport = { ip: '127.0.0.1', port: 5_000, ufrag: 'abcd', pwd: 'p'.repeat(24), fingerprint: 'AA:BB' }

test('addresses as bytes', () => {
  assert.deepEqual([...ipBytes('192.0.2.7')], [192, 0, 2, 7])
  assert.deepEqual([...ipBytes('::1')], [...new Array(15).fill(0), 1])
  assert.deepEqual([...ipBytes('2001:db8::a:b')], [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa, 0, 0xb])
  assert.deepEqual([...ipBytes('::ffff:192.0.2.7')].slice(10), [255, 255, 192, 0, 2, 7])
  assert.equal(plainIp('::ffff:127.0.0.1'), '127.0.0.1')
})

test('only this machine may be loaded, unless told otherwise', () => {
  for (const url of [
    'ws://localhost:8188',
    'ws://127.0.0.1',
    'wss://127.9.9.9/?profile=upstream',
    'ws://[::1]:8188/',
  ]) {
    assert.equal(refuseTarget(url, false), undefined, url)
  }
  for (const url of [
    'ws://10.0.0.1',
    'ws://[::2]',
    'ws://localhost.example',
    'ws://127.0.0.1.example',
    'ws://0.0.0.0',
  ]) {
    assert.match(refuseTarget(url, false)!, /is not this machine/, url)
    assert.equal(refuseTarget(url, true), undefined, url)
  }
  for (const url of ['http://localhost', 'localhost:8188', '']) assert.match(refuseTarget(url, true)!, /expected/, url)
  assert.deepEqual(['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1', 'x'].map(isOwnAddress), [
    true,
    true,
    false,
    false,
    false,
  ])
})

test('the secret of our own server is for this machine', () => {
  for (const url of ['ws://localhost:8188', 'wss://127.0.0.1/', 'ws://[::1]']) assert.ok(isThisMachine(url), url)
  for (const url of ['ws://192.0.2.1', 'wss://janus.example', 'ws://localhost.example', 'no URL']) {
    assert.ok(!isThisMachine(url), url)
  }
})

test('a description of Janus: the candidate of our family that may be reached', () => {
  const sdp = [
    'a=ice-ufrag:Qx1',
    'a=ice-pwd:secret',
    `a=fingerprint:sha-256 ${new Array(32).fill('0A').join(':')}`,
    'a=setup:actpass',
    'a=candidate:1 1 tcp 1015021823 198.18.0.2 9 typ host tcptype active',
    'a=candidate:2 1 udp 2015363327 2001:db8::5 20001 typ host',
    'a=candidate:3 1 udp 2015363327 198.18.0.2 20002 typ host',
    'a=candidate:4 1 udp 2015363327 127.0.0.1 20003 typ host',
  ].join('\r\n')
  const { fingerprint, ...rest } = readRemote(sdp)
  assert.deepEqual(rest, { ip: '198.18.0.2', port: 20_002, ufrag: 'Qx1', pwd: 'secret', setup: 'actpass' })
  assert.deepEqual([fingerprint.length, fingerprint[31]], [32, 10])
  assert.equal(readRemote(sdp, '127.0.0.1', isOwnAddress).port, 20_003)
  assert.equal(readRemote(sdp, '::1').port, 20_001)
  assert.throws(() => readRemote(sdp, '127.0.0.1', () => false), /198\.18\.0\.2, which is not allowed/)
  assert.throws(() => readRemote(sdp.replace(/^a=setup.*$/m, '')), /no setup/)
  assert.throws(() => readRemote('v=0'), /no UDP host candidate/)
})

test('an offer has an m-line for data and each source, with its candidate', () => {
  const offer = writeOffer(transport, { video: 77 })
  assert.deepEqual(
    offer.match(/^m=.*$/gm)?.map((line) => line.trim()),
    ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'm=video 9 UDP/TLS/RTP/SAVPF 96 97'],
  )
  assert.equal(offer.match(/^a=candidate:1 1 udp \d+ 127\.0\.0\.1 5000 typ host\r$/gm)?.length, 2)
  assert.match(offer, /^a=ssrc:77 /m)
})

test('an answer has the payload types, ids and mids of the offer, and rejects what is not ours', () => {
  const offer = [
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 8 63 109',
    'a=mid:a',
    'a=rtpmap:109 OPUS/48000/2',
    'a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid',
    'm=video 9 UDP/TLS/RTP/SAVPF 100 101',
    'a=mid:b',
    'a=rtpmap:100 VP8/90000',
    'a=rtpmap:101 rtx/90000',
    'a=fmtp:101 apt=100',
    'm=video 9 UDP/TLS/RTP/SAVPF 107',
    'a=mid:c',
    'a=rtpmap:107 H264/90000',
    'm=application 9 DTLS/SCTP 5000',
    'a=mid:d',
    '',
  ].join('\r\n')
  const [head, ...sections] = writeAnswer(transport, offer).split(/^(?=m=)/m)
  assert.match(head!, /^a=group:BUNDLE a b c d\r$/m)
  assert.deepEqual(
    sections.map((section) => [/^m=.*?(?=\r)/.exec(section)?.[0], /^a=mid:(.*)\r/m.exec(section)?.[1]]),
    [
      ['m=audio 9 UDP/TLS/RTP/SAVPF 109', 'a'],
      ['m=video 9 UDP/TLS/RTP/SAVPF 100 101', 'b'],
      ['m=video 0 UDP/TLS/RTP/SAVPF 107', 'c'],
      ['m=application 9 DTLS/SCTP 5000', 'd'],
    ],
  )
  assert.match(sections[0]!, /^a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r$/m)
  assert.match(sections[1]!, /^a=fmtp:101 apt=100\r$/m)
})

test('stamps are found at the end of a payload, and those of another run are not', () => {
  const [ours, others] = [new Stamps(), new Stamps()]
  const bytes = new Uint8Array(STAMP_BYTES + 10)
  ours.write(bytes, bytes.length - 2, 4_000_000_000, 7)
  const stamp = ours.read(bytes, 3, bytes.length - 5)
  assert.deepEqual([stamp?.sender, stamp?.seq], [4_000_000_000, 7])
  assert.ok(Math.abs(stamp!.sentAtMicros - performance.now() * 1_000) < 1e6)
  assert.equal(others.read(bytes, 3, bytes.length - 5), undefined)
  assert.equal(ours.read(bytes, 0, STAMP_BYTES - 1), undefined)
  assert.equal(ours.read(bytes, 0, bytes.length), undefined)
})

const progress = (phase: LoadProgress['phase'], audio: number): LoadProgress => ({
  phase,
  users: 4,
  joined: 2,
  connections: 3,
  received: { audio, video: 0, data: 0 },
  errors: 1,
})

test('progress is one line that changes on a terminal, and a line for each phase elsewhere', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const written = { terminal: '', file: '' }
  let now = progress('coming', 0)
  const terminal = { isTTY: true, columns: 30, write: (text: string) => (written.terminal += text) }
  const ends = [
    showProgress(terminal, () => now),
    showProgress({ write: (text: string) => (written.file += text) }, () => now),
  ]
  t.mock.timers.tick(1_000)
  assert.equal(written.file, '')
  now = progress('measuring', 500)
  t.mock.timers.tick(250)
  for (const end of ends) end()
  assert.match(written.file, /^ +\d+ s {2}measuring {2}2\/4 joined, 3 connections, audio \d+\/s, 1 errors\n$/)
  const lines = written.terminal.split('\r\x1b[K')
  // Before the first there is nothing, and nothing is left.
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [7, '', ''])
  assert.ok(lines.every((line) => line.length < 30 && !line.includes('\n')))
})

test('docs/load.md says of every flag what the table says', () => {
  const docs = readFileSync(new URL('../../../docs/load.md', import.meta.url), 'utf8')
  const rows = docs
    .split('\n')
    .filter((line) => line.startsWith('| `--'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$|`/g, '').trim()))
  assert.deepEqual(
    rows.map(([name, byDefault]) => [name, byDefault]),
    loadFlagKeys.map((key) => {
      const { value }: LoadFlag = loadFlags[key]
      return [`${loadFlagName(key)}${value === undefined ? '' : ` <${value}>`}`, loadFlagDefault(key) ?? '']
    }),
  )
  assert.ok(rows.every(([, , meaning]) => meaning))
})

test('flags have values of their types, or a sentence each', () => {
  const read = readLoadFlags({ url: 'ws://localhost', data: '30', video: true })
  assert.ok(!Array.isArray(read))
  assert.deepEqual([read.data, read.video, read.audio, read.rooms, read.token], [30, true, false, 1, undefined])
  assert.deepEqual(readLoadFlags({ rooms: '0' }), [
    '--url: expected text',
    '--rooms: expected a whole number from 1 to 1000',
  ])
})
