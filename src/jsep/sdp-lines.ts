/**
 * First look at an SDP text (RFC 8866 §5): sizes, first line, and lines that sdp-transform would not give as they are: it
 * keeps the last fingerprint of a section only, and of `a=msid` only letters, digits, - and _ (Firefox writes braces).
 */
import { type Result, refuse } from './jsep.js'

/** Far above what browsers write (an m-line of Chromium takes about 7 KiB), low enough to parse in milliseconds. */
export const limits = {
  characters: 256 * 1024,
  lines: 8192,
  lineCharacters: 4096,
  mlines: 64,
} as const

export interface Section {
  /** Values of `a=fingerprint`, as written: `sha-256 AB:…`. */
  fingerprints: string[]
  /** Values of `a=msid`, as written. */
  msids: string[]
}

/** @returns the session section, then one per m-line */
export function scanLines(sdp: string): Result<Section[]> {
  if (sdp.length > limits.characters) return refuse(`The SDP is longer than ${limits.characters} characters`)
  // \r\n as it should be, \n as Safari and hand-written clients have it, \r because sdp-transform takes it too.
  const lines = sdp.split(/\r\n|\r|\n/)
  if (lines.length > limits.lines) return refuse(`The SDP has more than ${limits.lines} lines`)
  if (!lines[0]!.startsWith('v=')) return refuse("Invalid SDP (doesn't start with v=)")
  if (lines[0]!.trimEnd() !== 'v=0') return refuse(`The SDP has version ${quote(lines[0]!.slice(2))} instead of 0`)
  let section: Section = { fingerprints: [], msids: [] }
  const sections = [section]
  for (const line of lines) {
    if (line.length > limits.lineCharacters) {
      return refuse(`The SDP has a line longer than ${limits.lineCharacters} characters: ${quote(line)}`)
    }
    if (line.startsWith('m=')) {
      if (sections.length > limits.mlines) return refuse(`The SDP has more than ${limits.mlines} m-lines`)
      section = { fingerprints: [], msids: [] }
      sections.push(section)
    } else if (/^a=fingerprint\b/.test(line)) {
      section.fingerprints.push(line.slice('a=fingerprint:'.length).trim())
    } else if (line.startsWith('a=msid:')) {
      section.msids.push(line.slice('a=msid:'.length).trim())
    }
  }
  return { ok: true, value: sections }
}

/** A short excerpt of a peer's text, safe to put into a reason. */
export function quote(text: unknown): string {
  const excerpt = String(text)
  return JSON.stringify(excerpt.length > 60 ? `${excerpt.slice(0, 60)}…` : excerpt)
}
