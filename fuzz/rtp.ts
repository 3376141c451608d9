import assert from 'node:assert/strict'
import { newRtpView, RtpFault, readRtp } from '../src/media/rtp/packet.js'

const MARGIN = 7

/**
 * The RTP header reader: an answer for any bytes, the same wherever they stand and whatever surrounds them,
 * and all parts inside the packet.
 */
export function fuzz(bytes: Uint8Array): void {
  const view = newRtpView()
  const fault = readRtp(bytes, 0, bytes.length, view)
  assert.ok(Object.values<number>(RtpFault).includes(fault))

  const moved = newRtpView()
  const larger = new Uint8Array(bytes.length + 2 * MARGIN).fill(0xff)
  larger.set(bytes, MARGIN)
  assert.equal(readRtp(larger, MARGIN, bytes.length, moved), fault)
  if (fault !== RtpFault.none) return

  moved.payloadOffset -= MARGIN
  moved.extensionOffset -= MARGIN
  assert.deepEqual(moved, view)
  assert.equal(view.payloadOffset, view.headerLength)
  assert.ok(view.headerLength >= 12 && view.payloadLength >= 0)
  assert.ok(view.payloadOffset + view.payloadLength <= bytes.length)
  assert.ok(view.extensionOffset + view.extensionLength <= view.payloadOffset)
  assert.ok(view.pt < 128 && view.seq < 2 ** 16 && view.ssrc >= 0 && view.timestamp >= 0)
}
