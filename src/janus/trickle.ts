/** Candidates in `trickle` requests: checked, or put aside until the negotiation is complete. */
import { type Failure, failure, isFailure } from './errors.js'
import { isJsonObject, isPositiveInteger } from './fields.js'
import type { TrickleCandidate } from './plugin.js'

export type Candidates = readonly (TrickleCandidate | null)[]

/** More in one request, or waiting on one handle, are counted and dropped: a browser sends some dozens. */
export const CANDIDATES_MAX = 256
/** Longer strings are no candidates. */
const CANDIDATE_LENGTH_MAX = 1024
const SDP_MID_LENGTH_MAX = 256

/** What a request brought. */
export interface ReadCandidates {
  candidates: Candidates
  /** How many are dropped because they are too many, or too long. */
  refused: number
}

const none: ReadCandidates = { candidates: [], refused: 0 }

/**
 * Reads `candidate` (one, or null or any non-object for the end) or `candidates` (an array of such).
 * @param lenient ignores what is wrong, as Janus does before the negotiation is complete
 */
export function readCandidates(message: Readonly<Record<string, unknown>>, lenient: boolean): ReadCandidates | Failure {
  const { candidate, candidates } = message
  if (candidates === undefined) {
    const read = readCandidate(candidate)
    if (read === 'empty' || read === 'too long') return { candidates: [], refused: read === 'too long' ? 1 : 0 }
    if (read && isFailure(read)) return lenient ? none : read
    return { candidates: [read], refused: 0 }
  }
  if (!Array.isArray(candidates)) {
    return lenient ? none : failure('INVALID_ELEMENT_TYPE', 'candidates is not an array')
  }
  const good: (TrickleCandidate | null)[] = []
  let refused = Math.max(0, candidates.length - CANDIDATES_MAX)
  for (const entry of candidates.slice(0, CANDIDATES_MAX)) {
    const read = readCandidate(entry)
    if (read === 'too long') refused++
    else if (read === null || (read !== 'empty' && !isFailure(read))) good.push(read)
  }
  return { candidates: good, refused }
}

function readCandidate(value: unknown): TrickleCandidate | null | 'empty' | 'too long' | Failure {
  if (!isJsonObject(value) || value.completed !== undefined) return null
  const { sdpMid, sdpMLineIndex, candidate } = value
  if (sdpMid !== undefined && typeof sdpMid !== 'string') return wrongType('sdpMid', 'a string')
  if (sdpMLineIndex !== undefined && !isPositiveInteger(sdpMLineIndex)) {
    return wrongType('sdpMLineIndex', 'a positive integer')
  }
  if (sdpMid === undefined && sdpMLineIndex === undefined) return missing('sdpMid or sdpMLineIndex')
  if (candidate === undefined) return missing('candidate')
  if (typeof candidate !== 'string') return wrongType('candidate', 'a string')
  if (candidate === '') return 'empty'
  if (candidate.length > CANDIDATE_LENGTH_MAX || (sdpMid?.length ?? 0) > SDP_MID_LENGTH_MAX) return 'too long'
  return {
    candidate,
    ...(sdpMid !== undefined && { sdpMid }),
    ...(sdpMLineIndex !== undefined && { sdpMLineIndex }),
  }
}

const missing = (name: string) =>
  failure('MISSING_MANDATORY_ELEMENT', `Trickle error: missing mandatory element (${name})`)
const wrongType = (name: string, type: string) =>
  failure('INVALID_ELEMENT_TYPE', `Trickle error: invalid element type (${name} should be ${type})`)

/** Candidates that came before the negotiation was complete. */
export class EarlyCandidates {
  #waiting: { candidate: TrickleCandidate | null; sinceMs: number }[] = []

  /** @returns how many there was no room for */
  add(candidates: Candidates, sinceMs: number): number {
    const taken = candidates.slice(0, CANDIDATES_MAX - this.#waiting.length)
    for (const candidate of taken) this.#waiting.push({ candidate, sinceMs })
    return candidates.length - taken.length
  }

  /** Takes all out; those that came before `oldestMs` are dropped. */
  take(oldestMs: number): Candidates {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting.filter(({ sinceMs }) => sinceMs >= oldestMs).map(({ candidate }) => candidate)
  }
}
