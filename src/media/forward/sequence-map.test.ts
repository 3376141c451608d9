import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_SENT, SequenceMap } from './sequence-map.js'

type Step =
  | ['map', extSeq: number, sent: number]
  | ['drop', extSeq: number]
  | ['reverse', sent: number, extSeq: number]
  | ['newest', sent: number]
  | ['inOrder', extSeq: number, answer: boolean]
  | ['resync' | 'forget' | 'restart']

const cases: Record<string, Step[]> = {
  'the first packet gets the first number': [
    ['newest', 4],
    ['map', 1000, 5],
    ['newest', 5],
  ],
  'packets in order count up': [
    ['map', 10, 5],
    ['map', 11, 6],
    ['map', 12, 7],
  ],
  'asking twice gives the same number': [
    ['map', 10, 5],
    ['map', 11, 6],
    ['map', 10, 5],
    ['map', 11, 6],
  ],
  'a loss upstream stays a gap': [
    ['map', 10, 5],
    ['map', 13, 8],
    ['newest', 8],
  ],
  'what was lost comes late into its place': [
    ['map', 10, 5],
    ['map', 13, 8],
    ['map', 12, 7],
    ['map', 11, 6],
  ],
  'nothing older than the first packet is mapped': [
    ['map', 10, 5],
    ['map', 9, -1],
    ['reverse', 4, -1],
  ],
  'a drop leaves no gap': [
    ['map', 10, 5],
    ['drop', 11],
    ['map', 12, 6],
    ['map', 11, -1],
  ],
  'drops in a row': [
    ['map', 10, 5],
    ['drop', 11],
    ['drop', 12],
    ['drop', 13],
    ['map', 14, 6],
  ],
  'every second one dropped': [
    ['map', 10, 5],
    ['drop', 11],
    ['map', 12, 6],
    ['drop', 13],
    ['map', 14, 7],
    ['reverse', 5, 10],
    ['reverse', 6, 12],
    ['reverse', 7, 14],
  ],
  'a drop after a loss keeps the place of the lost one': [
    ['map', 10, 5],
    ['drop', 12],
    ['map', 13, 7],
    ['map', 11, 6],
    ['map', 12, -1],
  ],
  'two drops with a loss between them': [
    ['map', 10, 5],
    ['drop', 11],
    ['drop', 13],
    ['map', 14, 7],
    ['map', 12, 6],
    ['map', 11, -1],
    ['map', 13, -1],
  ],
  'a drop out of order changes nothing': [
    ['map', 10, 5],
    ['map', 12, 7],
    ['drop', 11],
    ['map', 13, 8],
    ['map', 11, 6],
  ],
  'a drop before anything was sent changes nothing': [
    ['drop', 10],
    ['map', 11, 5],
  ],
  'a drop repeated changes nothing': [
    ['map', 10, 5],
    ['drop', 11],
    ['drop', 11],
    ['map', 12, 6],
  ],
  'a pause leaves no gap and lets nothing of it through': [
    ['map', 10, 5],
    ['map', 11, 6],
    ['resync'],
    ['map', 40, 7],
    ['map', 41, 8],
    ['map', 30, -1],
    ['map', 12, -1],
    ['map', 11, 6],
  ],
  'a pause right after a drop': [['map', 10, 5], ['drop', 11], ['resync'], ['map', 20, 6], ['map', 15, -1]],
  'a pause with nothing sent': [['resync'], ['map', 40, 5]],
  'a drop during a pause changes nothing': [['map', 10, 5], ['resync'], ['drop', 20], ['map', 21, 6]],
  'two pauses': [['map', 1, 5], ['resync'], ['map', 5, 6], ['resync'], ['resync'], ['map', 9, 7], ['reverse', 6, 5]],
  'reverse of numbers sent, lost and not yet sent': [
    ['map', 10, 5],
    ['map', 12, 7],
    ['reverse', 5, 10],
    ['reverse', 6, 11],
    ['reverse', 7, 12],
    ['reverse', 8, -1],
    ['reverse', 4, -1],
  ],
  'reverse across a drop and a pause': [
    ['map', 10, 5],
    ['drop', 11],
    ['map', 12, 6],
    ['resync'],
    ['map', 90, 7],
    ['reverse', 5, 10],
    ['reverse', 6, 12],
    ['reverse', 7, 90],
  ],
  'forgetting ends what can be asked, not the numbering': [
    ['map', 10, 5],
    ['map', 12, 7],
    ['forget'],
    ['reverse', 5, -1],
    ['map', 11, -1],
    ['map', 13, 8],
    ['reverse', 8, 13],
    ['reverse', 7, -1],
  ],
  'another source may count from anywhere': [
    ['map', 70000, 5],
    ['restart'],
    ['inOrder', 3, true],
    ['map', 3, 6],
    ['map', 4, 7],
    ['reverse', 5, 70000],
    ['reverse', 6, 3],
  ],
  'in order is newer than mapped and dropped': [
    ['inOrder', -5, true],
    ['map', 10, 5],
    ['inOrder', 10, false],
    ['inOrder', 11, true],
    ['drop', 11],
    ['inOrder', 11, false],
    ['inOrder', 12, true],
  ],
  'source numbers past 2^32': [
    ['map', 2 ** 40, 5],
    ['drop', 2 ** 40 + 1],
    ['map', 2 ** 40 + 2, 6],
    ['reverse', 6, 2 ** 40 + 2],
  ],
}

