import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trendline } from './trendline.js'

for (const [name, deltaMs, low, high] of [
  ['a steady queue', 0, 0, 0],
  ['a queue that grows by 2 ms in 20', 2, 0.08, 0.1],
  ['a queue that empties', -2, -0.12, -0.1],
] as const) {
  test(`trendline: ${name}`, () => {
    const line = new Trendline()
    for (let i = 0; i < 100; i++) line.add(deltaMs, 1000 + i * (20 + deltaMs))
    assert.ok(line.slope >= low && line.slope <= high, `slope ${line.slope}`)
    assert.equal(line.count, 100)
  })
}

test('trendline: says nothing before it has twenty groups', () => {
  const line = new Trendline()
  for (let i = 0; i < 19; i++) line.add(5, i * 25)
  assert.equal(line.slope, 0)
  line.add(5, 19 * 25)
  assert.ok(line.slope > 0.05)
})
