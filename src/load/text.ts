/** Progress and summary of a run as text. */
import type { Latencies } from './latency.js'
import type { LoadProgress, LoadSummary } from './load.js'
import type { TrafficFigures, TrafficKind } from './tally.js'

const kinds: readonly TrafficKind[] = ['audio', 'video', 'data']

const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0)
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

/** One line, without its end. @param seconds since the start @param perSecond received lately, by kind */
export function progressLine(
  { phase, users, joined, connections, errors }: LoadProgress,
  seconds: number,
  perSecond: Readonly<Record<TrafficKind, number>>,
): string {
  const rates = kinds.filter((kind) => perSecond[kind] > 0).map((kind) => `${kind} ${Math.round(perSecond[kind])}/s`)
  const parts = [`${joined}/${users} joined`, `${connections} connections`, ...rates]
  if (errors > 0) parts.push(`${errors} errors`)
  return `${String(Math.floor(seconds)).padStart(4)} s  ${phase.padEnd(9)}  ${parts.join(', ')}`
}

/** Lines of a summary. */
export function summaryLines(summary: LoadSummary): string[] {
  const { users, joined, connections, connectionsWanted, setUpMs, measuredMs, traffic, errors, busy } = summary
  const sent = kinds.filter((kind) => traffic[kind].sent > 0)
  return [
    `joined       ${joined} of ${users} users, ${connections} of ${connectionsWanted} connections, in ${(setUpMs / 1_000).toFixed(2)} s`,
    `  join       ${latencies(summary.joining)}`,
    `  publish    ${latencies(summary.publishing)}`,
    `  subscribe  ${latencies(summary.subscribing)}`,
    ...sent.flatMap((kind) => trafficLines(kind, traffic[kind], measuredMs)),
    `this process ${(busy * 100).toFixed(0)} % of a core${busy > BUSY_LIMIT ? ': it is what was measured, not the server; use several' : ''}`,
    ...Object.entries(errors).map(([reason, count]) => `error        ${count} × ${reason}`),
    ...(summary.interrupted ? ['interrupted: figures are of what was done until then'] : []),
  ]
}

/** Beyond, latencies are those of this process's own queue. */
const BUSY_LIMIT = 0.8

function latencies({ count, p50, p90, p99, max }: Latencies): string {
  if (count === 0) return 'none'
  return `p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  max ${ms(max)} ms`
}

function trafficLines(kind: TrafficKind, figures: TrafficFigures, measuredMs: number): string[] {
  const { sent, expected, received, sentBytes, receivedBytes, latency } = figures
  const lost = Math.max(0, expected - received)
  const share = expected === 0 ? '' : ` (${((lost / expected) * 100).toFixed(2)} %)`
  const rate = Math.round((received * 1_000) / Math.max(1, measuredMs))
  return [
    `${kind.padEnd(12)} ${sent} sent, ${received} of ${expected} received, ${lost} lost${share}; ${rate}/s; ` +
      `${megabytes(sentBytes)} sent, ${megabytes(receivedBytes)} received`,
    `  latency    ${latencies(latency)}`,
  ]
}
