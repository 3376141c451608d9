import type { Extension } from './extension.js'

/**
 * When the frame was captured (webrtc.org experiment "abs-capture-time").
 *
 * ```
 * | absolute capture timestamp, NTP 32.32 seconds, 8 bytes        |
 * | estimated capture clock offset, signed 32.32 seconds, 8 bytes |  optional
 * ```
 */
export const absCaptureTime = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  maxBytes: 16,
  onForward: 'copy',
} as const satisfies Extension
