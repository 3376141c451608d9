/**
 * Answers of one kind of client to one kind of offer differ in little: the session's numbers, ICE credentials, the
 * fingerprint, candidates, and in Firefox SSRCs of m-lines on which it sends nothing. A text that is known without those is
 * not read again.
 */
import { randomBytes } from 'node:crypto'
import type { RemoteDescription, Result } from './jsep.js'
import { readDescription } from './read-description.js'

/** Texts that are kept, and the longest of them: what hostile clients can make of it is a megabyte of text and what it says. */
const KEPT_MAX = 64
const CHARACTERS_MAX = 16 * 1024

/** What a text says that differs from client to client. */
type Own = Pick<RemoteDescription, 'origin' | 'ice' | 'fingerprint'>

/**
 * In the places of credentials. Nobody knows these, so a text that has them has them from here: where a line is not
 * replaced, or is one of several that differ, the m-lines contradict each other and the text is read as it is.
 */
const places = {
  ufrag: randomBytes(8).toString('hex'),
  pwd: randomBytes(16).toString('hex'),
  digest: (randomBytes(32).toString('hex').toUpperCase().match(/../g) ?? []).join(':'),
}

/** Without the values of `Own`, the one that was used last at the end. */
const kept = new Map<string, RemoteDescription>()

/**
 * @param sdp as for `readDescription`
 * @returns the same as `readDescription`, but for SSRCs, which may be missing: subscribers send nothing. What it has in
 *   common with others is theirs too, and frozen.
 */
export function readAnswer(sdp: string): Result<RemoteDescription> {
  const found = separate(sdp)
  if (!found) return readDescription(sdp)
  const { common, own } = found
  const known = kept.get(common) ?? readCommon(common)
  if (!known) return readDescription(sdp)
  kept.delete(common)
  kept.set(common, known)
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!)
  return { ok: true, value: { ...known, ...own } }
}

/** How many texts are kept. */
export const keptAnswers = (): number => kept.size

/** @returns undefined when it is refused, or has credentials of its own */
function readCommon(common: string): RemoteDescription | undefined {
  const read = readDescription(common)
  if (!read.ok) return undefined
  const { ice, fingerprint } = read.value
  const isWhole = ice.ufrag === places.ufrag && ice.pwd === places.pwd && fingerprint.value === places.digest
  return isWhole ? freeze(read.value) : undefined
}

const beginning = /^v=0\r\no=([\x21-\x7e]{1,64}) (\d{1,20}) (\d{1,20}) (?=IN IP[46] )/
/** Letters that some readers take for the end of a line, and others not. */
const notPlain = /[^\t\r\n\x20-\x7e]|\r(?!\n)|(?<!\r)\n/
/** Each as browsers write it; other forms are left to `readDescription`. */
const ufragLine = /\na=ice-ufrag:([A-Za-z0-9+/]{4,256})\r/
const pwdLine = /\na=ice-pwd:([A-Za-z0-9+/]{22,256})\r/
const fingerprintLine = /\na=fingerprint:sha-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})\r/
const lostLines = /(?<=\n)a=(?:candidate:[\x20-\x7e]{1,300}|ssrc:\d{1,10} cname:[\x20-\x7e]{1,100})\r\n/g

/** @returns the text without what is the client's own, and that; undefined when it is not written as browsers do */
function separate(sdp: string): { common: string; own: Own } | undefined {
  if (sdp.length > CHARACTERS_MAX || notPlain.test(sdp)) return undefined
  const origin = beginning.exec(sdp)
  const ufrag = ufragLine.exec(sdp)?.[1]
  const pwd = pwdLine.exec(sdp)?.[1]
  const digest = fingerprintLine.exec(sdp)?.[1]
  if (!origin || ufrag === undefined || pwd === undefined || digest === undefined) return undefined
  const [written, username = '', sessionId = '', sessionVersion = ''] = origin
  // A second o= line would count.
  if (sdp.includes('\no=', written.length)) return undefined
  const common = `v=0\r\no=- 0 0 ${sdp.slice(written.length)}`
    .replace(lostLines, '')
    .replaceAll(`\na=ice-ufrag:${ufrag}\r`, `\na=ice-ufrag:${places.ufrag}\r`)
    .replaceAll(`\na=ice-pwd:${pwd}\r`, `\na=ice-pwd:${places.pwd}\r`)
    .replaceAll(`\na=fingerprint:sha-256 ${digest}\r`, `\na=fingerprint:sha-256 ${places.digest}\r`)
  return {
    common,
    own: {
      origin: { username, sessionId, sessionVersion },
      ice: { ufrag, pwd },
      fingerprint: { algorithm: 'sha-256', value: digest },
    },
  }
}

/** Many connections have it: who changes it is told. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}
