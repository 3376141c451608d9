/** `npm run bench -- PART …`: measures, prints tables, and writes them and plots where `--out` says. README.md says how to read them. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

const defaultRuns = 3
const defaultSeconds = 4
/** A part that takes so many times as long as it should is given up. */
const LATE = 3

const { values, positionals, tokens } = parseArgs({
  allowPositionals: true,
  tokens: true,
  options: {
    runs: { type: 'string', default: String(defaultRuns) },
    seconds: { type: 'string', default: String(defaultSeconds) },
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
const part = [...parts, ...longParts].find(({ name }) => name === wanted)
if (part) await perform(part)
else if (wanted === 'all') for (const each of parts) await performAlone(each)
else throw new Error(`there is no part ${wanted}`)
process.exit()

/**
 * In a process of its own: nothing that one part leaves behind (compiled code, a heap, the cores it was kept on, what it could not
 * close) is there in the next one, and one that fails or hangs takes none of the others with it.
 */
async function performAlone({ name, minutes = 0 }: Part): Promise<void> {
  const named = tokens.find(({ kind }) => kind === 'positional')?.index
  const flags = process.argv.slice(2).filter((_, index) => index !== named)
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name, ...flags], { stdio: 'inherit' })
  const share = Math.max(1, (Number(values.runs) * Number(values.seconds)) / (defaultRuns * defaultSeconds))
  const late = setTimeout(() => child.kill(), minutes * LATE * share * 60_000)
  const [code, signal] = await once(child, 'exit')
  clearTimeout(late)
  if (code === 0) return
  process.stderr.write(`${name} failed: ${signal ? `it was ended by ${signal}` : `exit code ${code}`}\n`)
  process.exitCode = 1
}

async function perform(part: Part): Promise<void> {
  const subjects = only.filter((name) => part.subjects.includes(name))
  if (subjects.length === 0) {
    process.stderr.write(`${part.name}: does not measure ${only.join(', ')}\n`)
    return
  }
  process.stderr.write(`${part.name}: about ${part.minutes ?? values.minutes} minutes\n`)
  const report = await part.run({
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    soakMinutes: Number(values.minutes),
    only: subjects,
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
    `${all.length} × ${all[0]!.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split('-')[0]}, ` +
    `Node ${process.versions.node}, commit ${commit}, load average at the end ${load}`
  )
}
