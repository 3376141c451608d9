import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../../test/support/hex.js'
import { newRtpView, RtpFault, readRtp } from './packet.js'

const read = (text: string, before = 0, after = 0) => {
  const packet = hex(text)
  const bytes = new Uint8Array(before + packet.length + after).fill(0xff)
  bytes.set(packet, before)
  const view = newRtpView()
  return { fault: readRtp(bytes, before, packet.length, view), view }
}

test('a plain packet', () => {
  //                             VPX M+PT seq  timestamp ssrc     payload
  const { fault, view } = read('80  ef   fffe 80000001  deadbeef 0102030405', 7, 3)
  assert.equal(fault, RtpFault.none)
  assert.deepEqual(view, {
    pt: 111,
    marker: true,
    seq: 0xfffe,
    timestamp: 0x80000001,
    ssrc: 0xdeadbeef,
    headerLength: 12,
    payloadOffset: 19,
    payloadLength: 5,
    extensionProfile: 0,
    extensionOffset: 19,
    extensionLength: 0,
  })
})

test('CSRCs, a one-byte extension block and padding', () => {
  //                             VPX  M+PT seq  timestamp ssrc     CSRC × 2          0xBEDE len  elements payload pad
  const { fault, view } = read(
    'b2   60   0001 00000064  00000001 11111111 22222222 bede   0001 10970000 aabb    000003',
    4,
  )
  assert.equal(fault, RtpFault.none)
  assert.equal(view.headerLength, 28)
  assert.equal(view.payloadOffset, 4 + 28)
  assert.equal(view.payloadLength, 2)
  assert.equal(view.extensionProfile, 0xbede)
  assert.equal(view.extensionOffset, 4 + 24)
  assert.equal(view.extensionLength, 4)
  assert.equal(view.marker, false)
})

const head = '60 0001 00000064 00000001'
const cases: [what: string, packet: string, fault: keyof typeof RtpFault, payloadLength?: number][] = [
  ['an empty datagram', '', 'short'],
  ['one byte less than a header', '80 60 0001 00000064 000000', 'short'],
  ['header only', `80${head}`, 'none', 0],
  ['version 1', `40${head}`, 'version'],
  ['version 3', `c0${head}`, 'version'],
  ['15 CSRCs claimed, none there', `8f${head}`, 'short'],
  ['extension without its word', `90${head} bede00`, 'extension'],
  ['extension longer than the packet', `90${head} bede0002 00000000`, 'extension'],
  ['the largest extension length', `90${head} bedeffff 00000000`, 'extension'],
  ['an empty extension', `90${head} bede0000 aa`, 'none', 1],
  ['pad count 0', `a0${head} aabb00`, 'padding'],
  ['pad count larger than the payload', `a0${head} aabb04`, 'padding'],
  ['pad count 255 on 3 bytes', `a0${head} aabbff`, 'padding'],
  ['P bit on an empty payload: no pad from the header', `a0 60 0001 00000064 00000001`, 'padding'],
  ['P bit on an empty payload behind an extension', `b0${head} bede0001 00000001`, 'padding'],
  ['nothing but padding', `a0${head} 000003`, 'none', 0],
  ['one byte of padding', `a0${head} aabb01`, 'none', 2],
]
for (const [what, packet, fault, payloadLength] of cases) {
  test(`${what}: ${fault}`, () => {
    const result = read(packet, 5, 300)
    assert.equal(Object.keys(RtpFault)[result.fault], fault)
    if (payloadLength !== undefined) assert.equal(result.view.payloadLength, payloadLength)
  })
}

test('a range outside the array is short', () => {
  const bytes = hex(`80${head} aabb`)
  assert.equal(readRtp(bytes, 0, bytes.length + 1, newRtpView()), RtpFault.short)
  assert.equal(readRtp(bytes, -1, 14, newRtpView()), RtpFault.short)
})

test('every prefix of a packet is a packet or a fault, and points inside the prefix', () => {
  const bytes = hex(`b1${head} 11111111 bede0001 10970000 aabb000003`)
  const view = newRtpView()
  for (let length = 0; length <= bytes.length; length++) {
    if (readRtp(bytes, 0, length, view) === RtpFault.none) {
      assert.ok(view.payloadOffset + view.payloadLength <= length, `${length}`)
    }
  }
})
