/**
 * What a sender offers of simulcast on one m-line: by `a=rid` and `a=simulcast` (RFC 8851, RFC 8853), or by an
 * `a=ssrc-group:SIM` as Chromium wrote it before.
 */
import type { MediaDescription } from 'sdp-transform'
import { isSsrc, type RemoteSimulcastStream, type Result, refuse } from './jsep.js'
import { quote } from './sdp-lines.js'

/** Restriction identifiers of one m-line, alternatives included. Browsers write 3. */
const maxRids = 32
const maxSimSsrcs = 32
/** RFC 8851 §10; the `rid` header extension has room for 16 characters in its one-byte form. */
const ridToken = /^[\w-]{1,16}$/

/**
 * Simulcast streams in their order, each with its alternatives, the preferred one first. Identifiers without an
 * `a=rid:… send` line are left out (RFC 8853 §5.3.2); a line that is no `a=simulcast` at all counts as none.
 */
export function readSimulcast(
  media: Partial<MediaDescription>,
  where: string,
): Result<readonly RemoteSimulcastStream[]> {
  const list = sendList(media)
  if (list === undefined) return { ok: true, value: [] }
  const restrictions = readRestrictions(media, where)
  if (!restrictions.ok) return restrictions
  const seen = new Set<string>()
  const streams: RemoteSimulcastStream[] = []
  for (const stream of list.split(';')) {
    const alternatives: RemoteSimulcastStream[number][] = []
    for (const item of stream.split(',')) {
      const paused = item.startsWith('~')
      const rid = paused ? item.slice(1) : item
      if (!ridToken.test(rid)) return refuse(`${where} has a malformed a=simulcast: ${quote(list)}`)
      if (seen.has(rid)) return refuse(`${where} has the rid ${quote(rid)} twice in a=simulcast`)
      if (seen.size >= maxRids) return refuse(`${where} has more than ${maxRids} rids`)
      seen.add(rid)
      const restriction = restrictions.value.get(rid)
      if (restriction !== undefined) alternatives.push({ rid, paused, ...restriction })
    }
    if (alternatives.length > 0) streams.push(alternatives)
  }
  return { ok: true, value: streams }
}

function sendList({ simulcast }: Partial<MediaDescription>): string | undefined {
  if (simulcast === undefined) return undefined
  const { dir1, list1, dir2, list2 } = simulcast
  const list = dir1 === 'send' ? list1 : dir2 === 'send' ? list2 : undefined
  return list === undefined ? undefined : String(list)
}

type Restriction = Pick<RemoteSimulcastStream[number], 'payloadTypes'>

/** `a=rid:h send pt=96,97;max-width=…`: only `pt` decides what can be received (RFC 8851 §4). */
function readRestrictions(media: Partial<MediaDescription>, where: string): Result<Map<string, Restriction>> {
  const restrictions = new Map<string, Restriction>()
  for (const { id, direction, params } of media.rids ?? []) {
    const rid = String(id)
    if (direction !== 'send') continue
    if (!ridToken.test(rid)) return refuse(`${where} has the rid ${quote(rid)}; 1 to 16 letters and digits are valid`)
    if (restrictions.has(rid)) return refuse(`${where} has the rid ${quote(rid)} twice`)
    if (restrictions.size >= maxRids) return refuse(`${where} has more than ${maxRids} rids`)
    const list = /(?:^|;)\s*pt=([\d,]*)/.exec(String(params ?? ''))?.[1]
    restrictions.set(rid, list === undefined ? {} : { payloadTypes: list.split(',').map(Number) })
  }
  return { ok: true, value: restrictions }
}

/** SSRCs of the encodings in the order of the group, lowest first as Chromium has it; empty without a group. */
export function readSimGroup(media: Partial<MediaDescription>, where: string): Result<readonly number[]> {
  const group = (media.ssrcGroups ?? []).find(({ semantics }) => semantics === 'SIM')
  if (group === undefined) return { ok: true, value: [] }
  const ssrcs = String(group.ssrcs).trim().split(/ +/, maxSimSsrcs).map(Number)
  if (!ssrcs.every(isSsrc) || new Set(ssrcs).size < ssrcs.length) {
    return refuse(`${where} has a malformed a=ssrc-group: ${quote(group.ssrcs)}`)
  }
  return { ok: true, value: ssrcs }
}
