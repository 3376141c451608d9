/** Wires event handlers: settings in, a sink for the gateway out. */
import type { Config } from './config/settings.js'
import { type EventSink, noEvents } from './janus/events/event-sink.js'
import { EventStream } from './janus/events/event-stream.js'
import { type EventCounts, HttpBackend } from './janus/events/http-backend.js'
import type { PartFacts } from './janus/server-info.js'
import type { Logger } from './observe/log.js'

export interface Events {
  readonly sink: EventSink
  /** The server is up. @param info the `server_info` */
  started(info: object): void
  counts(): Partial<EventCounts>
  queued(): number
}

/** Characters of JSON that may wait; most events have some hundreds, descriptions some thousands. */
const QUEUE_CHARACTERS_MAX = 64 * 1024 * 1024
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
  closers.push((signum) => {
    if (isUp) sink.shutdown(signum)
    return backend.close(CLOSE_LIMIT_MS)
  })
  return {
    sink,
    started(info) {
      isUp = true
      sink.started(info)
    },
    counts: () => backend.counts,
    queued: () => backend.queued,
  }
}
