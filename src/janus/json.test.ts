import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonDocuments } from './json.js'

/** Documents, and the text of the error if there was one. */
function read(text: string): unknown[] {
  const documents = new JsonDocuments(text)
  const found: unknown[] = []
  for (;;) {
    const step = documents.next()
    if (step.kind === 'end') return found
    found.push(step.kind === 'document' ? step.value : `<string>(${step.line},${step.column}): ${step.problem}`)
  }
}

test('J-008 documents one after the other, with any space between', () => {
  assert.deepEqual(read('{"a":1}{"b":[2]}'), [{ a: 1 }, { b: [2] }])
  assert.deepEqual(read(' \r\n{"a":"}{\\"]"}\t[] \n'), [{ a: '}{"]' }, []])
  assert.deepEqual(read('{"a":1,"a":2}'), [{ a: 2 }])
})

test('malformed text, with its place', () => {
  const cases: [string, unknown[]][] = [
    ['', ["<string>(1,0): '[' or '{' expected near end of file"]],
    ['  \n', ["<string>(2,0): '[' or '{' expected near end of file"]],
    ['not json', ["<string>(1,3): '[' or '{' expected near 'not'"]],
    ['"x"', ["<string>(1,1): '[' or '{' expected near '\"'"]],
    ['{"a":', ['<string>(1,5): premature end of input near end of file']],
    ['{"a":"}', ['<string>(1,7): premature end of input near end of file']],
    ['{"a":1}\nzz', [{ a: 1 }, "<string>(2,2): '[' or '{' expected near 'zz'"]],
  ]
  for (const [text, expected] of cases) assert.deepEqual(read(text), expected)
  for (const text of ['{]', '{"a" 1}', '{a:1}', "{'a':1}", '{"a":01}', '[1,]', '{"a":"\n"}', '{"\\']) {
    const found = read(text)
    assert.equal(found.length, 1, text)
    assert.match(String(found[0]), /^<string>\(\d+,\d+\): /)
  }
})

test('one document, and nothing else', () => {
  assert.deepEqual(JsonDocuments.only(' {"a":1}\n'), { kind: 'document', value: { a: 1 }, length: 7 })
  const more = { kind: 'malformed', line: 2, column: 2, problem: "end of file expected near 'zz'" }
  assert.deepEqual(JsonDocuments.only('{}\nzz'), more)
  assert.equal(JsonDocuments.only('{}{}').kind, 'malformed')
  assert.equal(JsonDocuments.only('').kind, 'malformed')
})

test('H-41 depth is bounded, and a large text takes linear time', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(typeof read(nested(256))[0], 'object')
  assert.deepEqual(read(nested(257)), ['<string>(1,0): maximum parsing depth reached'])
  assert.deepEqual(read(nested(100_000)), ['<string>(1,0): maximum parsing depth reached'])
  assert.deepEqual(read('['.repeat(1_000_000)), ['<string>(1,0): maximum parsing depth reached'])
  assert.equal(read('{}'.repeat(100_000)).length, 100_000)
})

test('any documents, written one after the other, are read back', () => {
  const document = fc.oneof(fc.object({ maxDepth: 3 }), fc.array(fc.jsonValue({ maxDepth: 3 })))
  const space = fc.constantFrom('', ' ', '\n', '\r\n\t')
  const property = fc.property(fc.array(fc.tuple(document, space), { minLength: 1 }), (pairs) => {
    const texts = pairs.map(([value]) => JSON.stringify(value))
    const joined = pairs.map(([, gap], i) => texts[i]! + gap).join('')
    assert.deepEqual(
      read(joined),
      texts.map((text) => JSON.parse(text)),
    )
  })
  fc.assert(property, { numRuns: 300 })
})

test('any text at all is read to its end without a throw', () => {
  const noise = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '1', 'a', ' ', '\ud800', '\n'))
  const property = fc.property(
    noise.map((parts) => parts.join('')),
    (text) => assert.ok(read(text).length >= 1),
  )
  fc.assert(property, { numRuns: 2000 })
})
