import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LinkChances, type LinkConditions, SimulatedLink } from './simulated-link.js'
import { SimulatedNetwork } from './simulated-network.js'

const fair: LinkChances = { loss: 0.999, jitter: 0, reorder: 0.999, duplicate: 0.999 }

/** Share lost and mean length of the runs of losses, over `count` datagrams, one each `everyMs`. */
function losses(conditions: Partial<LinkConditions>, count: number, everyMs = 1): { share: number; meanRun: number } {
  const link = new SimulatedLink(conditions)
  const { random } = new SimulatedNetwork({ seed: 5 })
  let lost = 0
  let runs = 0
  let before = false
  for (let i = 0; i < count; i++) {
    link.send(i * everyMs, 1000, { ...fair, loss: random() / 2 ** 32 })
    const now = link.fate === 'lost'
    if (now) lost++
    if (now && !before) runs++
    before = now
  }
  return { share: lost / count, meanRun: lost / runs }
}

test('losses in bursts: the share is kept, and so is the mean length', () => {
  for (const [loss, burst] of [
    [0.02, 5],
    [0.1, 3],
    [0.2, 10],
  ] as const) {
    const { share, meanRun } = losses({ loss, burst }, 200_000)
    assert.ok(Math.abs(share - loss) < loss * 0.1, `${share} of ${loss}`)
    assert.ok(Math.abs(meanRun - burst) < burst * 0.1, `${meanRun} of ${burst}`)
  }
  const single = losses({ loss: 0.1 }, 200_000)
  assert.ok(Math.abs(single.meanRun - 1 / 0.9) < 0.03, 'without bursts losses have no memory')
  const rare = losses({ loss: 0.1, burst: 5 }, 200_000, 250)
  assert.ok(Math.abs(rare.meanRun - 1) < 0.05, 'a pause ends a burst')
})

test('the queue grows while more comes than the rate takes, overflows at its limit, and drains', () => {
  const link = new SimulatedLink({ rateBps: 1_000_000, queueMs: 50, delayMs: 10 })
  // 972 + 28 bytes take 8 ms.
  assert.equal(link.send(0, 972, fair), 18)
  assert.equal(link.send(0, 972, fair), 26)
  assert.equal(link.queueMs(0), 16)
  for (let i = 0; i < 5; i++) link.send(0, 972, fair)
  assert.equal(link.queueMs(0), 56)
  assert.ok(Number.isNaN(link.send(0, 972, fair)))
  assert.equal(link.fate, 'overflow')
  assert.deepEqual(link.figures, { arrived: 7, lost: 0, overflow: 1, bytes: 7000 })
  link.conditions = { ...link.conditions, rateBps: 8_000_000 }
  assert.equal(link.send(56, 972, fair), 67)
})

test('hosts that share a link share its rate', () => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { delayMs: 10 } })
  const from = { ip: '10.0.0.1', port: 1 }
  const seen: [string, number][] = []
  const hosts = ['10.0.0.2', '10.0.0.3', '10.0.0.4'].map((ip) => ({ ip, port: 1 }))
  for (const { ip, port } of hosts) network.bind({ ip, port }, () => seen.push([ip, network.nowMs]))
  network.share(
    hosts.slice(0, 2).map(({ ip }) => [from.ip, ip] as const),
    { rateBps: 1_000_000 },
  )
  const datagram = { kind: 'plain', bytes: new Uint8Array(0), wireBytes: 972, session: 0, index: 0 } as const
  for (const to of hosts) network.send(from, to, datagram)
  network.run({ untilMs: 100 })
  assert.deepEqual(seen, [
    ['10.0.0.4', 10],
    ['10.0.0.2', 18],
    ['10.0.0.3', 26],
  ])
})
