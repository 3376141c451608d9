/** A real server in a process of its own, as a user starts it, on ports that nobody else has. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.js'

export type LogLine = Record<string, unknown>

export interface ServerProcess {
  readonly pid: number
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly webSocketUrl: string
  readonly port: number
  /** First line of the log. */
  readonly listening: Record<string, unknown>
  /** Log lines so far. */
  readonly log: string[]
  readonly workerPids: readonly number[]
  metrics(): Promise<string>
  /** Value of `rostra_live{worker=…,kind=…}`, summed over workers (`main` is one of them). */
  live(): Promise<Record<string, number>>
  /** Totals of all workers by name. */
  totals(): Promise<Record<string, number>>
  signal(signal: NodeJS.Signals): void
  /** The first line of the log, from its beginning on, that passes. */
  logged(test: (line: LogLine) => boolean, withinMs?: number): Promise<LogLine>
  /** Sends SIGHUP and resolves with the line of the log that says what came of it. */
  reload(): Promise<LogLine>
  /** Ends it and resolves with its exit code (null after a signal). */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Ends a process once its parent is gone. The workers of a server are not watched: they have to see to it themselves. */
const followParent =
  'const parent = process.ppid; ' +
  "const look = () => process.ppid === parent || process.kill(process.pid, 'SIGKILL'); " +
  'if (!process.send) setInterval(look, 500).unref()'

// A killed runner leaves its test files behind, and a killed test file its servers: both go by themselves.
const runner = process.ppid
setInterval(() => process.ppid === runner || process.exit(1), 500).unref()

/** A server leaves its workers 2 s; the rest is for machines with much else to do. */
const STOP_LIMIT_MS = 60_000

const ownEntry = fileURLToPath(new URL('../../src/index.js', import.meta.url))

export interface StartOptions {
  /** How many file descriptors it and its workers may have. */
  openFiles?: number
  /** The program, when it is not the one of this checkout. */
  entry?: string
  /** Flags of Node.js and V8 for it and its workers, as in `NODE_OPTIONS`. */
  nodeOptions?: string
}

/** Starts with `flags` added to ones that make it private to this test; resolves when it listens. */
export async function startServer(
  flags: readonly string[] = [],
  port = 0,
  { openFiles, entry = ownEntry, nodeOptions }: StartOptions = {},
): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-test-'))
  const own = ['--host', '127.0.0.1', '--port', String(port), '--admin-port', '0', '--data-dir', folder]
  const media = flags.includes('--rtc-ip') ? [] : ['--rtc-ip', '127.0.0.1']
  const rtcPort = flags.includes('--rtc-port') ? [] : ['--rtc-port', '0']
  const watch = `--import=data:text/javascript,${encodeURIComponent(followParent)}`
  const limit = openFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${openFiles} && exec "$0" "$@"`]
  const [program, ...args] = [...limit, process.execPath, watch, entry, ...own, ...media, ...rtcPort, ...flags]
  const child = spawn(program!, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(nodeOptions === undefined ? {} : { env: { ...process.env, NODE_OPTIONS: nodeOptions } }),
  })
  const log: string[] = []
  const lines = createInterface({ input: child.stdout })
  const first = await new Promise<Record<string, unknown>>((resolve, reject) => {
    lines.on('line', (line) => {
      log.push(line)
      const told = JSON.parse(line) as Record<string, unknown>
      if (told.event === 'listening') resolve(told)
    })
    child.once('exit', (code) => reject(new Error(`server ended at start with code ${code}`)))
  })
  return running(child, first, log, folder)
}

function running(
  child: ChildProcess,
  listening: Record<string, unknown>,
  log: string[],
  folder: string,
): ServerProcess {
  const url = String(listening.url)
  const logged = (test: (line: LogLine) => boolean, withinMs?: number) =>
    eventually('a line of the log', () => log.map((line) => JSON.parse(line) as LogLine).find(test), {
      everyMs: 10,
      ...(withinMs !== undefined && { withinMs }),
    })
  const metrics = async () => (await fetch(`${String(listening.admin)}/metrics`)).text()
  return {
    pid: child.pid!,
    url,
    webSocketUrl: url.replace(/^http/, 'ws'),
    port: Number(new URL(url).port),
    listening,
    log,
    workerPids: listening.workers as number[],
    metrics,
    live: async () => sums(await metrics(), 'rostra_live', 'kind'),
    totals: async () => sums(await metrics(), 'rostra_media_total', 'name'),
    signal: (signal) => void child.kill(signal),
    logged,
    reload() {
      const known = log.length
      child.kill('SIGHUP')
      const isAnswer = ({ event }: LogLine) => event === 'reloaded' || event === 'reload-refused'
      return eventually(
        'an answer to SIGHUP',
        () =>
          log
            .slice(known)
            .map((line) => JSON.parse(line) as LogLine)
            .find(isAnswer),
        { everyMs: 10 },
      )
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill(signal)
        const patience = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
        await exited
        clearTimeout(patience)
        if (signal !== 'SIGKILL' && child.signalCode === 'SIGKILL')
          throw new Error(`the server had not ended ${STOP_LIMIT_MS} ms after ${signal}`)
      }
      rmSync(folder, { recursive: true, force: true })
      return child.exitCode
    },
  }
}

/** Sums a metric over all labels but one. */
function sums(text: string, metric: string, label: string): Record<string, number> {
  const result: Record<string, number> = {}
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${metric}{`)) continue
    const name = new RegExp(`${label}="([^"]*)"`).exec(line)?.[1]
    if (name !== undefined) result[name] = (result[name] ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return result
}

/** A port that is free now for UDP and TCP, which a worker's has to be. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, address)
    await once(udp, 'listening')
    const { port } = udp.address()
    const tcp = createServer().listen(port, address)
    const isFree = await new Promise<boolean>((resolve) => {
      tcp.once('listening', () => resolve(true))
      tcp.once('error', () => resolve(false))
    })
    udp.close()
    await once(udp, 'close')
    if (!isFree) continue
    tcp.close()
    await once(tcp, 'close')
    return port
  }
}
