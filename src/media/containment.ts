/** What becomes of a bug of ours: it ends one endpoint, loudly, and nothing else. */
import type { EndpointId, Report } from './control.js'
import type { Seat, Seats } from './seats.js'

export interface ContainmentParts {
  readonly seats: Pick<Seats, 'get'>
  report(report: Report): void
  /** Ends an endpoint, or a mirror, without a report. */
  close(seat: Seat): void
  closeMirror(id: EndpointId): void
  /** Frees the transport of an endpoint that cannot be closed. */
  free(transport: number): void
}

export class Containment {
  readonly #parts: ContainmentParts
  #bugs = 0

  constructor(parts: ContainmentParts) {
    this.#parts = parts
  }

  /** Bugs so far. */
  get bugs(): number {
    return this.#bugs
  }

  /** @param seat whose endpoint was the bug's, and ends; undefined when it was nobody's */
  contain(seat: Seat | undefined, error: unknown): void {
    this.#bug(seat?.endpoint.id, error)
    if (!seat) return
    this.#parts.report({ kind: 'closed', endpoint: seat.endpoint.id, reason: 'Internal error' })
    try {
      this.#parts.close(seat)
    } catch {
      // What is broken cannot say goodbye either; its transport must not outlive it.
      this.#parts.free(seat.endpoint.transport)
    }
  }

  /** The same for an endpoint, or a mirror, that may not even have come to be: whoever follows it has to hear. */
  containOf(id: EndpointId, error: unknown): void {
    const seat = this.#parts.seats.get(id)
    if (seat) return this.contain(seat, error)
    this.#bug(id, error)
    this.#parts.report({ kind: 'closed', endpoint: id, reason: 'Internal error' })
    try {
      this.#parts.closeMirror(id)
    } catch {
      // It has no transport that could outlive it.
    }
  }

  #bug(endpoint: EndpointId | undefined, error: unknown): void {
    this.#bugs++
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.report({ kind: 'bug', error: text, ...(endpoint !== undefined && { endpoint }) })
  }
}
