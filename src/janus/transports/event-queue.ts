/**
 * The events of a session that is used over HTTP: they wait here until a long poll takes them, or the poll waits for
 * them. Both are bounded.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Owner, ServerMessage } from '../connection.js'

export interface EventQueueOptions {
  readonly account: unknown
  /** Of the request that created or claimed the session. */
  readonly query: URLSearchParams
  readonly clock: Clock
  /** How long a poll waits for an event. */
  readonly holdMs: number
  /** Bytes of events that may wait. */
  readonly bytesMax: number
  /** Polls that may wait; with one more the oldest is answered. */
  readonly pollsMax: number
  readonly onAnsweredEarly: () => void
  /** The client does not fetch its events: called once, not from within `event`. */
  readonly onOverflow: (queue: EventQueue) => void
}

/** One held request. */
export interface Poll {
  /** Most events that the client takes at once; from 2 on it gets an array. */
  readonly eventsMax: number
  /** Called once with the body of the reply. */
  answer(body: string): void
}

const KEEPALIVE = JSON.stringify({ janus: 'keepalive' })

const inArray = (poll: Poll) => poll.eventsMax > 1

export class EventQueue implements Owner {
  readonly transport = 'janus.transport.http'
  readonly id = randomBytes(8).toString('hex')
  readonly account: unknown
  readonly query: URLSearchParams
  readonly #options: EventQueueOptions
  /** Serialised, oldest first. */
  #events: string[] = []
  #bytes = 0
  /** With what calls its timer off, oldest first. */
  readonly #polls = new Map<Poll, () => void>()
  #over = false

  constructor(options: EventQueueOptions) {
    this.account = options.account
    this.query = options.query
    this.#options = options
  }

  event(message: ServerMessage): void {
    if (this.#over) return
    const text = JSON.stringify(message)
    const [first, ...others] = [...this.#polls.keys()]
    if (first) {
      this.#answer(first, inArray(first) ? `[${text}]` : text)
      for (const poll of others) this.#keepalive(poll)
      return
    }
    this.#events.push(text)
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes <= this.#options.bytesMax) return
    this.#end()
    // Whoever sends the event must not find its session gone when it returns.
    setImmediate(() => this.#options.onOverflow(this))
  }

  /** The session ended or is somebody else's: whoever waits is told at once, and what waits is lost. */
  released(): void {
    this.#end()
    for (const poll of [...this.#polls.keys()]) this.#keepalive(poll)
  }

  /** Answers at once if there are events; else on the first event, or with a keepalive when the time is up. */
  poll(poll: Poll): void {
    if (this.#events.length > 0) {
      const taken = this.#events.splice(0, poll.eventsMax)
      this.#bytes -= taken.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      poll.answer(inArray(poll) ? `[${taken.join()}]` : taken[0]!)
      return
    }
    const { clock, holdMs, pollsMax } = this.#options
    const [oldest] = this.#polls.keys()
    if (oldest && this.#polls.size >= pollsMax) {
      this.#options.onAnsweredEarly()
      this.#keepalive(oldest)
    }
    this.#polls.set(
      poll,
      clock.after(holdMs, () => this.#keepalive(poll)),
    )
  }

  /** Answers a poll that is held, without an event. */
  dismiss(poll: Poll): void {
    if (this.#polls.has(poll)) this.#keepalive(poll)
  }

  /** The client went away; nothing is sent. */
  abandon(poll: Poll): void {
    this.#polls.get(poll)?.()
    this.#polls.delete(poll)
  }

  #keepalive(poll: Poll): void {
    this.#answer(poll, inArray(poll) ? `[${KEEPALIVE}]` : KEEPALIVE)
  }

  #answer(poll: Poll, body: string): void {
    this.abandon(poll)
    poll.answer(body)
  }

  #end(): void {
    this.#over = true
    this.#events = []
    this.#bytes = 0
  }
}
