/**
 * Messages that belong together, in one write: each write to the channel between main process and worker is a system call
 * that wakes the other side, and opening one peer connection takes a dozen of them. They are written before the event loop
 * goes on to anything else, so that a client whom an answer tells of its peer connection does not find it unknown.
 */
export class MessageBatch<Message> {
  readonly #write: (messages: Message[]) => void
  #messages: Message[] = []
  #isDue = false

  /** @param write called with what was added, in that order, never empty */
  constructor(write: (messages: Message[]) => void) {
    this.#write = write
  }

  /** Written when what runs now, with the promises that it settles, has run. */
  add(message: Message): void {
    this.#messages.push(message)
    if (this.#isDue) return
    this.#isDue = true
    process.nextTick(() => {
      this.#isDue = false
      this.flush()
    })
  }

  /** Writes what is there at once. */
  flush(): void {
    const messages = this.#messages
    if (messages.length === 0) return
    this.#messages = []
    this.#write(messages)
  }

  /** Forgets what was not written. */
  clear(): void {
    this.#messages = []
  }
}
