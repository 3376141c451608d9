/** Reliable messages that wait for their channel to open, oldest first, bounded by count and by bytes. */
export class Outbox<Payload extends string | ArrayBuffer> {
  readonly #waiting: Payload[] = []
  readonly #maxMessages: number
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxMessages = 256, maxBytes = 1024 * 1024) {
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#waiting.length
  }

  /** @returns false if there is no place for it */
  put(payload: Payload): boolean {
    const bytes = sizeOf(payload)
    if (this.#waiting.length >= this.#maxMessages || this.#bytes + bytes > this.#maxBytes) return false
    this.#waiting.push(payload)
    this.#bytes += bytes
    return true
  }

  /** Hands out messages in order until none is left or `send` returns false; that one stays first. */
  drain(send: (payload: Payload) => boolean): void {
    while (this.#waiting.length > 0) {
      const payload = this.#waiting[0]!
      if (!send(payload)) return
      this.#waiting.shift()
      this.#bytes -= sizeOf(payload)
    }
  }
}

/** An upper bound for text: a UTF-16 unit takes at most three bytes of UTF-8. */
function sizeOf(payload: string | ArrayBuffer): number {
  return typeof payload === 'string' ? payload.length * 3 : payload.byteLength
}
