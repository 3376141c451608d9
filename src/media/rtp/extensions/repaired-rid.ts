import type { Extension } from './extension.js'

/** On an RTX packet: the rid of the encoding that it repairs (RFC 8852 §3.2), in ASCII. */
export const repairedRid = {
  uri: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  maxBytes: 16,
  onForward: 'drop',
} as const satisfies Extension
