/**
 * Reads `profile-level-id` (RFC 6184 §8.1), six hex digits:
 *
 * ```
 *   42           e0                              1f
 *   profile_idc  constraint flags set0…set5, 00  level_idc
 * ```
 *
 * The same profile can be written with several pairs of the first two bytes; the level says nothing about
 * the profile. Only profiles that browsers encode are told apart here.
 */

export type H264Profile = 'constrained-baseline' | 'baseline' | 'constrained-high' | 'high' | 'other'

/** What RFC 6184 §8.1 infers when the parameter is missing: Baseline, level 1. */
const defaultProfileLevelId = '42000a'

/** The profile; undefined when the parameter is there but not six hex digits. */
export function h264Profile(profileLevelId: string | undefined): H264Profile | undefined {
  const text = profileLevelId ?? defaultProfileLevelId
  if (!/^[0-9a-f]{6}$/i.test(text)) return undefined
  const idc = Number.parseInt(text.slice(0, 2), 16)
  const flags = Number.parseInt(text.slice(2, 4), 16)
  // H.264 A.2.4.2: Constrained High is High with set4 and set5.
  if (idc === 0x64) return flags === 0x0c ? 'constrained-high' : flags === 0 ? 'high' : 'other'
  // The last four bits are set4, set5 and two reserved bits; Baseline has them all 0.
  if ((flags & 0x0f) !== 0) return 'other'
  const set0 = (flags & 0x80) !== 0
  const set1 = (flags & 0x40) !== 0
  if (idc === 0x42) return set1 ? 'constrained-baseline' : 'baseline'
  if (idc === 0x4d) return set0 ? 'constrained-baseline' : 'other'
  if (idc === 0x58 && set0) return set1 ? 'constrained-baseline' : 'baseline'
  return 'other'
}
