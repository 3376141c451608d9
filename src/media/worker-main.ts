/** The process around a media worker: fork channel, clock, timer, randomness. `pool.ts` starts it. */
import { randomFillSync } from 'node:crypto'
import { listenOn } from './candidates.js'
import { openCaptureFile } from './capture/capture-file.js'
import { type Command, PIN_PROBLEM, type Report } from './control.js'
import { openNativeIo, pinThread } from './io/binding.js'
import { MessageBatch } from './message-batch.js'
import { watchUsage } from './usage.js'
import { MediaWorker } from './worker.js'

let worker: MediaWorker | undefined
let timer: NodeJS.Timeout | undefined

const reports = new MessageBatch<Report>((messages) => {
  // A write that fails means that the main process is going; `disconnect` follows and ends this one.
  if (process.connected) process.send?.(messages, undefined, undefined, () => {})
})
const report = (message: Report) => reports.add(message)

const randomWords = new Uint32Array(256)
let randomAt = randomWords.length
/** Uniform uint32 by the system's generator for keys, from a pool that is filled again when used up. */
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

/** A port that is free for UDP may be taken for TCP, and another address may have neither. */
const PORT_ATTEMPTS = 20

/** @throws Error where the system forbids it, as containers may */
function keepOnCpu(index: number): void {
  try {
    pinThread(index)
  } catch (error) {
    throw new Error(`${PIN_PROBLEM}: ${(error as Error).message}`)
  }
}

async function start(command: Extract<Command, { kind: 'start' }>): Promise<void> {
  const { index, port, listen, tcp, pin, limits, settings, relay } = command
  if (pin) keepOnCpu(index)
  for (let attempt = 1; ; attempt++) {
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
    try {
      const candidates = listenOn(worker.io, listen, port, tcp)
      const fingerprint = { algorithm: 'sha-256', value: worker.io.fingerprint } as const
      const socketBufferBytes = worker.io.bufferBytes(0)
      report({
        kind: 'ready',
        fingerprint,
        candidates,
        socketBufferBytes,
        ...(relay && { relayPort: worker.openRelay() }),
      })
      return
    } catch (error) {
      if (port !== 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === PORT_ATTEMPTS) throw error
      await worker.close()
    }
  }
}

async function stop(code: number): Promise<void> {
  await worker?.close()
  clearTimeout(timer)
  reports.flush()
  if (process.connected) process.disconnect()
  process.exitCode = code
}

function obey(command: Command): void {
  if (command.kind === 'start') {
    start(command).catch((error) => {
      report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
      void stop(1)
    })
  } else if (command.kind === 'stop') void stop(0)
  else worker?.command(command)
}

process.on('message', (commands: Command[]) => {
  for (const command of commands) obey(command)
})

// The main process is gone: nobody could ever reach these peers again.
process.on('disconnect', () => void stop(0).then(() => process.exit()))
// Signals from a terminal reach the whole group; the main process decides when workers end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
