import assert from 'node:assert/strict'
import {
  codecs,
  firstObu,
  newObuCursor,
  newRedView,
  newVp8View,
  newVp9View,
  nextObu,
  readH264Size,
  readRed,
  readVp8,
  readVp9,
  rewriteVp8Descriptor,
} from '../src/media/rtp/codecs/index.js'

const target = new Uint8Array(16)

/** Payloads of all codecs: every question is answered from the payload alone, and all parts lie inside it. */
export function fuzz(bytes: Uint8Array): void {
  const { length } = bytes
  const larger = new Uint8Array(length + 20).fill(0xff)
  larger.set(bytes, 5)
  for (const [name, codec] of Object.entries(codecs)) {
    assert.equal(codec.isKeyframe(bytes, 0, length), codec.isKeyframe(larger, 5, length), name)
  }
  vp8(bytes)
  const vp9 = newVp9View()
  if (readVp9(bytes, 0, length, vp9)) assert.ok(vp9.descriptorLength >= 1 && vp9.descriptorLength < length)
  const red = newRedView()
  if (readRed(bytes, 0, length, red)) assert.ok(red.offset >= 1 && red.offset + red.length === length && red.pt < 128)
  obus(bytes)
  h264Size(bytes, larger)
}

function h264Size(bytes: Uint8Array, larger: Uint8Array): void {
  const size = { width: 0, height: 0 }
  const same = { width: 0, height: 0 }
  const sound = readH264Size(bytes, 0, bytes.length, size)
  assert.equal(readH264Size(larger, 5, bytes.length, same), sound)
  assert.deepEqual(same, size)
  for (const side of [size.width, size.height])
    assert.ok(Number.isInteger(side) && side >= (sound ? 1 : 0) && side < 2 ** 15)
}

function vp8(bytes: Uint8Array): void {
  const view = newVp8View()
  if (!readVp8(bytes, 0, bytes.length, view)) return
  assert.ok(view.descriptorLength >= 1 && view.descriptorLength <= 6 && view.descriptorLength < bytes.length)
  const kept = rewriteVp8Descriptor(bytes, 0, view, target, 0, view.pictureId, view.tl0PicIdx)
  assert.deepEqual(target.subarray(0, kept), bytes.subarray(0, kept))
}

function obus(bytes: Uint8Array): void {
  const c = newObuCursor()
  let at = 1
  for (let ok = firstObu(c, bytes, 0, bytes.length); ok; ok = nextObu(c, bytes)) {
    assert.ok(c.offset >= at && c.length >= 1 && c.offset + c.length <= bytes.length)
    at = c.offset + c.length
  }
}
