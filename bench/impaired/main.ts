/**
 * `npm run bench -- impaired`: real browsers on bad links, over rostra and, when asked, over Janus' videoroom on the
 * same links. README.md says how to read it.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { type BrowserName, browserNames, launchers } from '../../test/support/browsers.js'
import { browserPage } from '../../test/support/impaired/browser-page.js'
import { type ImpairedServer, startRostra } from '../../test/support/impaired/server.js'
import type { PictureShape, RelayFigures, Sample } from '../../test/support/impaired/stage.js'
import { servePages } from '../../test/support/pages.js'
import { startJanusInNamespace } from '../peers/janus-namespace.js'
import { encodingsOf, readShape } from './encodings.js'
import { plot, type Series } from './plot.js'
import { type Row, table } from './report.js'
import { type Recording, record } from './run.js'
import { type Scenario, scenarios } from './scenarios.js'
import { summarise } from './summary.js'

const SEED = 42
/** Publishers that try to come to their full bitrate before a scenario begins. */
const ATTEMPTS = 5
/** What is compared when no scenario is named, so that it takes ten minutes: with another server, and of several pairs of browsers. */
const OF_SERVERS = ['loss-10', 'bursts', 'step-subscriber', 'step-publisher']
const OF_PAIRS = ['clean', 'loss-10', 'bursts', 'delay-100', 'jitter', 'reorder', 'step-subscriber', 'step-publisher']

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peer: { type: 'string' },
    browsers: { type: 'string', default: 'chromium-chromium' },
    simulcast: { type: 'string' },
    picture: { type: 'string', default: '640x360@25' },
    out: { type: 'string' },
  },
})

function wanted(): Scenario[] {
  const all = () => (pairs().length > 1 ? OF_PAIRS : scenarios.map(({ name }) => name))
  const names = values.only?.split(',') ?? (values.peer ? OF_SERVERS : all())
  return names.map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name)
    if (!found) throw new Error(`there is no scenario "${name}": ${scenarios.map(({ name }) => name).join(', ')}`)
    return found
  })
}

/** With simulcast only, unless that is what is compared. */
function simulcasts(): boolean[] {
  const kinds: Record<string, boolean[]> = { on: [true], off: [false], both: [false, true] }
  const found = kinds[values.simulcast ?? (values.peer ? 'both' : 'on')]
  if (!found) throw new Error('--simulcast is on, off or both')
  return found
}

interface Pair {
  publisher: BrowserName
  subscriber: BrowserName
}

function pairs(): Pair[] {
  const named = (text = '') => {
    const found = browserNames.find((name) => name.toLowerCase() === text.toLowerCase())
    if (!found) throw new Error(`--browsers is a list of PUBLISHER-SUBSCRIBER out of ${browserNames.join(', ')}`)
    return found
  }
  return values.browsers.split(',').map((pair) => {
    const [publisher, subscriber] = pair.split('-')
    return { publisher: named(publisher), subscriber: named(subscriber) }
  })
}

/** Browsers are started once: PeerConnections of different pages share nothing that matters here. */
const browsers = new Map<BrowserName, Promise<Browser>>()

function browser(name: BrowserName): Promise<Browser> {
  let started = browsers.get(name)
  if (!started) browsers.set(name, (started = launchers[name]()))
  return started
}

function servers(): (() => Promise<ImpairedServer>)[] {
  if (values.peer === undefined) return [startRostra]
  if (values.peer !== 'janus') throw new Error('--peer is janus')
  return [
    startRostra,
    async () => {
      const janus = await startJanusInNamespace()
      if (!janus) throw new Error('Janus is not installed (Debian: apt-get install janus), or this is not root')
      return janus
    },
  ]
}

interface Run {
  scenario: Scenario
  start(): Promise<ImpairedServer>
  simulcast: boolean
  pair: Pair
}

/** @returns undefined when no publisher came to its full bitrate: a row less, and a failure */
async function one(
  { scenario, start, simulcast, pair }: Run,
  picture: PictureShape,
  pageUrl: string,
): Promise<{ name: string; recording: Recording } | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const server = await start()
    try {
      const recording = await record(scenario, {
        server,
        publisher: await browserPage(await browser(pair.publisher), pageUrl),
        subscriber: await browserPage(await browser(pair.subscriber), pageUrl),
        picture,
        encodings: encodingsOf(picture, simulcast),
        seed: SEED,
      })
      const through = pairs().length > 1 ? ` (${pair.publisher} → ${pair.subscriber})` : ''
      const name = `${server.name}${simulcast ? ', simulcast' : ''}${through}`
      if (recording) return { name, recording }
      console.error(
        `${scenario.name}, ${name}: its publisher did not come to its full bitrate (${attempt} of ${ATTEMPTS})`,
      )
    } finally {
      await server.stop()
    }
  }
  process.exitCode = 1
  return undefined
}

function runs(scenario: Scenario, starts: readonly (() => Promise<ImpairedServer>)[]): Run[] {
  return pairs().flatMap((pair) =>
    simulcasts().flatMap((simulcast) => starts.map((start) => ({ scenario, start, simulcast, pair }))),
  )
}

const lateness = ({ p50Ms, p99Ms, maxMs }: RelayFigures['late']) =>
  `relay late by ${p50Ms.toFixed(1)} ms (p50), ${p99Ms.toFixed(1)} (p99), ${maxMs.toFixed(0)} (most)`

async function main(): Promise<void> {
  const picture = readShape(values.picture)
  const starts = servers()
  const pages = await servePages()
  const rows: Row[] = []
  const plots: { title: string; file: string; svg: string }[] = []
  const startedMs = performance.now()
  try {
    for (const scenario of wanted()) {
      const all: Series[] = []
      for (const run of runs(scenario, starts)) {
        const measured = await one(run, picture, `${pages.url}/impaired.html`)
        if (!measured) continue
        const { name, recording } = measured
        const estimateBps = ({ sender, server }: Sample) =>
          scenario.steps === 'publisher' ? sender.availableBps : server.estimateBps
        all.push({ name, recording, estimateBps })
        const summary = summarise(recording)
        const { late } = recording.samples.at(-1)!.relay
        rows.push({ scenario: scenario.title, who: name, summary, lateMs: late.p99Ms })
        const fps = `${summary.framesPerSecond.toFixed(1)} frames/s, frozen ${(summary.frozenMs / 1_000).toFixed(1)} s`
        console.error(`${scenario.name}, ${name}: ${fps}; ${lateness(late)}`)
      }
      if (scenario.steps) {
        plots.push({
          title: scenario.title,
          file: `${values.peer ?? 'rostra'}-${scenario.name}.svg`,
          svg: plot(scenario.title, all),
        })
      }
    }
  } finally {
    pages.close()
    for (const started of browsers.values()) await (await started).close()
  }
  const text = [
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, load ${loadavg()[0]!.toFixed(1)} at the end; ` +
      `${pairs()
        .map(({ publisher, subscriber }) => `${publisher} → ${subscriber}`)
        .join(', ')}, VP8, ${values.picture}; ${((performance.now() - startedMs) / 60_000).toFixed(1)} minutes`,
    '',
    table(rows),
    '',
    ...plots.map(({ title, file }) => `![${title}](${file})`),
    '',
  ].join('\n')
  console.log(text)
  const folder = values.out ?? mkdtempSync(join(tmpdir(), 'rostra-impaired-'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${values.peer ?? 'rostra'}.md`), text)
  for (const { file, svg } of plots) writeFileSync(join(folder, file), svg)
  console.log(`written to ${folder}`)
}

await main()
process.exit()
