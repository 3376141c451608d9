import { RoomError } from './errors.js'
import type { Body, JanusMessage, Jsep, MessageKind, Replies } from './protocol.js'

/** What the plugin answered: `response` of a successful reply and, when it negotiates, a description. */
export interface Reply<Response> {
  response: Response
  jsep: Jsep | undefined
}

/** What a handle reports on its own. */
export interface HandleListener {
  /** A plugin event that answers nothing. */
  notification?(data: Record<string, unknown>): void
  /** A description that the server pushed. */
  jsep?(jsep: Jsep): void
  /** The server closed the PeerConnection; the handle lives. */
  hangup?(reason: string): void
  /** The server ended the handle. */
  detached?(): void
}

/** What a handle needs of its session. */
export interface HandleSession {
  request(body: { janus: string; [key: string]: unknown }): Promise<JanusMessage>
  forget(handle: Handle): void
}

/** One attachment to the plugin, which is one connection of `janus.plugin.sfu`. */
export class Handle {
  readonly id: number
  /** Set right after attaching. */
  listener: HandleListener = {}
  readonly #session: HandleSession

  constructor(session: HandleSession, id: number) {
    this.#session = session
    this.id = id
  }

  /**
   * Sends a message of the plugin.
   * @param jsep goes along; the plugin handles the body first
   * @throws RoomError `refused` if the plugin says no, else as `JanusSocket.request`
   */
  send<K extends MessageKind>(kind: K, body: Body<K>, jsep?: Jsep): Promise<Reply<Replies[K]>> {
    return this.#message({ kind, ...body }, jsep) as Promise<Reply<Replies[K]>>
  }

  /** Sends a description by itself; the answer to an offer is in the reply. */
  sendJsep(jsep: Jsep): Promise<Reply<unknown>> {
    return this.#message({}, jsep)
  }

  /** Sends one candidate, or null for the end of candidates. A lost one shows in ICE, not here. */
  trickle(candidate: RTCIceCandidateInit | null): void {
    this.#request({ janus: 'trickle', candidate }).catch(() => undefined)
  }

  /** Ends the handle on the server without waiting; nothing is reported any more. */
  detach(): void {
    this.listener = {}
    this.#session.forget(this)
    this.#request({ janus: 'detach' }).catch(() => undefined)
  }

  /** Takes an event with this handle as its sender. */
  receive(message: JanusMessage): void {
    switch (message.janus) {
      case 'event':
        if (message.plugindata) this.listener.notification?.(message.plugindata.data)
        if (message.jsep) this.listener.jsep?.(message.jsep)
        return
      case 'hangup':
        this.listener.hangup?.(message.reason ?? 'no reason given')
        return
      case 'detached':
        this.#session.forget(this)
        this.listener.detached?.()
        return
    }
  }

  async #message(body: Record<string, unknown>, jsep?: Jsep): Promise<Reply<unknown>> {
    const message = await this.#request({ janus: 'message', body, ...(jsep && { jsep }) })
    const data: { success?: unknown; error?: unknown; response?: unknown } = message.plugindata?.data ?? {}
    if (data.success === false) throw refusal(data.error)
    return { response: data.response, jsep: message.jsep }
  }

  #request(body: { janus: string; [key: string]: unknown }): Promise<JanusMessage> {
    return this.#session.request({ ...body, handle_id: this.id })
  }
}

function refusal(error: unknown): RoomError {
  const { msg, code } = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {}
  return new RoomError(
    'refused',
    typeof msg === 'string' ? msg : 'The server refused without saying why.',
    typeof code === 'string' ? code : undefined,
  )
}
