/** H-13: payloads and descriptors that end too soon, in the forwarder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../../test/support/hex.js'
import type { ExtensionName, PayloadType } from '../control.js'
import { rtxPayload } from './testing/packets.js'
import { Scene, sendAudio, sendVideo, VIDEO_RTX_SSRC, VIDEO_SSRC, videoStream } from './testing/scene.js'

type VideoCodec = 'VP8' | 'VP9' | 'H264' | 'AV1'

/** Payloads with everything that a descriptor can have, the first one a keyframe. */
const payloads: Record<VideoCodec, string[]> = {
  VP8: ['90f08123076550 0200 9d012a4001f000 aabb', '90f081230745 51 aabb', '9080ff 51', '00 aabbcc'],
  VP9: [
    '8b8123180280 01e00100a3',
    'ec81230007a3',
    'ac81230307a3',
    '9f8123 0201 1b 0280 01e0 0140 00f0 02 08 14 30 04a3',
  ],
  H264: ['67 42e01f', '78 0004 6742e01f 0002 68ce', '7c 85 8884', '7d 85 0001 88', '79 0001 0002 6742', '65 888400'],
  AV1: ['28 06 0a0b00000004 3200', '08 02 0a0b 02 3200', '28 02 1200 0a0b', '98 0a0b00'],
}

/** A dependency descriptor with a template structure (AV1 RTP specification A.8), and one without. */
const descriptors = ['c00123 80 0003 4c6e 1f 29a2 d05f', '410124']

const extensions: Partial<Record<ExtensionName, number>> = { mid: 4, 'dependency-descriptor': 12 }

for (const [codec, texts] of Object.entries(payloads) as [VideoCodec, string[]][]) {
  test(`H-13 ${codec}: truncated at each byte, with and without a descriptor that is, first hand and as RTX`, () => {
    const scene = new Scene()
    const types: PayloadType[] = [{ codec, pt: 96, rtxPt: 97 }]
    const publisher = scene.publisher([{ ...videoStream, payloadTypes: types, extensions }])
    const change = {
      payloadTypes: [{ codec, pt: 120, rtxPt: 121 }],
      extensions: { mid: 3, 'dependency-descriptor': 9 },
    }
    scene.subscriber(publisher, [sendVideo(20, change)])
    let seq = 1000
    const keyframe = hex(texts[0]!)
    const send = (payload: Uint8Array, descriptor: Uint8Array, rtx = false) => {
      const element = descriptor.length > 0 ? { 12: descriptor } : {}
      const common = { timestamp: seq * 3000, extensions: { 4: '1', ...element } }
      if (rtx) {
        const hole = seq++
        scene.rtp(publisher, { ...common, pt: 96, seq: seq++ & 0xffff, ssrc: VIDEO_SSRC, payload: keyframe })
        scene.rtp(publisher, {
          ...common,
          ...{ pt: 97, seq: seq & 0xffff, ssrc: VIDEO_RTX_SSRC, payload: rtxPayload(hole & 0xffff, payload) },
        })
      } else scene.rtp(publisher, { ...common, pt: 96, seq: seq++ & 0xffff, ssrc: VIDEO_SSRC, payload })
    }
    send(keyframe, hex(descriptors[0]!))
    let sent = 1
    for (const text of texts) {
      for (let length = 0; length <= hex(text).length; length++) {
        for (const descriptor of descriptors) {
          for (let kept = 0; kept <= hex(descriptor).length; kept++) {
            send(hex(text).subarray(0, length), hex(descriptor).subarray(0, kept), kept % 2 === 1)
            sent += kept % 2 === 1 ? 2 : 1
            scene.advance(3)
          }
        }
      }
    }
    assert.equal(scene.router.totals.received_packets, sent)
    const before = scene.io.takeRtp()
    for (const { ssrc, transport } of before) assert.deepEqual([ssrc, transport], [20, 1])
    send(keyframe, hex(descriptors[0]!))
    const [after] = scene.io.takeRtp()
    const newest = Math.max(...before.map(({ extSeq }) => extSeq))
    assert.equal(after!.extSeq, newest + 1, 'the picture goes on, and numbers have no hole')
  })
}

test('H-13 RED: headers and blocks truncated at each byte', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  scene.subscriber(publisher, [sendAudio(12, { payloadTypes: [{ codec: 'opus', pt: 109 }] })])
  const texts = ['ef0f0002 6f aabb 78', '6f 7801', 'ef0f0004 ef010003 6f aabbccdd eeff00 78', 'ffffffff ffffffff']
  let seq = 1
  for (const text of texts) {
    for (let length = 0; length <= hex(text).length; length++) {
      const payload = hex(text).subarray(0, length)
      scene.rtp(publisher, { pt: 63, seq, timestamp: seq * 960, ssrc: 0xa0d10001, extensions: { 4: '0' }, payload })
      seq++
    }
  }
  assert.equal(scene.router.totals.received_packets, seq - 1)
  const before = scene.io.takeRtp()
  const payload = Uint8Array.of(0x78, 1)
  scene.rtp(publisher, { pt: 111, seq, timestamp: seq * 960, ssrc: 0xa0d10001, extensions: { 4: '0' }, payload })
  const after = scene.io.takeRtp()
  assert.equal(after.length, 2)
  for (const { ssrc, extSeq } of after) {
    const own = before.filter((packet) => packet.ssrc === ssrc).map((packet) => packet.extSeq)
    assert.equal(extSeq, Math.max(...own) + 1, 'numbers have no hole')
  }
})
