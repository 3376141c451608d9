/** Every reason for which a client is refused something, or cut off; docs/metrics.md says more. */
const reasons = [
  'unauthorized',
  'sessions',
  'sessions_of_client',
  'handles_of_server',
  'handles',
  'waiting_messages',
  'connections',
  'sockets',
  'sockets_of_address',
  'subprotocol',
  'origin',
  'candidates',
  'message_size',
  'message_pieces',
  'message_time',
  'message_rate',
  'received_bytes',
  'slow_reader',
  'unsent_bytes',
  'bodies',
  'polls_of_session',
  'polls_of_address',
] as const

export type RefusalReason = (typeof reasons)[number]

/** Counts since the start. A flood must not fill a log: most of these are counted and not logged. */
export class Refusals {
  readonly #counts = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<RefusalReason, number>

  count(reason: RefusalReason, times = 1): void {
    this.#counts[reason] += times
  }

  /** By reason, also those that never happened. */
  counters(): Record<RefusalReason, number> {
    return { ...this.#counts }
  }
}
