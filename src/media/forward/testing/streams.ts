/** Packets of the streams that `Scene` knows: opus, and VP8 of one packet a frame. */
import assert from 'node:assert/strict'
import { vp8 } from './packets.js'
import type { SentRtp } from './recording-io.js'
import { AUDIO_SSRC, VIDEO_SSRC } from './scene.js'

export const opus = (seq: number, timestamp = seq * 960) => ({
  pt: 111,
  seq,
  timestamp,
  ssrc: AUDIO_SSRC,
  extensions: { 4: '0', 1: Uint8Array.of(0x85) },
  payload: Uint8Array.of(1, 2, seq & 0xff),
})

export const frame = (seq: number, keyframe: boolean, timestamp = seq * 3000) => ({
  pt: 96,
  marker: true,
  seq,
  timestamp,
  ssrc: VIDEO_SSRC,
  extensions: { 4: '1' },
  payload: vp8(keyframe, seq & 0xff),
})

/** Asserts that numbers of one SSRC go up by one. */
export function gapless(sent: SentRtp[]): void {
  for (let i = 1; i < sent.length; i++) assert.equal(sent[i]!.extSeq, sent[i - 1]!.extSeq + 1)
}
