/** What a worker needs of its process: `worker-main.ts` is one, tests have others in virtual time. */
import type { CaptureSink } from './capture/captures.js'
import type { CaptureOptions, Report, Usage } from './control.js'
import type { OpenIo } from './io/io.js'

export interface WorkerHost {
  openIo: OpenIo
  report(report: Report): void
  /** Monotonic clock: the one by which the io tells the time of a batch. */
  nowMs(): number
  /** Calls back once at or after `atMs`; a new call replaces the old one. Infinity cancels. */
  wakeAt(atMs: number, wake: () => void): void
  /** Uniform uint32. In a process that serves people, one that nobody can foresee: SCTP makes its tags and cookies of it. */
  random(): number
  /** What the process uses; absent where there is none. */
  usage?(): Usage
  /** Opens the file of a capture. @param ended called once when it ends by itself. @throws what the system says */
  openCapture(options: CaptureOptions, ended: (why: string) => void): CaptureSink
}
