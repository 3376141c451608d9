/** The process around a media worker: fork channel, clock, timer, randomness. `pool.ts` starts it. */
import { randomFillSync } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { openCaptureFile } from './capture/capture-file.js'
import type { Candidate, Command, Report } from './control.js'
import { openNativeIo } from './io/binding.js'
import { watchUsage } from './usage.js'
import { MediaWorker } from './worker.js'

let worker: MediaWorker | undefined
let timer: NodeJS.Timeout | undefined

const report = (message: Report) => {
  // A write that fails means that the main process is going; `disconnect` follows and ends this one.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

const randomWords = new Uint32Array(256)
let randomAt = randomWords.length
/** Uniform uint32, from a pool that is filled again when used up. */
function random(): number {
  if (randomAt === randomWords.length) {
    randomFillSync(randomWords)
    randomAt = 0
  }
  return randomWords[randomAt++]!
}

/** From the beginning of CLOCK_MONOTONIC, by which the io tells the time, to that of `performance.now`. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
const nowMs = () => originMs + performance.now()

function wakeAt(atMs: number, wake: () => void): void {
  clearTimeout(timer)
  if (Number.isFinite(atMs)) timer = setTimeout(wake, Math.max(1, atMs - nowMs()))
}

const usage = watchUsage()

/** RFC 8445 §5.1.2.1: host candidates; earlier addresses are preferred, IPv4 and IPv6 in the order given. */
const priority = (index: number) => 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255

function start({ port, listen, limits, settings }: Extract<Command, { kind: 'start' }>): void {
  worker = new MediaWorker(
    {
      openIo: openNativeIo,
      report,
      nowMs,
      wakeAt,
      random,
      usage,
      openCapture: openCaptureFile,
    },
    limits,
  )
  worker.command({ kind: 'configure', settings })
  const candidates: Candidate[] = []
  let bound = port
  for (const [index, { address, announced }] of listen.entries()) {
    // With port 0 the first socket chooses and the others follow: one port for all addresses.
    bound = worker.io.listen(address, bound).port
    candidates.push({
      foundation: String(index + 1),
      component: 1,
      protocol: 'udp',
      priority: priority(index),
      ip: announced,
      port: bound,
    })
  }
  candidates.sort((a, b) => Number(isIPv6(a.ip)) - Number(isIPv6(b.ip)))
  report({ kind: 'ready', fingerprint: { algorithm: 'sha-256', value: worker.io.fingerprint }, candidates })
}

async function stop(code: number): Promise<void> {
  await worker?.close()
  clearTimeout(timer)
  if (process.connected) process.disconnect()
  process.exitCode = code
}

process.on('message', (command: Command) => {
  if (command.kind === 'start') {
    try {
      start(command)
    } catch (error) {
      report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
      void stop(1)
    }
  } else if (command.kind === 'stop') void stop(0)
  else worker?.command(command)
})

// The main process is gone: nobody could ever reach these peers again.
process.on('disconnect', () => void stop(0).then(() => process.exit()))
// Signals from a terminal reach the whole group; the main process decides when workers end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
