import { type Failure, failure, isFailure } from '../errors.js'
import { checkFields, type FieldRule, type FieldWords, isJsonObject, type JsonObject } from '../fields.js'
import type { PluginRequest } from '../plugin.js'
import type { HandleContext, Outcome, Request } from './request.js'

/** Fields of `jsep`. */
export const jsepRules: readonly FieldRule[] = [
  { name: 'type', type: 'a string', required: true },
  { name: 'sdp', type: 'a string', required: true },
  { name: 'trickle', type: 'a boolean' },
  { name: 'rid_order', type: 'a string' },
  { name: 'force_relay', type: 'a boolean' },
  { name: 'e2ee', type: 'a boolean' },
]

const jsepWords: FieldWords = {
  missing: (name) => `JSEP error: missing mandatory element (${name})`,
  wrongType: (name, type) => `JSEP error: invalid element type (${name} should be ${type})`,
}

type ClientJsep = NonNullable<PluginRequest['jsep']>

/** Acked at once; the plugin's reply follows as an `event` with the same transaction. */
export const message = {
  scope: 'handle',
  rules: [{ name: 'body', type: 'an object', required: true }],
  run({ connection, message, handle, bytes }: HandleContext): Outcome {
    const body = message.body as JsonObject
    const read = message.jsep === undefined ? {} : readJsep(message.jsep)
    if (isFailure(read)) return read
    if (read.jsep?.type === 'answer' && !handle.expectsAnswer) {
      return failure('UNEXPECTED_ANSWER', 'Unexpected ANSWER (did we offer?)')
    }
    const busy = handle.refusal(connection, bytes)
    if (busy) return busy
    const { transaction } = message
    const hint = handle.plugin.ackHint
    return {
      janus: 'ack',
      ...(hint !== undefined && { fields: { hint } }),
      after: () => handle.message({ transaction, request: { body, ...read }, connection, bytes }),
    }
  },
} satisfies Request

function readJsep(value: unknown): { jsep?: ClientJsep } | Failure {
  if (!isJsonObject(value)) return failure('INVALID_JSON_OBJECT', 'Invalid jsep object')
  const wrong = checkFields(value, jsepRules, jsepWords)
  if (wrong) return wrong
  const written = value.type as string
  const type = written.toLowerCase()
  if (type !== 'offer' && type !== 'answer') {
    return failure('JSEP_UNKNOWN_TYPE', `JSEP error: unknown message type '${written}'`)
  }
  const sdp = value.sdp as string
  const broken = brokenSdp(sdp)
  if (broken) return failure('JSEP_INVALID_SDP', broken)
  const { trickle, rid_order: order } = value
  return {
    jsep: {
      type,
      sdp,
      ...(order !== undefined && { rids: order === 'lmh' ? 'lmh' : 'hml' }),
      ...(trickle !== undefined && { trickle: trickle as boolean }),
    },
  }
}

/** What makes a text no session description at all (RFC 8866 §5); the rest is the plugin's to judge. */
function brokenSdp(sdp: string): string | undefined {
  if (!sdp.startsWith('v=')) return "Invalid SDP (doesn't start with v=)"
  // Some clients end lines with a bare line feed.
  const has = (line: string) => sdp.includes(`\n${line}`)
  return has('o=') && has('s=') && has('m=') ? undefined : 'Missing mandatory lines (o=, s= or m=)'
}
