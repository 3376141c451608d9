/**
 * Wrong input for every field of every message: missing, null, of every other type, too long, and fields that nobody
 * asked for. The cases come from the schemas; a field without an expectation fails. A message that is refused changes
 * nothing: the right one succeeds afterwards.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { type Peer, stage } from '../testing/peer.js'
import { messages } from './index.js'

type Kind = keyof typeof messages

/** One value of every JSON type. */
const samples: Readonly<Record<string, unknown>> = {
  null: null,
  true: true,
  false: false,
  'an integer': 7,
  'a negative integer': -7,
  'a real': 1.5,
  'an unsafe integer': 1e300,
  'a string': 'text',
  'an empty string': '',
  'a control character': 'a\u0000b',
  'a string of 256 characters': 'x'.repeat(256),
  'a string of 257 characters': 'x'.repeat(257),
  'a string of 64 KiB': 'x'.repeat(65_536),
  'a string of more than 64 KiB': 'x'.repeat(65_537),
  'an array': [],
  'an array of a string': ['text'],
  'an object': {},
  'an object with a field': { text: 'text' },
}

interface FieldType {
  /** What the refusal says was expected. */
  readonly expected: string
  /** Samples that are accepted. */
  readonly accepted: readonly string[]
}

const ids = ['an integer', 'a negative integer', 'a string', 'a string of 256 characters']
const anyString = Object.keys(samples).filter((name) => typeof samples[name] === 'string')

const types = {
  id: {
    expected: 'expected a string of 1 to 256 characters without control characters, or a safe integer',
    accepted: ids,
  },
  media: { expected: 'expected a user id (1 to 256 characters or an integer), or false', accepted: [...ids, 'false'] },
  flag: { expected: 'expected true or false', accepted: ['true', 'false'] },
  string: { expected: 'expected a string', accepted: anyString },
  pixels: { expected: 'expected a whole number of pixels from 1 to 16384', accepted: ['an integer'] },
  layer: { expected: 'expected a layer from 0 to 15', accepted: ['an integer'] },
  array: { expected: 'expected an array', accepted: ['an array', 'an array of a string'] },
  object: { expected: 'expected an object', accepted: ['an object', 'an object with a field'] },
} satisfies Record<string, FieldType>

interface Expectation {
  readonly type: FieldType
  /** Missing and null are refused as well; otherwise both are as if it was not there. */
  readonly required?: true
  /** Replies to samples of the right type that do not succeed: the error's code and sentence. */
  readonly replies?: Readonly<Record<string, string>>
}

const id: Expectation = { type: types.id, required: true }
const flag: Expectation = { type: types.flag }
const NOBODY = "nonexistent_publisher: Can't subscribe to a nonexistent publisher."
const media: Expectation = {
  type: types.media,
  replies: Object.fromEntries(ids.map((sample) => [sample, NOBODY])),
}
const object: Expectation = { type: types.object }
const within = (path: string, fields: Record<string, Expectation>) =>
  Object.fromEntries(Object.entries(fields).map(([name, expectation]) => [`${path}.${name}`, expectation]))

const stream: Record<string, Expectation> = {
  ...{ max_width: { type: types.pixels }, max_height: { type: types.pixels } },
  ...{ max_spatial: { type: types.layer }, max_temporal: { type: types.layer } },
  paused: flag,
}
/** @param path of the message's own field, as refusals name it: `` or `what.` */
const subscription = (path: string): Record<string, Expectation> => ({
  ...{ notifications: flag, data: flag, media, prefer: object },
  ...{ 'prefer.audio': object, 'prefer.video': object },
  ...within('prefer.audio', stream),
  ...within('prefer.video', stream),
  'prefer.tracks': {
    type: types.array,
    replies: { 'an array of a string': `invalid_message: Field "${path}prefer.tracks.0": expected an object.` },
  },
})

const NO_KICK = 'kick_not_permitted: Rejecting kick without permission!'
/** Without tokens nobody may kick: whatever is well-formed is refused for that. */
const noKick = (accepted: readonly string[]) => Object.fromEntries(accepted.map((sample) => [sample, NO_KICK]))

/** By kind and path of the field. */
const fields: Readonly<Record<string, Expectation>> = {
  'join.room_id': id,
  'join.user_id': id,
  'join.subscribe': { type: types.object },
  ...within('join.subscribe', subscription('subscribe.')),
  'join.token': { type: types.string },
  ...within('subscribe', subscription('')),
  'subscribe.what': { type: types.object },
  ...within('subscribe.what', subscription('what.')),
  'block.whom': id,
  'unblock.whom': id,
  'data.body': {
    type: types.string,
    required: true,
    replies: {
      'a string of more than 64 KiB': 'body_too_large: The body is longer than 65536 bytes of UTF-8.',
    },
  },
  'data.whom': { type: types.id },
  'kick.room_id': { ...id, replies: noKick(ids) },
  'kick.user_id': { ...id, replies: noKick(ids) },
  'kick.token': { type: types.string, replies: { ...noKick(anyString), null: NO_KICK } },
}

