import assert from 'node:assert/strict'
import { ExtensionWriter, elementLength, findElement } from '../src/media/rtp/extensions/index.js'
import { newRtpView, RtpFault, readRtp } from '../src/media/rtp/packet.js'

const writer = new ExtensionWriter()
const target = new Uint8Array(4096)

/**
 * Header extensions: the bytes are a whole block with its profile and length. All elements found lie inside it,
 * and a block written from them holds the same ones.
 */
export function fuzz(bytes: Uint8Array): void {
  const packet = new Uint8Array(12 + bytes.length + 3).fill(0x11)
  packet[0] = 0x90
  packet.set(bytes, 12)
  const view = newRtpView()
  if (readRtp(packet, 0, 12 + bytes.length, view) !== RtpFault.none) return

  const end = view.extensionOffset + view.extensionLength
  const found: [id: number, data: Uint8Array][] = []
  writer.begin(target, 12)
  for (let id = 1; id <= 255; id++) {
    const at = findElement(packet, view, id)
    if (at < 0) continue
    const length = elementLength(packet, view, at)
    assert.ok(at > view.extensionOffset && at + length <= end, `${id}: ${at} + ${length} > ${end}`)
    found.push([id, packet.slice(at, at + length)])
    writer.copy(id, packet, at, length)
  }
  const length = writer.end()
  assert.equal(length % 4, 0)
  if (found.length === 0) return assert.equal(length, 0)

  target.set(packet.subarray(0, 12))
  assert.equal(readRtp(target, 0, 12 + length, view), RtpFault.none)
  for (const [id, data] of found) {
    const at = findElement(target, view, id)
    assert.deepEqual(target.slice(at, at + elementLength(target, view, at)), data)
  }
}
