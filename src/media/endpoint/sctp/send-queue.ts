/**
 * Messages that wait to be sent for the first time: one queue per stream, and whose turn it is.
 *
 * A message that has been begun is finished first, because the fragments of a message have consecutive TSNs (RFC 9260
 * §6.9). Between messages it is the turn of the one that would be through first if all streams sent at once, byte by
 * byte (weighted fair queueing, as RFC 8260 §3.6 has it): a channel with little to say waits for one long message at
 * most, however many other channels have them.
 */

/** What queueing a message costs beside its payload, about: an object and its places in the queue. */
export const MESSAGE_COST = 192
/**
 * A message that need not arrive is not worth sending any more when it has not been begun within this time: a receiver
 * behind a link that is too thin gets few fresh messages instead of many old ones.
 */
const UNRELIABLE_WAIT_MS = 1_000
/** What has no sender: our own messages. `discardFrom` never names it. */
export const NO_SENDER = ''
/** Messages kept for reuse, for all associations of the process. */
const MAX_SPARE = 4096

export interface Reliability {
  ordered: boolean
  /** Undefined = no limit. */
  maxRetransmits?: number | undefined
  maxPacketLifeTimeMs?: number | undefined
}

export interface Message {
  stream: SendStream
  ppid: number
  payload: Uint8Array
  ordered: boolean
  /** Who said it, as `add` was told. */
  sender: string
  /** −1 = as often as it takes. */
  maxRetransmits: number
  expiresAtMs: number
  /** Not begun by then, it is dropped. */
  beginByMs: number
  /** Bytes that have become chunks. */
  sentBytes: number
  ssn: number
  firstTsn: number
  /** Chunks it has become, and how many of them are not acknowledged cumulatively. */
  chunks: number
  unacked: number
  /** The one behind it on its stream: a list, since arrays that empty and fill again are made anew each time. */
  next: Message | undefined
}

export interface SendStream {
  id: number
  nextSsn: number
  /** First and last of those that wait; undefined when none does. */
  first: Message | undefined
  last: Message | undefined
  /** Bytes it has sent, counted from where the common count was when it last became active. */
  served: number
}

const EMPTY = new Uint8Array(0)
const spare: Message[] = []

/** Nobody refers to the message any more: another takes its place. */
export function recycle(message: Message): void {
  message.payload = EMPTY
  message.sender = NO_SENDER
  if (spare.length < MAX_SPARE) spare.push(message)
}

export class SendQueue {
  #streams = new Map<number, SendStream>()
  /** Streams that have something to send. */
  #active: SendStream[] = []
  #begun: Message | undefined
  /** What a stream would have been served that had always something to send: what one that becomes active begins at. */
  #served = 0
  /** The most that any has been served. */
  #mostServed = 0

  /** Queues a message of 1 byte at least. @param sender for `discardFrom`; `NO_SENDER`, or who said it */
  add(
    nowMs: number,
    streamId: number,
    ppid: number,
    payload: Uint8Array,
    reliability: Reliability,
    sender = NO_SENDER,
  ): void {
    const { ordered, maxRetransmits, maxPacketLifeTimeMs } = reliability
    const stream = this.#stream(streamId)
    const message = spare.pop() ?? ({} as Message)
    message.stream = stream
    message.ppid = ppid
    message.payload = payload
    message.ordered = ordered
    message.sender = sender
    message.maxRetransmits = maxRetransmits ?? -1
    message.expiresAtMs = maxPacketLifeTimeMs === undefined ? Number.POSITIVE_INFINITY : nowMs + maxPacketLifeTimeMs
    message.beginByMs = maxRetransmits === undefined ? message.expiresAtMs : nowMs + UNRELIABLE_WAIT_MS
    message.sentBytes = 0
    message.ssn = 0
    message.firstTsn = 0
    message.chunks = 0
    message.unacked = 0
    message.next = undefined
    if (stream.last === undefined) {
      stream.served = Math.max(stream.served, this.#served)
      this.#active.push(stream)
      stream.first = message
    } else stream.last.next = message
    stream.last = message
  }

  #stream(id: number): SendStream {
    let stream = this.#streams.get(id)
    if (stream === undefined) {
      stream = { id, nextSsn: 0, first: undefined, last: undefined, served: 0 }
      this.#streams.set(id, stream)
    }
    return stream
  }

