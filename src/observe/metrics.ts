/**
 * Metrics in Prometheus' text format. Workers keep plain totals; they are read when somebody asks, so that
 * nothing is paid for while nobody does.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface MetricsSource {
  /** Per worker: totals since its start and what is alive. */
  workers(): Promise<{ totals: Record<string, number>; live: Record<string, number> }[]>
  /** Sessions, handles, users, … of the main process, by kind. */
  live(): Record<string, number>
  workerDeaths(): number
  endpointsRefused(): number
  /** Events for event handlers: totals by outcome, and how many wait now; empty and 0 when there are none. */
  events(): { totals: Record<string, number>; queued: number }
  /** What clients were refused, by reason. */
  refused(): Record<string, number>
}

/** @returns a function that collects and writes everything, and the content type it is written in */
export function createMetrics(source: MetricsSource): { contentType: string; text(): Promise<string> } {
  const registry = new Registry()
  // The default samples the event loop a hundred times a second: more than everything else an idle server does.
  collectDefaultMetrics({ register: registry, prefix: 'rostra_', eventLoopMonitoringPrecision: 500 })
  const events = new Counter({
    name: 'rostra_media_total',
    help: 'Totals of the media workers by name (packets, bytes, and every reason to drop); see docs/metrics.md',
    labelNames: ['worker', 'name'],
    registers: [registry],
  })
  const live = new Gauge({
    name: 'rostra_live',
    help: 'Objects alive by kind: in the main process (worker="main") and in each media worker',
    labelNames: ['worker', 'kind'],
    registers: [registry],
  })
  const deaths = new Counter({
    name: 'rostra_worker_deaths_total',
    help: 'Media workers that died and were started again',
    registers: [registry],
  })
  const clientsRefused = new Counter({
    name: 'rostra_refused_total',
    help: 'Requests and connections of clients that were refused, slowed down or cut off, by reason; see docs/metrics.md',
    labelNames: ['reason'],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'rostra_endpoints_refused_total',
    help: 'Peer connections that no media worker could take: none was running, or it was full',
    registers: [registry],
  })
  const told = new Counter({
    name: 'rostra_events_total',
    help: 'Events for the event handler by outcome; see docs/metrics.md',
    labelNames: ['outcome'],
    registers: [registry],
  })
  const queued = new Gauge({
    name: 'rostra_events_queued',
    help: 'Events that wait for the event handler',
    registers: [registry],
  })
  return {
    contentType: registry.contentType,
    async text() {
      const workers = await source.workers()
      events.reset()
      live.reset()
      deaths.reset()
      deaths.inc(source.workerDeaths())
      clientsRefused.reset()
      for (const [reason, value] of Object.entries(source.refused())) clientsRefused.inc({ reason }, value)
      refused.reset()
      refused.inc(source.endpointsRefused())
      told.reset()
      const handled = source.events()
      for (const [outcome, value] of Object.entries(handled.totals)) told.inc({ outcome }, value)
      queued.set(handled.queued)
      for (const [kind, value] of Object.entries(source.live())) live.set({ worker: 'main', kind }, value)
      for (const [index, counters] of workers.entries()) {
        const worker = String(index)
        for (const [name, value] of Object.entries(counters.totals)) events.inc({ worker, name }, value)
        for (const [kind, value] of Object.entries(counters.live)) live.set({ worker, kind }, value)
      }
      return registry.metrics()
    },
  }
}
