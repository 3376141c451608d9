import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Encoding, EncodingChoice } from './encoding-choice.js'

const encoding = (rid: string, bytes: number, lastMs = 1000): Encoding => ({ ssrc: 1, rid, bytes, lastMs })

const cases: [name: string, current: Encoding, others: Encoding[], wanted: string | null][] = [
  ['alone', encoding('l', 100), [], null],
  ['more bytes win', encoding('l', 100), [encoding('h', 900), encoding('m', 400)], 'h'],
  ['a little more is no reason', encoding('l', 100), [encoding('m', 120)], null],
  ['the best stays', encoding('h', 900), [encoding('m', 400), encoding('l', 100)], null],
  ['what fell silent is no choice', encoding('l', 100), [encoding('h', 900, 499), encoding('m', 400, 500)], 'm'],
  ['the same encoding under another SSRC is no other', encoding('l', 100), [encoding('l', 900)], null],
]

for (const [name, current, others, wanted] of cases) {
  test(`encoding choice: ${name}`, () => {
    const choice = new EncodingChoice<Encoding>()
    for (const other of others) choice.seen(other)
    assert.equal(choice.look(current, 500)?.rid ?? null, wanted)
    assert.equal(choice.wanted?.rid ?? null, wanted)
    for (const looked of [current, ...others]) assert.equal(looked.bytes, 0)
    assert.equal(choice.look(current, 500), null, 'without bytes nothing is better')
  })
}

test('encoding choice: others are bounded and forgotten', () => {
  const choice = new EncodingChoice<Encoding>()
  for (let i = 0; i < 20; i++) choice.seen(encoding(`${i}`, i))
  assert.equal(choice.look(encoding('x', 1), 0)!.rid, '7')
  choice.reset()
  assert.equal(choice.wanted, null)
  assert.equal(choice.look(encoding('x', 0), 0), null)
})
