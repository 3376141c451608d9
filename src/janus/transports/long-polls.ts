/** All requests that are held until there is an event. */
import type { Refusals } from '../refusals.js'
import { Tally } from './addresses.js'
import type { ByteBudget } from './byte-budget.js'
import type { EventQueue, Poll } from './event-queue.js'
import type { Exchange } from './rest-exchange.js'

export class LongPolls {
  readonly #refusals: Refusals
  readonly #unsent: ByteBudget
  readonly #held = new Map<Poll, EventQueue>()
  readonly #byAddress = new Tally()

  /** @param unsent what waits to be sent to all clients */
  constructor(refusals: Refusals, unsent: ByteBudget) {
    this.#refusals = refusals
    this.#unsent = unsent
  }

  get live(): number {
    return this.#held.size
  }

  /**
   * Answers `GET /janus/SID?maxev=n`: at once, or when there is something to say.
   * @param perAddress most that one address may have held at a time
   */
  hold(exchange: Exchange, queue: EventQueue, address: string, perAddress: number): void {
    // A request that had to wait for its turn may be gone: an event that answered it would be lost.
    if (exchange.request.destroyed) return
    if (this.#byAddress.of(address) >= perAddress) {
      this.#refusals.count('polls_of_address')
      return exchange.status(429)
    }
    const wanted = Number(exchange.url.searchParams.get('maxev'))
    const poll: Poll = {
      eventsMax: wanted >= 2 ? Math.floor(wanted) : 1,
      answer: (body) => {
        this.#release(poll, address)
        this.#send(exchange, address, body)
      },
    }
    this.#held.set(poll, queue)
    this.#byAddress.add(address, 1)
    // After an answer, too: there is nothing left to abandon then. Of the request, because a response behind others
    // on the same connection never hears that it was closed.
    exchange.request.once('close', () => {
      queue.abandon(poll)
      this.#release(poll, address)
    })
    queue.poll(poll)
  }

  /** What was fetched from a queue is not gone before the client has taken it. */
  #send(exchange: Exchange, address: string, body: string): void {
    const { request, response } = exchange
    const bytes = Buffer.byteLength(body)
    const share = this.#unsent.open({
      address,
      heldBytes: () => (response.writableFinished ? 0 : bytes),
      cut: () => request.socket.destroy(),
    })
    const done = () => share.close()
    response.once('close', done)
    request.once('close', done)
    exchange.json(body)
    share.set(bytes)
  }

  /** Answers every poll that is held. Twice is harmless. */
  close(): void {
    for (const [poll, queue] of [...this.#held]) queue.dismiss(poll)
  }

  #release(poll: Poll, address: string): void {
    if (this.#held.delete(poll)) this.#byAddress.add(address, -1)
  }
}
