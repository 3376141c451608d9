/** Tells event handlers, again and again, what passes on the PeerConnections of all handles. */
import type { Clock } from '../clock.js'
import type { Log } from '../log.js'
import type { Plugin } from '../plugin.js'
import type { EventSink, EventSubject } from './event-sink.js'

export interface StatisticsOptions {
  /** The gateway. */
  readonly core: {
    readonly sessions: ReadonlyMap<number, { readonly handles: ReadonlyMap<number, EventSubject> }>
    readonly plugins: ReadonlyMap<string, Pick<Plugin, 'packageName' | 'figures'>>
  }
  readonly events: Pick<EventSink, 'statistics'>
  readonly periodMs: number
  /** Too many events wait: no more are made, since figures that come late are worth nothing. */
  readonly isBehind: () => boolean
  readonly clock: Clock
  readonly log: Log
}

/** @returns a function that ends it */
export function tellStatistics({ core, events, periodMs, isBehind, clock, log }: StatisticsOptions): () => void {
  let stopped = false
  let asking = false
  let cancel = clock.after(periodMs, period)

  function period(): void {
    cancel = clock.after(periodMs, period)
    if (asking || isBehind()) return
    asking = true
    void Promise.all([...core.plugins.values()].map(tell)).then(() => (asking = false))
  }

  async function tell(plugin: Pick<Plugin, 'packageName' | 'figures'>): Promise<void> {
    try {
      for (const figures of (await plugin.figures?.()) ?? []) {
        if (stopped || isBehind()) return
        const handle = core.sessions.get(figures.sessionId)?.handles.get(figures.handleId)
        if (handle) events.statistics(handle, figures)
      }
    } catch (error) {
      log.error({ err: error, plugin: plugin.packageName, call: 'figures' }, 'a plugin threw: this is a bug')
    }
  }

  return () => {
    stopped = true
    cancel()
  }
}
