/**
 * Wrong input for every field of every request: missing, null, of every other type, very long, and fields that nobody
 * asked for. The cases come from the rules of the requests; a rule without an expectation fails. Candidates have no rules,
 * because they are judged by the state of the handle: `trickle.test.ts` has their table.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FieldRule } from '../fields.js'
import { envelope } from '../gateway.js'
import { type Attached, attached, errorOf } from '../testing/client.js'
import { requests } from './index.js'
import { jsepRules } from './message.js'
import type { Request } from './request.js'

type Type = FieldRule['type']

/** One value of every JSON type. */
const samples: Record<string, unknown> = {
  null: null,
  'a boolean': true,
  'an integer': 7,
  'a negative integer': -7,
  'a real': 1.5,
  'an unsafe integer': 1e300,
  'a string': 'text',
  'an empty string': '',
  'an array': [],
  'an object': {},
}

const accepted: Record<Type, readonly string[]> = {
  'a string': ['a string', 'an empty string'],
  'a boolean': ['a boolean'],
  'an object': ['an object'],
  'an array': ['an array'],
  'an integer': ['an integer', 'a negative integer'],
  'a positive integer': ['an integer'],
}

const LONG = 'x'.repeat(100_000)
const quoted = (text: string) => text.slice(0, 511)

interface Expectation {
  readonly required?: true
  readonly type: Type
  /** Replies to values of the right type, as `errorOf` writes them or the reply's `janus`. */
  readonly right: Readonly<Record<string, string>>
  /** Reply to a very long string. */
  readonly long?: string
}

const anyString = (reply: string) => ({ 'a string': reply, 'an empty string': reply })

/** Fields of every request; `keepalive` stands for all. */
const envelopeFields: Record<string, Expectation> = {
  transaction: { required: true, type: 'a string', right: anyString('ack'), long: 'ack' },
  janus: {
    required: true,
    type: 'a string',
    right: { 'a string': "453 Unknown request 'text'", 'an empty string': "453 Unknown request ''" },
    long: `453 ${quoted(`Unknown request '${LONG}'`)}`,
  },
  id: { type: 'a positive integer', right: { 'an integer': 'ack' } },
}

/** By request and field. */
const fields: Record<string, Expectation> = {
  'attach.plugin': {
    required: true,
    type: 'a string',
    right: { 'a string': "460 No such plugin 'text'", 'an empty string': "460 No such plugin ''" },
    long: `460 ${quoted(`No such plugin '${LONG}'`)}`,
  },
  'attach.opaque_id': { type: 'a string', right: anyString('success'), long: 'success' },
  'attach.loop_index': { type: 'a positive integer', right: { 'an integer': 'success' } },
  'message.body': { required: true, type: 'an object', right: { 'an object': 'ack' } },
}

const NO_SDP = "465 Invalid SDP (doesn't start with v=)"

const jsepFields: Record<string, Expectation> = {
  type: {
    required: true,
    type: 'a string',
    right: {
      'a string': "464 JSEP error: unknown message type 'text'",
      'an empty string': "464 JSEP error: unknown message type ''",
    },
    long: `464 ${quoted(`JSEP error: unknown message type '${LONG}'`)}`,
  },
  sdp: { required: true, type: 'a string', right: anyString(NO_SDP), long: NO_SDP },
  trickle: { type: 'a boolean', right: { 'a boolean': 'ack' } },
  rid_order: { type: 'a string', right: anyString('ack'), long: 'ack' },
  force_relay: { type: 'a boolean', right: { 'a boolean': 'ack' } },
  e2ee: { type: 'a boolean', right: { 'a boolean': 'ack' } },
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 X 0\r\n'

/** Requests that are all right. */
const right: Record<string, object> = {
  attach: { plugin: 'janus.plugin.fake' },
  message: { body: {} },
  trickle: { candidate: null },
}

type Send = (world: Attached, fields: object) => string

const requestWords = { missing: 'Missing mandatory element', wrong: 'Invalid element type' }
const jsepWords = { missing: 'JSEP error: missing mandatory element', wrong: 'JSEP error: invalid element type' }

/** Runs all cases of one field. */
function cases(name: string, expected: Expectation, words: typeof requestWords, send: Send): void {
  const said = (fields: object) => send(attached(), fields)
  const missing = said({ [name]: undefined })
  if (expected.required) assert.equal(missing, `456 ${words.missing} (${name})`)
  else assert.doesNotMatch(missing, /^\d/)
  const refused = `467 ${words.wrong} (${name} should be ${expected.type})`
  for (const [type, value] of Object.entries(samples)) {
    const reply = accepted[expected.type].includes(type) ? expected.right[type] : refused
    assert.ok(reply !== undefined, `${name}: no expectation for ${type}`)
    assert.equal(said({ [name]: value }), reply, `${name}: ${type}`)
  }
  assert.equal(said({ [name]: LONG }), expected.long ?? refused, `${name}: a very long string`)
}

const outcome = (reply: Parameters<typeof errorOf>[0]) => (reply.janus === 'error' ? errorOf(reply) : reply.janus)

for (const { name } of envelope) {
  test(`every request, field "${name}"`, () => {
    assert.ok(envelopeFields[name], `${name}: what is to be expected?`)
    cases(name, envelopeFields[name], requestWords, ({ client, ids }, fields) =>
      outcome(client.raw({ janus: 'keepalive', transaction: 't', session_id: ids.session_id, ...fields })),
    )
  })
}

/** As the table of requests holds it: with the rules that it may have. */
const all: readonly [string, Request][] = [...requests]

for (const [request, { rules = [], scope }] of all) {
  for (const { name } of rules) {
    test(`${request}, field "${name}"`, () => {
      const expected = fields[`${request}.${name}`]
      assert.ok(expected, `${request}.${name}: what is to be expected?`)
      cases(name, expected, requestWords, ({ client, ids: { session_id, handle_id } }, fields) =>
        outcome(
          client.send(request, { session_id, ...(scope === 'handle' && { handle_id }), ...right[request], ...fields }),
        ),
      )
    })
  }

  test(`${request}, fields that nobody asked for`, () => {
    const { client, ids } = attached()
    const own = scope === 'server' ? {} : scope === 'handle' ? ids : { session_id: ids.session_id }
    const extra = { 'force-bundle': true, nothing: null, deep: [[{}]], toString: 1, constructor: 'x', long: LONG }
    const reply = client.send(request, { ...own, ...right[request], ...extra })
    assert.notEqual(reply.janus, 'error', JSON.stringify(reply))
  })
}

for (const { name } of jsepRules) {
  test(`message, field "jsep.${name}"`, () => {
    assert.ok(jsepFields[name], `jsep.${name}: what is to be expected?`)
    cases(name, jsepFields[name], jsepWords, ({ client, ids }, fields) =>
      outcome(client.send('message', { ...ids, body: {}, jsep: { type: 'offer', sdp: SDP, ...fields } })),
    )
  })
}

test('no expectation is left over', () => {
  const known = (rules: readonly FieldRule[]) => rules.map(({ name }) => name).sort()
  assert.deepEqual(Object.keys(envelopeFields).sort(), known(envelope))
  assert.deepEqual(Object.keys(jsepFields).sort(), known(jsepRules))
  const named = all.flatMap(([request, { rules = [] }]) => rules.map(({ name }) => `${request}.${name}`))
  assert.deepEqual(Object.keys(fields).sort(), named.sort())
})
