/**
 * One WebSocket. Requests are taken in bounded slices, so that a socket that floods shares the event loop with
 * the others; what waits meanwhile stays in the kernel, because the socket is paused.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.js'
import type { Connection, Owner, ServerMessage } from '../connection.js'
import { JsonDocuments } from '../json.js'
import type { Log } from '../log.js'
import type { RefusalReason, Refusals } from '../refusals.js'
import { jsonBytes, SharedEvent } from '../shared-event.js'
import type { ByteBudget, Share } from './byte-budget.js'
import type { Due, EndOfTurn } from './end-of-turn.js'
import type { MessageApi } from './message-api.js'
import { PartialMessage } from './partial-message.js'
import { RateLimit } from './rate-limit.js'
import { textFrameHeader } from './text-frame.js'

export interface WebSocketConnectionOptions {
  readonly webSocket: WebSocket
  /** What the WebSocket runs on. */
  readonly stream: Duplex
  readonly query: URLSearchParams
  /** Key of the client's address. */
  readonly address: string
  readonly gateway: MessageApi
  readonly log: Log
  /** Shared by all sockets of the transport. */
  readonly endOfTurn: EndOfTurn
  /** What all sockets hold of messages that are not whole, or not worked off. */
  readonly received: ByteBudget
  /** What waits to be sent to all clients. */
  readonly unsent: ByteBudget
  readonly limits: {
    readonly pauseAboveBytes: number
    readonly cutAboveBytes: number
    readonly messagesPerSecond: number
    readonly messageTimeoutMs: number
  }
  readonly refusals: Refusals
  readonly clock: Clock
}

/** Work per turn of the event loop: a document costs one, and so does every 16 KiB of text. About a millisecond. */
const TURN_BUDGET = 64
const BYTES_PER_BUDGET = 16 * 1024

/** More than this is written at once, and not at the end of the turn. */
const OUTBOX_BYTES = 64 * 1024

/** A socket that sends too fast is not looked at more often than this: a pause lets some messages through at once. */
const PAUSE_MIN_MS = 20

const CLOSE_POLICY_VIOLATION = 1008
const CLOSE_INTERNAL_ERROR = 1011

const refusalReasons: Readonly<Record<string, RefusalReason>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'message_size',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'message_pieces',
}

export class WebSocketConnection implements Connection, Owner, Due {
  readonly transport = 'janus.transport.websockets'
  readonly id = randomBytes(8).toString('hex')
  readonly owner = this
  readonly account = this
  readonly address: string
  readonly query: URLSearchParams
  readonly waiting = { bytes: 0 }
  readonly #webSocket: WebSocket
  readonly #stream: Duplex
  readonly #gateway: MessageApi
  readonly #log: Log
  readonly #limits: WebSocketConnectionOptions['limits']
  readonly #endOfTurn: EndOfTurn
  /** Pieces of frames that wait for the end of the turn, a character per byte. */
  #outbox: string[] = []
  #outboxBytes = 0
  readonly #unsent: Share
  /** Messages that were read from the socket before it paused: at most what one read holds. */
  #inbox: Buffer[] = []
  /** Bytes of them, and of the one that is being worked on. */
  #inboxBytes = 0
  /** The message that is being worked on. */
  #documents: JsonDocuments | undefined
  #documentsBytes = 0
  readonly #partial: PartialMessage
  readonly #received: Share
  #bytesPerCharacter = 1
  #budget = TURN_BUDGET
  #turnScheduled = false
  #waitsForDrain = false
  /** Calls off the end of a pause, during one that the client's rate made necessary. */
  #endPause: (() => void) | undefined
  readonly #rate: RateLimit
  readonly #refusals: Refusals
  readonly #clock: Clock
  #alive = true

