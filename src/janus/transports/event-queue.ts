/**
 * The events of a session that is used over HTTP: they wait here until a long poll takes them, or the poll waits for
 * them. Both are bounded.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Owner, ServerMessage } from '../connection.js'
import type { ByteBudget, Share } from './byte-budget.js'

export interface EventQueueOptions {
  /** Key of the client's address: sessions are counted by it. */
  readonly address: string
  /** The query of the request that created or claimed the session. */
  readonly query: URLSearchParams
  readonly clock: Clock
  /** How long a poll waits for an event. */
  readonly holdMs: number
  /** Bytes of events that may wait. */
  readonly bytesMax: number
  /** Polls that may wait; with one more the oldest is answered. */
  readonly pollsMax: number
  readonly onAnsweredEarly: () => void
  /** What waits to be sent to all clients. */
  readonly unsent: ByteBudget
  /**
   * The client does not fetch its events: called once, not from within `event`.
   * @param own past its own limit, not past that of all clients
   */
  readonly onOverflow: (queue: EventQueue, own: boolean) => void
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
  readonly account: string
  readonly address: string
  readonly query: URLSearchParams
  readonly #options: EventQueueOptions
  /** Serialised, oldest first. */
  #events: string[] = []
  #bytes = 0
  readonly #unsent: Share
  /** With what calls its timer off, oldest first. */
  readonly #polls = new Map<Poll, () => void>()
  #over = false

  constructor(options: EventQueueOptions) {
    const { address, query, unsent } = options
    this.account = address
    this.address = address
    this.query = query
    this.#options = options
    this.#unsent = unsent.open({ address, heldBytes: () => this.#bytes, cut: () => this.#overflow(false) })
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
    if (this.#bytes > this.#options.bytesMax) this.#overflow(true)
    else this.#unsent.set(this.#bytes)
  }

  #overflow(own: boolean): void {
    this.#end()
    // Whoever sends the event must not find its session gone when it returns.
    setImmediate(() => this.#options.onOverflow(this, own))
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
      this.#unsent.set(this.#bytes)
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
    this.#unsent.close()
  }
}
