/** `npm run bench -- PART …`: measures, prints tables, and writes them and plots where `--out` says. README.md says how to read them. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type SubjectName, subjectNames } from '../peers/open.js'
import { tableText, verdictTable } from '../report/markdown.js'
import { data } from './data.js'
import { forward } from './forward.js'
import { latency } from './latency.js'
import { memory } from './memory.js'
import type { Part, PartReport } from './part.js'
import { saturation } from './saturation.js'
import { soak } from './soak.js'
import { storm } from './storm.js'
import { workers } from './workers.js'

const parts: readonly Part[] = [forward, saturation, latency, data, storm, memory, workers]
/** Takes as long as it is told to: not of `all`. */
const longParts: readonly Part[] = [soak]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    minutes: { type: 'string', default: '10' },
    only: { type: 'string' },
    out: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const only = (values.only?.split(',') ?? [...subjectNames]) as SubjectName[]
const unknown = only.find((name) => !subjectNames.includes(name))
if (unknown) throw new Error(`--only: there is no ${unknown}: ${subjectNames.join(', ')}`)

// Namespaces and servers go with an exit, which a signal by itself is not.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

const [wanted = 'all'] = positionals
for (const part of wanted === 'all' ? parts : [...parts, ...longParts].filter(({ name }) => name === wanted)) {
  const minutes = part.minutes ?? values.minutes
  process.stderr.write(`${part.name}: about ${minutes} minutes\n`)
  try {
    await perform(part)
  } catch (error) {
    // The other parts have nothing to do with it.
    process.stderr.write(`${part.name} failed: ${(error as Error).stack}\n`)
    process.exitCode = 1
  }
}
process.exit()

async function perform(part: Part): Promise<void> {
  const report = await part.run({
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    soakMinutes: Number(values.minutes),
    only,
    quick: values.quick,
    say: (line) => process.stderr.write(`${line}\n`),
  })
  const text = markdown(part, report)
  process.stdout.write(text)
  if (report.mustHold && report.verdicts.some(({ met }) => !met)) process.exitCode = 1
  if (values.out === undefined) return
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, `${part.name}.md`), text)
  if (report.svg) writeFileSync(join(values.out, `${part.name}.svg`), report.svg)
}

function markdown({ name }: Part, { title, method, tables, verdicts, svg }: PartReport): string {
  const lines = [
    `# ${title}`,
    '',
    method,
    '',
    ...(svg ? [`![${title}](${name}.svg)`, ''] : []),
    ...tables.map(tableText),
    ...(verdicts.length > 0 ? [tableText(verdictTable(verdicts))] : []),
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Measured by \`${command()}\`; [how to read it](../../bench/README.md#parts).`,
    '',
  ]
  return lines.join('\n')
}

function command(): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ')
}

function machine(): string {
  const all = cpus()
  const load = Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0])
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  return (
    `${all.length} × ${all[0]!.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, ` +
    `Node ${process.versions.node}, commit ${commit}, load average at the end ${load}`
  )
}