  constructor(options: WebSocketConnectionOptions) {
    const { webSocket, stream, address, query, gateway, log, endOfTurn, limits } = options
    this.address = address
    this.query = query
    this.#webSocket = webSocket
    this.#stream = stream
    this.#gateway = gateway
    this.#log = log
    this.#endOfTurn = endOfTurn
    this.#limits = limits
    this.#rate = new RateLimit(limits.messagesPerSecond)
    this.#refusals = options.refusals
    this.#clock = options.clock
    this.#partial = new PartialMessage({
      clock: options.clock,
      timeoutMs: () => limits.messageTimeoutMs,
      onLate: () => this.#tooLate(),
    })
    const cut = () => webSocket.terminate()
    this.#received = options.received.open({ address, cut, heldBytes: () => this.#received.bytes })
    this.#unsent = options.unsent.open({ address, cut, heldBytes: () => webSocket.bufferedAmount })
    webSocket.on('message', (data: Buffer) => this.#takeMessage(data))
    // Behind the listener of ws: a message that ends in these bytes has been taken then.
    stream.on('data', this.#takeBytes)
    stream.on('drain', () => this.#unsent.set(webSocket.bufferedAmount))
    webSocket.on('ping', () => this.#heard())
    webSocket.on('pong', () => this.#heard())
    webSocket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = refusalReasons[error.code ?? '']
      if (reason) this.#refusals.count(reason)
      log.debug({ err: error }, 'WebSocket failed')
      // What comes from now on is not kept.
      stream.off('data', this.#takeBytes)
      this.#end()
    })
    webSocket.on('close', () => {
      this.#end()
      this.#partial.close()
      this.#received.close()
      this.#unsent.close()
    })
  }

  reply(message: ServerMessage): void {
    this.#send(message)
  }

  event(message: ServerMessage): void {
    this.#send(message)
  }

  released(): void {}

  /** Pings the peer, or cuts it off when nothing came since the last time. */
  beat(): void {
    const working = this.#endPause !== undefined || (this.#inbox.length > 0 && !this.#waitsForDrain)
    if (!this.#alive && !working) {
      this.#webSocket.terminate()
      return
    }
    this.#alive = false
    if (this.#isOpen) this.#webSocket.ping()
  }

  /** @returns when the socket is closed: by the peer's answer, or by the timeout of the server */
  close(code: number): Promise<void> {
    const webSocket = this.#webSocket
    if (webSocket.readyState === webSocket.CLOSED) return Promise.resolve()
    const closed = new Promise<void>((resolve) => webSocket.once('close', () => resolve()))
    this.#flush()
    webSocket.close(code)
    // A paused socket would not see the peer's answer.
    webSocket.resume()
    return closed
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN
  }

  #heard(): void {
    this.#alive = true
  }

  #takeMessage(data: Buffer): void {
    this.#heard()
    // It is whole, and counts as such from now on; `#takeBytes` comes after this, with what follows in the same bytes.
    this.#partial.close()
    if (!this.#isOpen) return
    this.#inbox.push(data)
    this.#inboxBytes += data.length
    if (!this.#isHeld) this.#work()
  }

  /** Counts what is kept of a message that is not whole, which ws does not tell. */
  readonly #takeBytes = (bytes: Buffer): void => {
    this.#partial.take(bytes)
    this.#countReceived()
  }

  #countReceived(): void {
    this.#received.set(this.#inboxBytes + this.#partial.bytes)
  }

  #tooLate(): void {
    if (!this.#isOpen) return
    this.#refusals.count('message_time')
    this.#flush()
    this.#webSocket.close(CLOSE_POLICY_VIOLATION)
    this.#end()
  }

  /** There is something to work on. */
  get #isWorking(): boolean {
    return this.#documents !== undefined || this.#inbox.length > 0
  }

  /** Nothing is read until something else happened. */
  get #isHeld(): boolean {
    return this.#waitsForDrain || this.#endPause !== undefined
  }

  #work(): void {
    while (this.#budget > 0 && this.#isOpen) {
      this.#documents ??= this.#nextMessage()
      if (!this.#documents) break
      // Behind the question whether there is anything to do: who is held with nothing to work on would be read on.
      if (this.#webSocket.bufferedAmount > this.#limits.pauseAboveBytes) {
        this.#waitForDrain()
        break
      }
      // Only a document waits: behind the last one there is nothing that the client would send too fast.
      const waitMs = this.#documents.hasNext() ? this.#rate.waitMs(this.#clock.nowMs()) : 0
      if (waitMs > 0) {
        this.#pauseFor(Math.max(waitMs, PAUSE_MIN_MS))
        break
      }
      this.#step(this.#documents)
    }
    this.#countReceived()
    // A socket that is closing has to read the peer's close frame.
    if (!this.#isWorking || !this.#isOpen) this.#resume()
    else this.#pause()
    if (!this.#isHeld && this.#budget < TURN_BUDGET) this.#scheduleTurn()
  }

  #pause(): void {
    this.#webSocket.pause()
    this.#partial.pause()
  }

  #resume(): void {
    this.#webSocket.resume()
    this.#partial.resume()
  }

  #nextMessage(): JsonDocuments | undefined {
    const data = this.#inbox.shift()
    if (!data) return undefined
    this.#documentsBytes = data.length
    this.#budget -= Math.floor(data.length / BYTES_PER_BUDGET)
    const text = isUtf8(data) ? data.toString() : ''
    this.#bytesPerCharacter = data.length / Math.max(1, text.length)
    return new JsonDocuments(text)
  }

  #step(documents: JsonDocuments): void {
    this.#budget--
    const step = documents.next()
    if (step.kind === 'end') {
      this.#documents = undefined
      this.#inboxBytes -= this.#documentsBytes
      return
    }
    this.#rate.take(this.#clock.nowMs())
    try {
      if (step.kind === 'malformed') this.#gateway.malformed(step, this)
      else this.#gateway.handle(step.value, this, Math.ceil(step.length * this.#bytesPerCharacter))
    } catch (error) {
      this.#log.error({ err: error }, 'a request made the gateway throw: this is a bug')
      this.#flush()
      this.#webSocket.close(CLOSE_INTERNAL_ERROR)
      this.#end()
    }
  }

  endOfTurn(): void {
    this.#flush()
  }

  broke(error: unknown): void {
    this.#log.error({ err: error }, 'a socket could not be written to: this is a bug')
    this.#webSocket.terminate()
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    setImmediate(() => {
      this.#turnScheduled = false
      this.#budget = TURN_BUDGET
      if (!this.#isHeld) this.#work()
    })
  }

  /** The client sends faster than it may: what it sent waits, and so does what it still sends. Nothing gets lost. */
  #pauseFor(waitMs: number): void {
    this.#refusals.count('message_rate')
    this.#endPause = this.#clock.after(waitMs, () => {
      this.#endPause = undefined
      this.#scheduleTurn()
    })
  }

  /** The client does not read its replies: it gets no more until it does. */
  #waitForDrain(): void {
    this.#waitsForDrain = true
    this.#stream.once('drain', () => {
      this.#waitsForDrain = false
      this.#heard()
      this.#scheduleTurn()
    })
  }

  #send(message: ServerMessage): void {
    const wasEmpty = this.#outboxBytes === 0
    if (message instanceof SharedEvent) this.#enqueue(message.head, message.rest)
    else this.#enqueue(jsonBytes(message), '')
    if (this.#outboxBytes > OUTBOX_BYTES) this.#flush()
    else if (wasEmpty) this.#endOfTurn.add(this)
  }

  /** One message, in two pieces. */
  #enqueue(head: string, rest: string): void {
    const length = head.length + rest.length
    const header = textFrameHeader(length)
    this.#outbox.push(header, head, rest)
    this.#outboxBytes += header.length + length
  }

  /**
   * Writes past ws, which has no state of its own while it neither compresses nor sends streams, and would write header
   * and payload of each message by themselves. Its own frames are all written whole, so nothing gets in between.
   */
  #flush(): void {
    if (this.#outboxBytes === 0) return
    const frames = this.#outbox.join('')
    this.#clearOutbox()
    if (!this.#isOpen) return
    const { bufferedAmount } = this.#webSocket
    if (bufferedAmount > this.#limits.cutAboveBytes) {
      this.#log.warn({ bufferedBytes: bufferedAmount }, 'a client reads too slowly: cut off')
      this.#refusals.count('slow_reader')
      this.#webSocket.terminate()
      return
    }
    this.#stream.write(frames, 'latin1')
    this.#unsent.set(this.#webSocket.bufferedAmount)
  }

  #clearOutbox(): void {
    this.#outbox = []
    this.#outboxBytes = 0
  }

  /**
   * The socket is closed, or about to be: the peer broke the protocol, sent too much or vanished. Sessions do not
   * wait for the peer's part of the closing.
   */
  #end(): void {
    this.#inbox = []
    this.#inboxBytes = 0
    this.#clearOutbox()
    this.#documents = undefined
    this.#waitsForDrain = false
    this.#endPause?.()
    this.#endPause = undefined
    this.#gateway.disconnected(this)
  }
}