/** A body of each kind that is all right, and the reply to it. */
const right: Record<Kind, { body: Record<string, unknown>; reply?: string }> = {
  join: { body: { kind: 'join', room_id: 'room', user_id: 'ann', subscribe: {} } },
  subscribe: { body: { kind: 'subscribe', what: {} } },
  block: { body: { kind: 'block', whom: 'bob' } },
  unblock: { body: { kind: 'unblock', whom: 'bob' } },
  data: { body: { kind: 'data', body: 'text' } },
  kick: { body: { kind: 'kick', room_id: 'room', user_id: 'bob' }, reply: NO_KICK },
}

/** A connection that can send that kind. */
async function ready(kind: Kind): Promise<Peer> {
  const peer = stage().peer()
  if (kind !== 'join') await peer.join('ann')
  return peer
}

/** `ok`, or the code and the sentence of a refusal. */
async function said(peer: Peer, body: Record<string, unknown>): Promise<string> {
  const { data } = await peer.send(body)
  if (data.success === true) return 'ok'
  assert.deepEqual(Object.keys(data).sort(), ['error', 'success'])
  const { code, msg } = data.error as { code: string; msg: string }
  return `${code}: ${msg}`
}

/** The body with one field replaced, however deep; undefined leaves it out. */
function withField(body: Record<string, unknown>, [name = '', ...deeper]: string[], value: unknown): typeof body {
  const inner = deeper.length > 0 ? withField((body[name] ?? {}) as typeof body, deeper, value) : value
  const rest = Object.fromEntries(Object.entries(body).filter(([key]) => key !== name))
  return inner === undefined ? rest : { ...rest, [name]: inner }
}

/** Paths of all fields of an object, and of the objects in it. */
function pathsOf(schema: z.ZodType, path: string[] = []): string[][] {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap() as z.ZodType
  if (!(inner instanceof z.ZodObject)) return [path]
  const below = Object.entries(inner.shape).flatMap(([name, field]) => pathsOf(field as z.ZodType, [...path, name]))
  return path.length === 0 ? below : [path, ...below]
}

const kinds = Object.keys(messages) as Kind[]
/** `kind` itself is judged before there is a schema. */
const pathsOfKind = (kind: Kind) => pathsOf(messages[kind].schema).filter(([name]) => name !== 'kind')

for (const kind of kinds) {
  const { body, reply = 'ok' } = right[kind]

  for (const path of pathsOfKind(kind)) {
    const name = `${kind}.${path.join('.')}`
    test(name, async () => {
      const expectation = fields[name]
      assert.ok(expectation, `${name}: what is to be expected?`)
      const { type, required, replies = {} } = expectation
      const refusal = `invalid_message: Field "${path.join('.')}": ${type.expected}.`
      for (const [sample, value] of [['missing', undefined] as const, ...Object.entries(samples)]) {
        const absent = value === undefined || value === null
        const accepted = absent ? !required : (type.accepted as readonly string[]).includes(sample)
        const peer = await ready(kind)
        const wanted = accepted ? (replies[sample] ?? reply) : refusal
        assert.equal(await said(peer, withField(body, path, value)), wanted, `${name}: ${sample}`)
        if (wanted !== 'ok') assert.equal(await said(peer, body), reply, `${name} after ${sample}`)
      }
    })
  }

  test(`${kind}, fields that nobody asked for`, async () => {
    const extra = { force: true, nothing: null, deep: [[{}]], toString: 1, constructor: 'x', long: 'x'.repeat(100_000) }
    assert.equal(await said(await ready(kind), { ...body, ...extra }), reply)
  })
}

test('kind: missing, null, of another type, too long, unknown', async () => {
  const peer = await ready('join')
  const sentence = `Field "kind": expected one of ${kinds.join(', ')}.`
  for (const [sample, value] of Object.entries(samples)) {
    const code = typeof value === 'string' ? 'unknown_kind' : 'invalid_message'
    assert.equal(await said(peer, { ...right.join.body, kind: value }), `${code}: ${sentence}`, sample)
  }
  assert.equal(await said(peer, { room_id: 'room' }), `invalid_message: ${sentence}`)
})

test('no expectation is left over', () => {
  const named = kinds.flatMap((kind) => pathsOfKind(kind).map((path) => `${kind}.${path.join('.')}`))
  assert.deepEqual(Object.keys(fields).sort(), named.sort())
})
