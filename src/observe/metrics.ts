/**
 * Metrics in Prometheus' text format. Workers keep plain totals; they are read when somebody asks, so that
 * nothing is paid for while nobody does. No label names a user, a room or a session: there are too many of them.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { type HistogramSeries, histogramText } from './histogram-text.js'

export interface WorkerNumbers {
  /** Since its start. */
  totals: Record<string, number>
  live: Record<string, number>
  /** By name: `rtt_seconds`, `loss_up`, `loss_down`. */
  distributions: Record<string, { bounds: number[]; counts: number[]; sum: number }>
  usage?: ProcessUsage
}

export interface ProcessUsage {
  cpuSeconds: number
  residentBytes: number
  heapBytes: number
  lagSeconds: { mean: number; p99: number; max: number }
}

export interface MetricsSource {
  workers(): Promise<WorkerNumbers[]>
  /** Per worker: it is up. */
  running(): readonly boolean[]
  /** What the main process uses. */
  usage(): ProcessUsage
  /** Sessions, handles, users, … of the main process, by kind. */
  live(): Record<string, number>
  workerDeaths(): number
  endpointsRefused(): number
  /** What clients were refused, by reason. */
  refused(): Record<string, number>
  /** Messages to the plugin that it turned down, by error code. */
  messagesRefused(): Readonly<Record<string, number>>
  /** Requests to the listener of operators that were refused, by reason. */
  operatorsRefused(): Record<string, number>
  /** Events for event handlers: totals by outcome, and how many wait now; empty and 0 when there are none. */
  events(): { totals: Record<string, number>; queued: number }
}

/** @returns a function that collects and writes everything, and the content type it is written in */
export function createMetrics(source: MetricsSource): { contentType: string; text(): Promise<string> } {
  const registry = new Registry()
  // The default samples the event loop a hundred times a second: more than everything else an idle server does.
  collectDefaultMetrics({ register: registry, prefix: 'rostra_', eventLoopMonitoringPrecision: 500 })
  const families = createFamilies(registry)
  return {
    contentType: registry.contentType,
    async text() {
      const workers = await source.workers()
      for (const family of Object.values(families)) family.reset()
      tellMain(families, source)
      for (const [index, worker] of workers.entries()) tellWorker(families, String(index), worker)
      return (await registry.metrics()) + distributions(workers)
    },
  }
}

function createFamilies(registry: Registry) {
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `rostra_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `rostra_${name}`, help, labelNames, registers })
  return {
    media: counter('media_total', 'Totals of the media workers by name; see docs/metrics.md', 'worker', 'name'),
    live: gauge('live', 'Objects alive by kind, in the main process and in each media worker', 'worker', 'kind'),
    up: gauge('worker_up', '1 while the media worker runs', 'worker'),
    deaths: counter('worker_deaths_total', 'Media workers that died and were started again'),
    cpu: counter('worker_cpu_seconds_total', 'CPU time of the media worker', 'worker'),
    resident: gauge('worker_resident_memory_bytes', 'Resident memory of the media worker', 'worker'),
    heap: gauge('worker_heap_bytes', 'JavaScript heap in use in the media worker', 'worker'),
    lag: gauge('event_loop_lag_seconds', 'How late timers are, over the last 15 to 30 s', 'process', 'stat'),
    noWorker: counter('endpoints_refused_total', 'Peer connections that no media worker could take'),
    refused: counter('refused_total', 'Clients that were refused something, by reason', 'reason'),
    messages: counter('messages_refused_total', 'Messages to the plugin that it turned down, by error code', 'code'),
    operators: counter('operators_refused_total', 'Operators that were refused, by reason', 'reason'),
    told: counter('events_total', 'Events for the event handler by outcome; see docs/metrics.md', 'outcome'),
    queued: gauge('events_queued', 'Events that wait for the event handler'),
  }
}

type Families = ReturnType<typeof createFamilies>

function tellMain(families: Families, source: MetricsSource): void {
  families.deaths.inc(source.workerDeaths())
  families.noWorker.inc(source.endpointsRefused())
  const handled = source.events()
  families.queued.set(handled.queued)
  for (const [outcome, value] of Object.entries(handled.totals)) families.told.inc({ outcome }, value)
  for (const [reason, value] of Object.entries(source.refused())) families.refused.inc({ reason }, value)
  for (const [code, value] of Object.entries(source.messagesRefused())) families.messages.inc({ code }, value)
  for (const [reason, value] of Object.entries(source.operatorsRefused())) families.operators.inc({ reason }, value)
  for (const [kind, value] of Object.entries(source.live())) families.live.set({ worker: 'main', kind }, value)
  for (const [worker, up] of source.running().entries()) families.up.set({ worker: String(worker) }, Number(up))
  tellLag(families, 'main', source.usage())
}

function tellWorker(families: Families, worker: string, { totals, live, usage }: WorkerNumbers): void {
  for (const [name, value] of Object.entries(totals)) families.media.inc({ worker, name }, value)
  for (const [kind, value] of Object.entries(live)) families.live.set({ worker, kind }, value)
  if (!usage) return
  families.cpu.inc({ worker }, usage.cpuSeconds)
  families.resident.set({ worker }, usage.residentBytes)
  families.heap.set({ worker }, usage.heapBytes)
  tellLag(families, `worker ${worker}`, usage)
}

function tellLag({ lag }: Families, process: string, { lagSeconds }: ProcessUsage): void {
  for (const [stat, value] of Object.entries(lagSeconds)) lag.set({ process, stat }, value)
}

function distributions(workers: readonly WorkerNumbers[]): string {
  const series = (name: string, labels: Record<string, string>): HistogramSeries[] =>
    workers.flatMap(({ distributions: { [name]: counted } }, index) =>
      counted ? [{ ...counted, labels: { worker: String(index), ...labels } }] : [],
    )
  const loss = [...series('loss_up', { direction: 'up' }), ...series('loss_down', { direction: 'down' })]
  return (
    histogramText(
      'rostra_rtt_seconds',
      'Round trips to subscribers, as their reports show them',
      series('rtt_seconds', {}),
    ) +
    histogramText('rostra_loss_ratio', 'Share of packets lost between two reports, to us (up) and from us (down)', loss)
  )
}
