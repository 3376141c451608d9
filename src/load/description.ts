/** Session descriptions of a client: data, opus and VP8, with every candidate it has inside (nothing is trickled). */

/** The transport of one peer, as it stands in its descriptions. */
export interface LocalTransport {
  readonly ip: string
  readonly port: number
  readonly ufrag: string
  readonly pwd: string
  /** SHA-256 of the DTLS certificate, upper-case hex with colons. */
  readonly fingerprint: string
}

/** Payload types of what a client sends. */
export const OPUS = 111
export const VP8 = 96
const VP8_RTX = 97

/** SSRC of each kind; absent: no m-line. */
export interface OfferedSources {
  readonly audio?: number
  readonly video?: number
}

interface MediaLine {
  readonly mid: string
  readonly lines: readonly string[]
}

/** Extension ids in our offers, by URI (RFC 8285). */
const extensions: Record<'audio' | 'video', ReadonlyMap<string, number>> = {
  audio: new Map([
    ['urn:ietf:params:rtp-hdrext:sdes:mid', 1],
    ['urn:ietf:params:rtp-hdrext:ssrc-audio-level', 2],
  ]),
  video: new Map([
    ['urn:ietf:params:rtp-hdrext:sdes:mid', 1],
    ['urn:3gpp:video-orientation', 4],
  ]),
}

const dataLines = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=sctp-port:5000', 'a=max-message-size:262144']

const extmaps = (ids: ReadonlyMap<string, number>) => [...ids].map(([uri, id]) => `a=extmap:${id} ${uri}`)

const audioLines = (pt: number, ids: ReadonlyMap<string, number>) => [
  `m=audio 9 UDP/TLS/RTP/SAVPF ${pt}`,
  `a=rtpmap:${pt} opus/48000/2`,
  ...extmaps(ids),
  'a=rtcp-mux',
]

function videoLines(pt: number, rtx: number | undefined, ids: ReadonlyMap<string, number>): string[] {
  const repair = rtx === undefined ? [] : [`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${pt}`]
  return [
    `m=video 9 UDP/TLS/RTP/SAVPF ${[pt, rtx ?? ''].join(' ').trim()}`,
    `a=rtpmap:${pt} VP8/90000`,
    `a=rtcp-fb:${pt} nack`,
    `a=rtcp-fb:${pt} nack pli`,
    ...repair,
    ...extmaps(ids),
    'a=rtcp-mux',
  ]
}

/** An offer that sends: a data m-line, then one for each source. */
export function writeOffer(transport: LocalTransport, { audio, video }: OfferedSources): string {
  const all: string[][] = [dataLines]
  const source = (ssrc: number) => ['a=sendonly', `a=ssrc:${ssrc} cname:client`]
  if (audio !== undefined) all.push([...audioLines(OPUS, extensions.audio), ...source(audio)])
  if (video !== undefined) all.push([...videoLines(VP8, VP8_RTX, extensions.video), ...source(video)])
  const mlines = all.map((lines, index) => ({ mid: String(index), lines }))
  return write(transport, mlines, 'actpass')
}

/** An answer that takes opus, VP8 and data of a server's offer, under the payload types and ids that the offer gives. */
export function writeAnswer(transport: LocalTransport, offer: string): string {
  const sections = offer.split(/^(?=m=)/m).slice(1)
  const mlines = sections.map((section, index) => ({
    mid: /^a=mid:(\S+)/m.exec(section)?.[1] ?? String(index),
    lines: answered(section),
  }))
  return write(transport, mlines, 'active')
}

function answered(section: string): readonly string[] {
  const [mline = '', kind = ''] = /^m=(\w+).*/.exec(section) ?? []
  const payloadType = (pattern: string) => {
    const found = new RegExp(`^a=${pattern}\\s*$`, 'im').exec(section)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  // As older servers write it (draft-ietf-mmusic-sctp-sdp-05).
  if (/^m=application \d+ DTLS\/SCTP/.test(mline)) {
    return ['m=application 9 DTLS/SCTP 5000', 'a=sctpmap:5000 webrtc-datachannel 1024']
  }
  if (kind === 'application') return dataLines
  const opus = payloadType('rtpmap:(\\d+) opus/48000/2')
  if (kind === 'audio' && opus !== undefined) {
    return [...audioLines(opus, mirrored(section, extensions.audio)), 'a=recvonly']
  }
  const vp8 = payloadType('rtpmap:(\\d+) VP8/90000')
  if (kind === 'video' && vp8 !== undefined) {
    const rtx = payloadType(`fmtp:(\\d+) apt=${vp8}`)
    return [...videoLines(vp8, rtx, mirrored(section, extensions.video)), 'a=recvonly']
  }
  // Rejected (RFC 8829 §5.3.1).
  return [mline.trim().replace(/^(m=\w+) \d+/, '$1 0'), 'a=inactive']
}

/** Those of our extensions that the section offers, under its ids. */
function mirrored(section: string, ours: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const offered = [...section.matchAll(/^a=extmap:(\d+)\S* (\S+)/gm)].map(
    ([, id, uri = '']) => [uri, Number(id)] as const,
  )
  return new Map(offered.filter(([uri]) => ours.has(uri)))
}

function write(transport: LocalTransport, mlines: readonly MediaLine[], setup: string): string {
  const { ip, port, ufrag, pwd, fingerprint } = transport
  const family = ip.includes(':') ? 'IP6' : 'IP4'
  const all = [
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mlines.map(({ mid }) => mid).join(' ')}`,
    ...mlines.flatMap(({ mid, lines: [mline, ...attributes] }) => [
      mline,
      `c=IN ${family} ${ip}`,
      ...attributes,
      `a=mid:${mid}`,
      `a=ice-ufrag:${ufrag}`,
      `a=ice-pwd:${pwd}`,
      `a=fingerprint:sha-256 ${fingerprint}`,
      `a=setup:${setup}`,
      `a=candidate:1 1 udp 2122260223 ${ip} ${port} typ host`,
      'a=end-of-candidates',
    ]),
  ]
  return `${all.join('\r\n')}\r\n`
}
