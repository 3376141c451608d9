/** Wires event handlers: settings in, a sink for the gateway out. */
import type { Config } from './config/settings.js'
import { type Clock, systemClock } from './janus/clock.js'
import { type EventSink, noEvents } from './janus/events/event-sink.js'
import { EventStream } from './janus/events/event-stream.js'
import { type EventCounts, HttpBackend } from './janus/events/http-backend.js'
import { tellStatistics } from './janus/events/statistics.js'
import type { Gateway } from './janus/gateway.js'
import type { PartFacts } from './janus/server-info.js'
import type { Logger } from './observe/log.js'

export interface Events {
  readonly sink: EventSink
  /** The server is up. */
  started(gateway: Gateway): void
  counts(): Partial<EventCounts>
  queued(): number
}

/** Characters of JSON that may wait; most events have some hundreds, descriptions some thousands. */
const QUEUE_CHARACTERS_MAX = 64 * 1024 * 1024
/** While more of the queue than this is taken, no statistics are added to it. */
const STATISTICS_SHARE = 0.5
const TIMEOUT_MS = 10_000
const RETRY = { firstMs: 500, longestMs: 30_000, attempts: 10 }
/** The last events, and that the server stops, may take so long. */
const CLOSE_LIMIT_MS = 3_000

export const eventHandlerFacts = (version: string): PartFacts => ({
  name: 'HTTP event handler',
  author: 'The rostra authors',
  description: 'Posts events to a URL, signed',
  versionString: version,
  version: 1,
})

/** @param closers gets what ends it, as the first: it is told of the end of everything else */
export function openEvents(
  config: Config,
  emitter: string,
  log: Logger,
  closers: ((signum: number) => Promise<void> | void)[],
  clock: Clock = systemClock,
): Events {
  const { eventUrl: url, eventSecret: secret } = config
  const off: Events = { sink: noEvents, started: () => {}, counts: () => ({}), queued: () => 0 }
  if (url === undefined || secret === undefined) return off
  const backend = new HttpBackend({
    url,
    secret,
    grouping: config.eventGrouping,
    batchEvents: config.eventBatchMax,
    batchDelayMs: config.eventBatchDelay * 1_000,
    queue: { events: config.eventQueueMax, characters: QUEUE_CHARACTERS_MAX },
    timeoutMs: TIMEOUT_MS,
    retry: RETRY,
    log,
  })
  const sink = new EventStream({ emitter, types: config.events, backend })
  let isUp = false
  let endStatistics = () => {}
  closers.push((signum) => {
    endStatistics()
    if (isUp) sink.shutdown(signum)
    return backend.close(CLOSE_LIMIT_MS)
  })
  // They must not push out of the queue what is told only once.
  const isBehind = () => backend.queued > config.eventQueueMax * STATISTICS_SHARE
  return {
    sink,
    started(gateway) {
      isUp = true
      sink.started(gateway.info())
      const periodMs = config.statsPeriod * 1_000
      if (periodMs === 0 || !config.events.includes('media')) return
      endStatistics = tellStatistics({ core: gateway, events: sink, periodMs, isBehind, clock, log })
    },
    counts: () => backend.counts,
    queued: () => backend.queued,
  }
}
