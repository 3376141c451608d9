/** Shows how far a run is: one line that changes on a terminal; otherwise a line for each phase, and now and then. */
import type { LoadProgress } from './load.js'
import type { TrafficKind } from './tally.js'
import { progressLine } from './text.js'

/** What is needed of a `tty.WriteStream`; other streams are no terminals. */
export interface ProgressStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const LOOK_EVERY_MS = 250
const PLAIN_EVERY_MS = 5_000
/** To the first column, and nothing on the line. */
const CLEAR = '\r\x1b[K'

/** @returns what ends it and leaves the line empty */
export function showProgress(out: ProgressStream, progress: () => LoadProgress): () => void {
  const startedMs = performance.now()
  let shown = { atMs: startedMs, progress: progress() }
  const look = () => {
    const now = progress()
    const atMs = performance.now()
    const passedMs = atMs - shown.atMs
    if (!out.isTTY && now.phase === shown.progress.phase && passedMs < PLAIN_EVERY_MS) return
    const rate = (kind: TrafficKind) => ((now.received[kind] - shown.progress.received[kind]) * 1_000) / passedMs
    const line = progressLine(now, (atMs - startedMs) / 1_000, {
      audio: rate('audio'),
      video: rate('video'),
      data: rate('data'),
    })
    shown = { atMs, progress: now }
    out.write(out.isTTY ? `${CLEAR}${line.slice(0, (out.columns ?? 80) - 1)}` : `${line}\n`)
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
    if (out.isTTY) out.write(CLEAR)
  }
}
