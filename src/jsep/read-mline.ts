/** One m-line of a peer's SDP (RFC 8866 §5.14 and its attributes), checked and normalised. */
import type { MediaDescription, SharedAttributes } from 'sdp-transform'
import { type Direction, isSsrc, type RemoteMline, type RemotePayloadType, type Result, refuse } from './jsep.js'
import { readMsid } from './msid.js'
import { readSimGroup, readSimulcast } from './read-simulcast.js'
import { quote, type Section } from './sdp-lines.js'

/** Chromium writes at most 6 (simulcast with RTX). */
const maxSsrcs = 64
/** Per a=fmtp line. */
const maxFmtpParameters = 64

/** RFC 5888 §4: an identification tag is a token. Janus takes 16 characters; so does the mid header extension. */
const token = /^[!#-'*+\-.0-9A-Z^-~]+$/
const maxMidLength = 16

const rtpProtocols = new Set(['UDP/TLS/RTP/SAVPF', 'TCP/DTLS/RTP/SAVPF', 'TCP/TLS/RTP/SAVPF'])
const sctpProtocols = new Set(['UDP/DTLS/SCTP', 'TCP/DTLS/SCTP'])
const legacySctpProtocol = 'DTLS/SCTP'
/** Port numbers inside of the DTLS association; every implementation uses this one. */
const sctpPort = '5000'
/** Without `a=max-message-size`. */
const defaultMaxMessageBytes = 65_536

/**
 * @param media as sdp-transform read it: any field may be missing, any value may be a number or a string
 * @param mid the m-line's `a=mid`, or what was assigned to it
 * @param lines of the m-line, as they were written
 */
export function readMline(
  media: Partial<MediaDescription>,
  session: SharedAttributes,
  index: number,
  mid: string,
  bundled: boolean,
  lines: Section,
): Result<RemoteMline> {
  const where = `m-line ${index}`
  const type = media.type as unknown
  if (type !== 'audio' && type !== 'video' && type !== 'application') {
    return refuse(`Invalid m= line: ${where} has the unknown type ${quote(type ?? '')}`)
  }
  const port = Number(media.port)
  if (!/^\d{1,5}$/.test(String(media.port)) || port > 65535)
    return refuse(`Invalid m= line: ${where} has no valid port`)
  if (mid.length > maxMidLength) return refuse(`The mid of ${where} is longer than ${maxMidLength} characters`)
  if (!token.test(mid)) return refuse(`The mid of ${where} is not a token: ${quote(mid)}`)
  const protocol = String(media.protocol ?? '')
  const common = {
    mid,
    rejected: port === 0 && media.bundleOnly === undefined,
    bundled,
    protocol,
    msid: readMsid(lines, media),
    direction: (media.direction ?? session.direction ?? 'sendrecv') as Direction,
  }
  return type === 'application' ? readData(media, common, where) : readRtp(media, session, { type, ...common }, where)
}

type Common = Pick<RemoteMline, 'mid' | 'rejected' | 'bundled' | 'protocol' | 'msid' | 'direction'>

/** What an m-line says that is off, or carries no RTP. */
const nothing = { payloadTypes: [], extensions: [], ssrcs: [], simulcast: [], simSsrcs: [] }

/** RFC 8841: `UDP/DTLS/SCTP webrtc-datachannel`, or its draft form `DTLS/SCTP 5000` with `a=sctpmap`. */
function readData(media: Partial<MediaDescription>, common: Common, where: string): Result<RemoteMline> {
  const legacySctp = common.protocol === legacySctpProtocol
  if (!legacySctp && !sctpProtocols.has(common.protocol)) {
    return refuse(`${capital(where)} has the protocol ${quote(common.protocol)}; UDP/DTLS/SCTP is needed`)
  }
  const format = String(media.payloads ?? '').trim()
  if (!common.rejected && format !== (legacySctp ? sctpPort : 'webrtc-datachannel')) {
    return refuse(`${capital(where)} has the format ${quote(format)}; webrtc-datachannel is needed`)
  }
  if (!common.rejected && String(media.sctpPort ?? sctpPort) !== sctpPort) {
    return refuse(`${capital(where)} has a=sctp-port:${quote(media.sctpPort)}; ${sctpPort} is needed`)
  }
  const maxMessageBytes = readMaxMessageSize(media.maxMessageSize)
  if (maxMessageBytes === undefined) {
    return refuse(`${capital(where)} has a=max-message-size:${quote(media.maxMessageSize)}; a whole number is needed`)
  }
  return { ok: true, value: { type: 'application', ...common, ...nothing, legacySctp, maxMessageBytes } }
}

/** RFC 8841 §6.1. @returns undefined when it is no number of bytes */
function readMaxMessageSize(written: unknown): number | undefined {
  if (written === undefined) return defaultMaxMessageBytes
  return /^\d{1,20}$/.test(String(written)) ? Math.min(Number(written), Number.MAX_SAFE_INTEGER) : undefined
}

function readRtp(
  media: Partial<MediaDescription>,
  session: SharedAttributes,
  common: Common & { type: 'audio' | 'video' },
  where: string,
): Result<RemoteMline> {
  if (!rtpProtocols.has(common.protocol)) {
    const protocol = quote(common.protocol)
    return refuse(`${capital(where)} has the protocol ${protocol}; UDP/TLS/RTP/SAVPF (DTLS-SRTP) is needed`)
  }
  const legacySctp = false
  if (common.rejected) return { ok: true, value: { ...common, ...nothing, legacySctp } }
  if (media.rtcpMux === undefined) return refuse(`${capital(where)} has no a=rtcp-mux, which is needed`)
  const payloadTypes = readPayloadTypes(media, where)
  if (!payloadTypes.ok) return payloadTypes
  const extensions = readExtensions(media, session, where)
  if (!extensions.ok) return extensions
  const ssrcs = readSsrcs(media, where)
  if (!ssrcs.ok) return ssrcs
  const simulcast = readSimulcast(media, capital(where))
  if (!simulcast.ok) return simulcast
  const simSsrcs = readSimGroup(media, capital(where))
  if (!simSsrcs.ok) return simSsrcs
  const value = {
    payloadTypes: payloadTypes.value,
    extensions: extensions.value,
    ssrcs: ssrcs.value,
    simulcast: simulcast.value,
    simSsrcs: simSsrcs.value,
  }
  return { ok: true, value: { ...common, ...value, legacySctp } }
}

/** Payload types in the order of the m-line; those without `a=rtpmap` (static audio types) are left out. */
function readPayloadTypes(media: Partial<MediaDescription>, where: string): Result<RemotePayloadType[]> {
  const listed = String(media.payloads ?? '').split(' ')
  const written = [...listed.filter((pt) => pt !== ''), ...(media.rtp ?? []).map(({ payload }) => String(payload))]
  const wrong = written.find((pt) => !/^\d{1,3}$/.test(pt) || Number(pt) > 127)
  if (wrong !== undefined) return refuse(`${capital(where)} has the payload type ${quote(wrong)}; 0 to 127 is valid`)

  const maps = new Map((media.rtp ?? []).toReversed().map((map) => [Number(map.payload), map]))
  const feedback = readFeedback(media)
  const parameters = readParameters(media)
  const payloadTypes: RemotePayloadType[] = []
  for (const pt of new Set(listed.filter((item) => item !== '').map(Number))) {
    const map = maps.get(pt)
    if (map === undefined) continue
    payloadTypes.push({
      pt,
      name: String(map.codec),
      clockRate: Number(map.rate ?? 0) || 0,
      channels: Number(map.encoding ?? 1) || 1,
      parameters: parameters.get(pt) ?? {},
      feedback: [...(feedback.get('*') ?? []), ...(feedback.get(String(pt)) ?? [])],
    })
  }
  return { ok: true, value: payloadTypes }
}

function readFeedback(media: Partial<MediaDescription>): Map<string, string[]> {
  const feedback = new Map<string, string[]>()
  for (const { payload, type, subtype } of media.rtcpFb ?? []) {
    const line = subtype === undefined ? String(type) : `${type} ${subtype}`
    const lines = feedback.get(String(payload))
    if (lines === undefined) feedback.set(String(payload), [line])
    else lines.push(line)
  }
  return feedback
}

/** `key=value;flag` per payload type. Keys are not case-sensitive (RFC 8866 §6.15 leaves it to formats; all agree). */
function readParameters(media: Partial<MediaDescription>): Map<number, Record<string, string>> {
  const all = new Map<number, Record<string, string>>()
  for (const { payload, config } of media.fmtp ?? []) {
    // No prototype: keys are the peer's.
    const parameters: Record<string, string> = all.get(Number(payload)) ?? Object.create(null)
    for (const part of String(config).split(';', maxFmtpParameters)) {
      const [key = '', ...value] = part.trim().split('=')
      if (key !== '') parameters[key.trim().toLowerCase()] = value.join('=').trim()
    }
    all.set(Number(payload), parameters)
  }
  return all
}

/** RFC 8285 §5: ids 1–255, each for one URI. Encrypted extensions (RFC 6904) are not offered back, so left out. */
function readExtensions(
  media: Partial<MediaDescription>,
  session: SharedAttributes,
  where: string,
): Result<RemoteMline['extensions']> {
  const extensions: { uri: string; id: number; direction: Direction }[] = []
  const ids = new Set<number>()
  for (const extension of [...(session.ext ?? []), ...(media.ext ?? [])]) {
    const id = Number(extension.value)
    if (!Number.isInteger(id) || id < 1 || id > 255) {
      return refuse(`${capital(where)} has the a=extmap id ${quote(extension.value)}; 1 to 255 is valid`)
    }
    if (ids.has(id)) return refuse(`${capital(where)} has the a=extmap id ${id} twice`)
    ids.add(id)
    const direction = extension.direction ?? 'sendrecv'
    if (direction !== 'sendrecv' && direction !== 'sendonly' && direction !== 'recvonly' && direction !== 'inactive') {
      return refuse(`${capital(where)} has the a=extmap direction ${quote(direction)}`)
    }
    if (extension['encrypt-uri'] === undefined) extensions.push({ uri: String(extension.uri), id, direction })
  }
  return { ok: true, value: extensions }
}

/** RFC 5576: SSRCs in order of appearance, retransmission streams (`FID`) beside theirs. */
function readSsrcs(media: Partial<MediaDescription>, where: string): Result<RemoteMline['ssrcs']> {
  const primaries = new Set<unknown>((media.ssrcs ?? []).map(({ id }) => id))
  const retransmissions = new Map<number, number>()
  for (const { semantics, ssrcs } of media.ssrcGroups ?? []) {
    if (semantics !== 'FID' && semantics !== 'FEC-FR') continue
    const [ssrc, other, ...more] = String(ssrcs).split(' ').map(Number)
    if (ssrc === undefined || other === undefined || more.length > 0 || !isSsrc(ssrc) || !isSsrc(other)) {
      return refuse(`${capital(where)} has a malformed a=ssrc-group: ${quote(ssrcs)}`)
    }
    if (semantics === 'FID') retransmissions.set(ssrc, other)
    primaries.delete(other)
  }
  const ssrcs: { ssrc: number; rtxSsrc?: number }[] = []
  for (const ssrc of primaries) {
    if (!isSsrc(ssrc)) return refuse(`${capital(where)} has the invalid SSRC ${quote(ssrc)}`)
    const rtxSsrc = retransmissions.get(ssrc)
    ssrcs.push(rtxSsrc === undefined ? { ssrc } : { ssrc, rtxSsrc })
  }
  if (ssrcs.length > maxSsrcs) return refuse(`${capital(where)} names more than ${maxSsrcs} SSRCs`)
  return { ok: true, value: ssrcs }
}

const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1)
