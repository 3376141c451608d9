import { failure, isFailure } from '../errors.js'
import { readCandidates } from '../trickle.js'
import type { HandleContext, Outcome, Request } from './request.js'

/** Candidates are judged only when the negotiation is complete; until then all are acked and put aside. */
export const trickle = {
  scope: 'handle',
  run({ message, handle }: HandleContext): Outcome {
    const { candidate, candidates } = message
    if (candidate === undefined && candidates === undefined) {
      return failure('MISSING_MANDATORY_ELEMENT', 'Missing mandatory element (candidate|candidates)')
    }
    if (candidate !== undefined && candidates !== undefined) {
      return failure('INVALID_JSON', "Can't have both candidate and candidates")
    }
    const read = readCandidates(message, !handle.negotiated)
    if (isFailure(read)) return read
    return { janus: 'ack', after: () => handle.trickle(read) }
  },
} satisfies Request
