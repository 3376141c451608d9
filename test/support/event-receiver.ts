/** Receives what an event handler posts, and keeps it. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedEvent {
  emitter: string
  type: number
  subtype?: number
  timestamp: number
  session_id?: number
  handle_id?: number
  opaque_id?: string
  event: Record<string, unknown>
}

export interface ReceivedPost {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export class EventReceiver {
  readonly posts: ReceivedPost[] = []
  readonly events: ReceivedEvent[] = []
  /** Statuses for the next POSTs; then 200. */
  readonly statuses: number[] = []
  readonly #server: Server
  #waiting: (() => void)[] = []

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const status = this.statuses.shift() ?? 200
      response.writeHead(status).end()
      if (status !== 200) return
      this.posts.push({ headers: request.headers, body })
      const events = JSON.parse(body) as ReceivedEvent | ReceivedEvent[]
      this.events.push(...(Array.isArray(events) ? events : [events]))
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  static open(): Promise<EventReceiver> {
    const receiver = new EventReceiver()
    return new Promise((resolve) => receiver.#server.listen(0, '127.0.0.1', () => resolve(receiver)))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** The first event that passes, be it one that has come already. */
  async find(test: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent> {
    for (;;) {
      const found = this.events.find(test)
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
