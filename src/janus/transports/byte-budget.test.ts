import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testing/fake-clock.js'
import { ByteBudget, fairLevel, type Share } from './byte-budget.js'

/** A budget of so many bytes, and what it cut. */
function budget(totalBytes: number, addressBytes?: number) {
  const limits = addressBytes === undefined ? { totalBytes } : { totalBytes, addressBytes }
  const cut: string[] = []
  const told: [holders: number, bytes: number][] = []
  const clock = new FakeClock()
  const made = new ByteBudget({ limits: () => limits, onCut: (...args) => told.push(args), clock })
  /** @param left what of it is still held when somebody looks */
  const holder = (name: string, address: string, left = (bytes: number) => bytes) => {
    const share: Share = made.open({
      address,
      heldBytes: () => left(share.bytes),
      cut: () => cut.push(name),
    })
    return share
  }
  return { budget: made, clock, holder, cut, told }
}

test('whoever holds most is cut, until an eighth is free; who holds little goes on', () => {
  const { budget: made, holder, cut, told } = budget(800)
  const [big, bigger, small] = [holder('big', 'a'), holder('bigger', 'b'), holder('small', 'c')]
  small.set(100)
  big.set(300)
  bigger.set(400)
  assert.deepEqual([cut, made.measure()], [[], 800])
  small.set(101)
  assert.deepEqual([cut, told, made.measure()], [['bigger'], [[1, 400]], 401])
  bigger.set(1000)
  assert.equal(made.measure(), 401, 'who was cut is not counted any more')
  big.close()
  big.close()
  small.close()
  assert.equal(made.measure(), 0)
})

test('many small holders of one address are more than one large holder of another', () => {
  const { holder, cut } = budget(1000)
  holder('large', 'honest').set(200)
  const many = Array.from({ length: 90 }, (_, i) => holder(`${i}`, 'many'))
  for (const share of many) share.set(10)
  assert.ok(cut.length >= 10 && cut.length < 90, `${cut.length} were cut`)
  assert.ok(!cut.includes('large'))
})

test('of an address, who has kept something for long goes before who brings much at once', () => {
  const { budget: made, clock, holder, cut } = budget(10_000, 1000)
  const hoarders = Array.from({ length: 90 }, (_, i) => holder(`hoarder ${i}`, 'shared'))
  for (const share of hoarders) share.set(10)
  clock.advance(5000)
  const passing = holder('passing', 'shared')
  // A tenth of what there is, within a second.
  for (let bytes = 10; bytes <= 100; bytes += 10) {
    passing.set(bytes)
    clock.advance(100)
  }
  holder('last', 'shared').set(50)
  assert.deepEqual([cut.length, made.measure()], [18, 870])
  assert.ok(
    cut.every((name) => name.startsWith('hoarder')),
    cut.join(),
  )
})

test('what was held and is gone counts no more', () => {
  const { clock, holder, cut } = budget(1000)
  const [emptied, steady, young] = [holder('emptied', 'a'), holder('steady', 'a'), holder('young', 'a')]
  emptied.set(700)
  steady.set(200)
  clock.advance(60_000)
  emptied.set(50)
  young.set(600)
  clock.advance(2000)
  young.set(800)
  assert.deepEqual(cut, ['steady'])
})

test('the largest of an address go first when none has been there for longer', () => {
  const { holder, cut } = budget(1000)
  for (const [name, bytes] of [
    ['a', 100],
    ['b', 400],
    ['c', 300],
    ['d', 201],
  ] as const)
    holder(name, 'one').set(bytes)
  assert.deepEqual(cut, ['b'])
})

test('one address may have no more than its part, though there is room', () => {
  const { budget: made, holder, cut } = budget(10_000, 1000)
  holder('other', 'b').set(900)
  for (let i = 0; i < 10; i++) holder(`${i}`, 'a').set(100)
  assert.equal(cut.length, 0)
  holder('last', 'a').set(1)
  assert.deepEqual([cut.length, cut.includes('other')], [2, false])
  assert.equal(made.measure(), 900 + 801)
})

test('to be asked what is held cuts nobody off, even when it is more than was told', () => {
  const { budget: made, holder, cut } = budget(100)
  const share = holder('grows', 'a', (bytes) => bytes + 50)
  share.set(100)
  assert.deepEqual([made.measure(), cut], [150, []])
  share.set(151)
  assert.deepEqual([made.measure(), cut], [0, ['grows']])
})

test('a holder that cannot say what it holds does not end the budget', () => {
  const { budget: made, holder, cut } = budget(100)
  let isBroken = true
  const broken = holder('broken', 'a', (bytes) => {
    if (isBroken) throw new Error('unknown')
    return bytes
  })
  broken.set(60)
  assert.throws(() => made.measure(), /unknown/)
  isBroken = false
  holder('other', 'b').set(50)
  assert.deepEqual([cut, made.measure()], [['broken'], 50])
})

test('only the shares of addresses that lose some are put in order, and what each has kept is worked out once', (t) => {
  const { holder, cut, told } = budget(10_000, 1000)
  for (let i = 0; i < 900; i++) holder(`calm ${i}`, 'calm').set(1)
  const hogs = Array.from({ length: 100 }, (_, i) => holder(`hog ${i}`, 'hog'))
  for (const [i, share] of hogs.entries()) share.set((i * 37) % 20)
  assert.deepEqual(told, [])
  const { mock } = t.mock.method(Math, 'exp')
  hogs[0]!.set(51)
  assert.deepEqual([cut.length, cut.includes('hog 0'), cut.some((name) => name.startsWith('calm'))], [5, true, false])
  // Each that holds something once, those that were cut, and the one that grew, once more.
  assert.equal(mock.callCount(), 96 + 5 + 1)
})

test('what has gone meanwhile is found out before anybody is cut', () => {
  const { budget: made, holder, cut, told } = budget(1000)
  holder('gone', 'a', () => 0).set(900)
  const there = holder('there', 'b')
  there.set(950)
  assert.deepEqual([cut, told, made.measure()], [[], [], 950])
  there.set(1001)
  assert.deepEqual(cut, ['there'])
})

test('who asks for little has it, and the others share what is left', () => {
  assert.equal(fairLevel([10, 20, 70], 100), Number.POSITIVE_INFINITY)
  assert.equal(fairLevel([10, 200, 300], 110), 50)
  assert.equal(fairLevel([10, 30, 300], 100), 60)
  assert.equal(fairLevel([5], 4), 4)
  assert.equal(fairLevel([], 0), Number.POSITIVE_INFINITY)
})
