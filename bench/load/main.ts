/**
 * `npm run bench`: CPU per forwarded packet of rostra and of the floor program, in turn, on this machine, now.
 * Machines are noisy: read the ratios, not the numbers. `--against DIR` adds the server of another checkout, built there, to the turns.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
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
    against: { type: 'string' },
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
const subjects: Record<string, (shape: Shape) => Promise<Result>> = { floor: measureFloor, rostra: measureRostra }
if (values.against !== undefined) {
  const entry = resolve(values.against, 'dist/src/index.js')
  if (!existsSync(entry)) {
    console.error(`${values.against} is no checkout that was built: there is no ${entry}`)
    process.exit(1)
  }
  subjects.before = (shape) => measureRostra(shape, entry)
}
const results = new Map<string, Result[]>()
for (let run = 1; run <= runs; run++) {
  for (const [name, measure] of Object.entries(subjects)) {
    const result = await measure(shape)
    results.set(name, [...(results.get(name) ?? []), result])
    const { microsecondsPerForward, delivered } = result
    console.log(
      `run ${run}  ${name.padEnd(7)} ${microsecondsPerForward.toFixed(2)} µs  ${(delivered * 100).toFixed(2)} % delivered`,
    )
  }
}
const costs = (name: string) => results.get(name)!.map(({ microsecondsPerForward }) => microsecondsPerForward)
console.log()
for (const name of results.keys()) console.log(`median   ${name.padEnd(7)} ${median(costs(name)).toFixed(2)} µs`)

/** Run by run: what disturbs the machine for a while disturbs both of a pair. */
function compare(name: string, other: string): void {
  const ratios = costs(name).map((cost, run) => cost / costs(other)[run]!)
  const all = ratios.map((ratio) => ratio.toFixed(2)).join(' ')
  console.log(`${name} / ${other} = ${median(ratios).toFixed(2)} (median of ${runs} pairs, ${all})`)
}
compare('rostra', 'floor')
if (results.has('before')) {
  compare('before', 'floor')
  compare('rostra', 'before')
}
