/**
 * Messages of one turn of the event loop, in one write: each write to the channel between main process and worker is a
 * system call that wakes the other side, and opening one peer connection takes a dozen of them.
 */
export class MessageBatch<Message> {
  readonly #write: (messages: Message[]) => void
  #messages: Message[] = []
  #due: NodeJS.Immediate | undefined

  /** @param write called with what was added, in that order, never empty */
  constructor(write: (messages: Message[]) => void) {
    this.#write = write
  }

  /** Written before the event loop waits again. */
  add(message: Message): void {
    this.#messages.push(message)
    this.#due ??= setImmediate(() => this.flush())
  }

  /** Writes what is there at once. */
  flush(): void {
    clearImmediate(this.#due)
    this.#due = undefined
    const messages = this.#messages
    if (messages.length === 0) return
    this.#messages = []
    this.#write(messages)
  }

  /** Forgets what was not written. */
  clear(): void {
    this.#messages = []
    this.flush()
  }
}
