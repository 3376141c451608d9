import type { Extension } from './extension.js'

/** Which simulcast encoding a packet belongs to (RFC 8852 §3.1), in ASCII. A subscriber sees one stream, so none. */
export const rid = {
  uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  maxBytes: 16,
  onForward: 'drop',
} as const satisfies Extension