for (const [name, steps] of Object.entries(cases)) {
  test(`sequence map: ${name}`, () => {
    const map = new SequenceMap(5)
    for (const step of steps) {
      if (step[0] === 'map') assert.equal(map.map(step[1]), step[2], `map ${step[1]}`)
      else if (step[0] === 'drop') map.drop(step[1])
      else if (step[0] === 'reverse') assert.equal(map.reverse(step[1]), step[2], `reverse ${step[1]}`)
      else if (step[0] === 'newest') assert.equal(map.newestSent, step[1])
      else if (step[0] === 'inOrder') assert.equal(map.inOrder(step[1]), step[2], `inOrder ${step[1]}`)
      else map[step[0]]()
    }
  })
}

test('sequence map: numbers end instead of repeating', () => {
  const map = new SequenceMap(MAX_SENT - 1)
  assert.equal(map.map(10), MAX_SENT - 1)
  assert.equal(map.map(11), MAX_SENT)
  assert.equal(map.map(12), -1)
  map.resync()
  assert.equal(map.map(13), -1)
  assert.equal(map.map(11), MAX_SENT)
})

test('sequence map: more ranges than are remembered forgets the oldest, and only those', () => {
  const map = new SequenceMap(0)
  for (let i = 0; i < 100; i++) {
    assert.equal(map.map(i * 2), i)
    map.drop(i * 2 + 1)
  }
  assert.equal(map.reverse(0), -1)
  assert.equal(map.map(0), -1)
  for (let i = 70; i < 100; i++) assert.equal(map.reverse(i), i * 2)
})

test('sequence map: whatever happens, no number stands for two packets and reverse undoes map', () => {
  const step = fc.record({
    kind: fc.constantFrom('map', 'map', 'map', 'drop', 'resync'),
    by: fc.integer({ min: -6, max: 6 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = new SequenceMap(100)
      const sourceOf = new Map<number, number>()
      let at = 1000
      for (const { kind, by } of steps) {
        const extSeq = at + by
        at = Math.max(at, extSeq)
        if (kind === 'resync') map.resync()
        else if (kind === 'drop') map.drop(extSeq)
        else {
          const sent = map.map(extSeq)
          if (sent < 0) continue
          assert.ok(sent >= 100 && sent <= map.newestSent)
          assert.equal(sourceOf.get(sent) ?? extSeq, extSeq)
          assert.equal(map.reverse(sent), extSeq)
          sourceOf.set(sent, extSeq)
        }
      }
    }),
    { numRuns: 500, seed: 1 },
  )
})