  /** The message to send (on with) next, or undefined when there is none. */
  next(): Message | undefined {
    if (this.#begun !== undefined) return this.#begun
    let chosen = this.#active[0]
    if (chosen === undefined) return undefined
    let message = chosen.first!
    for (let i = 1; i < this.#active.length; i++) {
      chosen = this.#active[i]!
      const first = chosen.first!
      if (chosen.served + first.payload.length < message.stream.served + message.payload.length) message = first
    }
    return message
  }

  /** The next `bytes` of `message`, which is `next()`, have become a chunk. @returns whether it is the last one */
  sent(message: Message, bytes: number): boolean {
    const { stream } = message
    if (message.sentBytes === 0 && message.ordered) {
      message.ssn = stream.nextSsn
      stream.nextSsn = (stream.nextSsn + 1) & 0xffff
    }
    stream.served += bytes
    this.#served += bytes / this.#active.length
    this.#mostServed = Math.max(this.#mostServed, stream.served)
    message.sentBytes += bytes
    message.chunks++
    message.unacked++
    const isLast = message.sentBytes === message.payload.length
    if (isLast) this.remove(message)
    else this.#begun = message
    return isLast
  }

  /** Takes `message`, which is `next()` or the one that is begun, out of the queue; chunks of it may be on their way. */
  remove(message: Message): void {
    const { stream } = message
    if (this.#begun === message) this.#begun = undefined
    stream.first = message.next
    message.next = undefined
    if (stream.first === undefined) this.#deactivate(stream)
  }

  #deactivate(stream: SendStream): void {
    stream.first = undefined
    stream.last = undefined
    const index = this.#active.indexOf(stream)
    const last = this.#active.pop()!
    if (last !== stream) this.#active[index] = last
    // Nobody waits: who was ahead is so no more.
    if (this.#active.length === 0) this.#served = this.#mostServed
  }

  /** Whether `message` has been begun and not finished. */
  isBegun(message: Message): boolean {
    return this.#begun === message
  }

  /**
   * Drops what has not been begun on a stream.
   * @param keepBegun whether a message that has been begun stays; otherwise it goes too, and is returned
   * @param dropped is told each message that is dropped before it was begun
   */
  discard(streamId: number, keepBegun: boolean, dropped: (message: Message) => void): Message | undefined {
    const stream = this.#streams.get(streamId)
    const first = stream?.first
    if (stream === undefined || first === undefined) return undefined
    const begun = this.#begun === first ? first : undefined
    for (let message = begun === undefined ? first : begun.next; message !== undefined; ) {
      const { next } = message
      message.next = undefined
      dropped(message)
      message = next
    }
    if (begun !== undefined) begun.next = undefined
    if (begun !== undefined && keepBegun) {
      stream.last = begun
      return undefined
    }
    if (begun !== undefined) this.#begun = undefined
    this.#deactivate(stream)
    return begun
  }

  /**
   * Drops what one sender has queued, on whatever stream, and what has not been begun.
   * @param dropped is told each message that is dropped
   * @returns how many these are
   */
  discardFrom(sender: string, dropped: (message: Message) => void): number {
    let count = 0
    // From the end: the place of a stream with nothing left is taken by the last one, which has been looked at by then.
    for (let i = this.#active.length - 1; i >= 0; i--) count += this.#discardOn(this.#active[i]!, sender, dropped)
    return count
  }

  #discardOn(stream: SendStream, sender: string, dropped: (message: Message) => void): number {
    let count = 0
    let kept: Message | undefined
    for (let message = stream.first; message !== undefined; ) {
      const { next } = message
      if (message.sender !== sender || message === this.#begun) kept = message
      else {
        if (kept === undefined) stream.first = next
        else kept.next = next
        message.next = undefined
        dropped(message)
        count++
      }
      message = next
    }
    stream.last = kept
    if (kept === undefined) this.#deactivate(stream)
    return count
  }

  /** Whether nothing of the stream waits to be sent for the first time. */
  isDrained(streamId: number): boolean {
    const stream = this.#streams.get(streamId)
    return stream?.first === undefined
  }

  /** The stream begins at sequence number 0 again. */
  reset(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    if (stream.first === undefined) this.#streams.delete(streamId)
    else stream.nextSsn = 0
  }
}
