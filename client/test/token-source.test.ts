import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenSource } from '../src/token-source.js'

test('a function that does not answer is given up after 15 s, and asked again by the next', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const answers: ((token: string) => void)[] = []
  const source = new TokenSource(() => new Promise<string>((resolve) => answers.push(resolve)))
  const [first, shared] = [source.get(), source.get()]
  await Promise.resolve()
  t.mock.timers.tick(15_000)
  await assert.rejects(first, { kind: 'timeout' })
  await assert.rejects(shared, { kind: 'timeout' })
  const next = source.get()
  await Promise.resolve()
  assert.equal(answers.length, 2)
  answers[1]!('fresh')
  assert.equal(await next, 'fresh')
})
