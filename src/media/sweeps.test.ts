import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sweeps } from './sweeps.js'

test('what is due in time is looked for at once, but not too often', () => {
  const sweeps = new Sweeps()
  assert.equal(sweeps.begin(999, 1000), false)
  assert.equal(sweeps.begin(1020, 1000), true)
  assert.equal(sweeps.begin(1021, 1021), false)
  assert.equal(sweeps.nextMs(1021), 1025)
  assert.equal(sweeps.begin(1025, 1021), true)
})

test('what is late waits for what has come meanwhile, once', () => {
  const sweeps = new Sweeps()
  assert.equal(sweeps.begin(1500, 1000), false)
  assert.equal(sweeps.nextMs(1000), 1510)
  assert.equal(sweeps.begin(1509, 1000), false)
  assert.equal(sweeps.begin(1800, 1000), true, 'however late it is then')
  assert.equal(sweeps.begin(2500, 2000), false, 'the next time')
  assert.equal(sweeps.nextMs(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY, 'what was due has been answered')
})
