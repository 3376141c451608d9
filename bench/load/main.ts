/**
 * `npm run bench`: CPU per forwarded packet of rostra and of the floor program, in turn, on this machine, now.
 * Machines are noisy: read the ratio of the medians, not the numbers.
 */
import { parseArgs } from 'node:util'
import { median } from './cpu.js'
import { measureFloor } from './floor.js'
import { measureRostra } from './rostra.js'
import type { Result, Shape } from './shape.js'

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '20' },
    rate: { type: 'string', default: '500' },
    bytes: { type: 'string', default: '1100' },
    seconds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '5' },
  },
})
const shape: Shape = {
  subscribers: Number(values.subscribers),
  packetsPerSecond: Number(values.rate),
  payloadBytes: Number(values.bytes),
  seconds: Number(values.seconds),
}
const runs = Number(values.runs)

console.log(
  `1 publisher → ${shape.subscribers} subscribers, ${shape.packetsPerSecond} packets/s of ${shape.payloadBytes} bytes, ` +
    `${runs} runs of ${shape.seconds} s each; CPU of all server processes per packet that arrived\n`,
)
const results: Record<'floor' | 'rostra', Result[]> = { floor: [], rostra: [] }
for (let run = 1; run <= runs; run++) {
  for (const [name, measure] of [
    ['floor', measureFloor],
    ['rostra', measureRostra],
  ] as const) {
    const result = await measure(shape)
    results[name].push(result)
    const { microsecondsPerForward, delivered } = result
    console.log(
      `run ${run}  ${name.padEnd(7)} ${microsecondsPerForward.toFixed(2)} µs  ${(delivered * 100).toFixed(2)} % delivered`,
    )
  }
}
const middle = (name: 'floor' | 'rostra') => median(results[name].map((result) => result.microsecondsPerForward))
// Pair by pair: what disturbs the machine for a while disturbs both of a pair.
const ratios = results.rostra.map(
  (result, run) => result.microsecondsPerForward / results.floor[run]!.microsecondsPerForward,
)
console.log(`\nmedian   floor   ${middle('floor').toFixed(2)} µs\nmedian   rostra  ${middle('rostra').toFixed(2)} µs`)
console.log(
  `rostra / floor = ${median(ratios).toFixed(2)} (median of ${runs} pairs, ${ratios.map((r) => r.toFixed(2)).join(' ')})`,
)
