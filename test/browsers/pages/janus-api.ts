/** Runs inside a browser: the Janus API over a WebSocket, as little of it as a call needs, for any plugin. */

export interface JanusReply {
  janus: string
  transaction?: string
  sender?: number
  data?: { id: number }
  plugindata?: { data: Record<string, unknown> }
  jsep?: RTCSessionDescriptionInit
  error?: { code: number; reason: string }
}

const REPLY_LIMIT_MS = 15_000
const KEEPALIVE_MS = 20_000

export class JanusApi {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (reply: JanusReply) => void>()
  readonly #handles = new Map<number, (event: JanusReply) => void>()
  #next = 0
  sessionId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#received(JSON.parse(data as string))
  }

  static async open(url: string): Promise<JanusApi> {
    const socket = new WebSocket(url, 'janus-protocol')
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error(`cannot connect to ${url}`))
    })
    const api = new JanusApi(socket)
    api.sessionId = (await api.request({ janus: 'create' })).data!.id
    setInterval(() => void api.request({ janus: 'keepalive' }), KEEPALIVE_MS)
    return api
  }

  /** @param heard gets the events of the handle that answer nothing */
  async attach(plugin: string, heard: (event: JanusReply) => void): Promise<number> {
    const { data } = await this.request({ janus: 'attach', plugin })
    this.#handles.set(data!.id, heard)
    return data!.id
  }

  /** Sends to the plugin; resolves with its event. */
  message(handle: number, body: object, jsep?: RTCSessionDescriptionInit): Promise<JanusReply> {
    return this.request({ janus: 'message', handle_id: handle, body, ...(jsep && { jsep }) })
  }

  /** @throws Error for an error of Janus, and after a while without a reply */
  request(fields: Record<string, unknown>): Promise<JanusReply> {
    const transaction = `t${this.#next++}`
    const session = this.sessionId ? { session_id: this.sessionId } : {}
    this.#socket.send(JSON.stringify({ ...session, ...fields, transaction }))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(transaction)
        reject(new Error(`no reply to ${JSON.stringify(fields).slice(0, 200)}`))
      }, REPLY_LIMIT_MS)
      this.#waiting.set(transaction, (reply) => {
        if (reply.janus === 'ack' && fields.janus === 'message') return
        clearTimeout(timer)
        this.#waiting.delete(transaction)
        if (reply.janus === 'error') reject(new Error(JSON.stringify(reply.error)))
        else resolve(reply)
      })
    })
  }

  #received(reply: JanusReply): void {
    const waiting = reply.transaction === undefined ? undefined : this.#waiting.get(reply.transaction)
    if (waiting) waiting(reply)
    else if (reply.sender !== undefined) this.#handles.get(reply.sender)?.(reply)
  }
}
