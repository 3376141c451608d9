/** Offers in which a row can choose every line, and answers taken apart. */
import type { MediaPeer } from '../../support/media-client.js'

export const data = [
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
]
/** As clients wrote it before 2018. */
export const oldData = ['m=application 9 DTLS/SCTP 5000', 'a=sctpmap:5000 webrtc-datachannel 1024']

export const AUDIO_PT = 111
export const VIDEO_PT = 96

export const audio = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:0 PCMU/8000',
  'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=rtcp-mux',
  'a=sendrecv',
]
export const video = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:98 VP9/90000',
  'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:4 urn:3gpp:video-orientation',
  'a=rtcp-mux',
  'a=sendrecv',
]
/** A codec that nobody has. */
export const strange = [
  'm=video 9 UDP/TLS/RTP/SAVPF 99',
  'a=rtpmap:99 smell-o-vision/90000',
  'a=rtcp-mux',
  'a=sendrecv',
]

export interface OfferOptions {
  readonly setup?: string
  readonly origin?: string
  readonly mids?: readonly string[]
}

/** An offer of these m-lines, with the peer's transport and no candidates. */
export function offerOf(
  peer: MediaPeer,
  mlines: readonly (readonly string[])[],
  {
    setup = 'actpass',
    origin = '- 4611731400430051336 2',
    mids = mlines.map((_, index) => String(index)),
  }: OfferOptions = {},
): string {
  const lines = ['v=0', `o=${origin} IN IP4 127.0.0.1`, 's=-', 't=0 0', `a=group:BUNDLE ${mids.join(' ')}`]
  const transport = [`a=ice-ufrag:${peer.ufrag}`, `a=ice-pwd:${peer.pwd}`]
  for (const [index, [m = '', ...rest]] of mlines.entries()) {
    lines.push(m, 'c=IN IP4 0.0.0.0', `a=mid:${mids[index]}`, ...transport)
    lines.push(`a=fingerprint:sha-256 ${peer.fingerprint}`, `a=setup:${setup}`, ...rest)
  }
  return lines.map((line) => `${line}\r\n`).join('')
}

/** Session level, then the m-lines, as arrays of lines. */
export const sections = (sdp: string): string[][] =>
  sdp.split(/\r\n(?=m=)/).map((section) => section.split('\r\n').filter((line) => line !== ''))

/** Values of `a=NAME:…` lines of a section. */
export const values = (section: readonly string[], name: string): string[] =>
  section.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3))

/** The one value of `a=NAME:…` in a description; the first m-line's when there are more. */
export const value = (sdp: string, name: string): string | undefined =>
  new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(sdp)?.[1]
