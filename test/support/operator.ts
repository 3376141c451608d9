/** An operator of a real server: requests of the admin API over HTTP or a WebSocket. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { ServerProcess } from './server-process.js'

export const ADMIN_SECRET = 'open sesame'

export type AdminReply = Record<string, unknown> & {
  janus: string
  error?: { code: number; reason: string }
  info?: HandleInfo
}

/** The part of `handle_info` that tests look at. */
export interface HandleInfo extends Record<string, unknown> {
  flags: Record<string, boolean>
  sdps: { local?: string; remote?: string }
  plugin_specific: Record<string, unknown>
  webrtc: {
    ice: Record<string, unknown>
    dtls: Record<string, unknown>
    extensions: Record<string, number>
    bwe?: { twcc?: boolean; 'feedback-sent'?: number; cap?: number; estimate?: number; remb?: number }
    media: Record<string, MediaLine>
  }
}

interface MediaLine {
  type: string
  mid: string
  ssrc: Record<string, number>
  codecs: { pt: number; codec: string }
  direction: { send: boolean; recv: boolean }
  stats: Record<'in' | 'out', { packets: number; bytes: number; bytes_lastsec: number }>
  /** Of simulcast that comes. */
  encodings?: { rid: string; ssrc?: number; active: boolean; subscriptions: number; bps: number }[]
  /** Of video that is sent: the highest layers that the link allows, and why that is not all. */
  target?: { spatial?: number; temporal?: number } | null
  limit?: 'budget' | 'paused'
}

export class HttpOperator {
  readonly url: string
  #next = 0

  constructor(server: ServerProcess) {
    this.url = String(server.listening.admin)
  }

  async post(path: string, body: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { method: 'POST', body })
  }

  async send(janus: string, fields: object = {}, path = '/admin'): Promise<AdminReply> {
    const message = { janus, transaction: `a${this.#next++}`, admin_secret: ADMIN_SECRET, ...fields }
    return (await (await this.post(path, JSON.stringify(message))).json()) as AdminReply
  }

  get(path: string, secret?: string): Promise<Response> {
    return fetch(`${this.url}${path}`, secret === undefined ? {} : { headers: { authorization: `Bearer ${secret}` } })
  }
}

/** One text out, one text back. */
export async function overWebSocket(url: string, subprotocol: string, text: string): Promise<Record<string, unknown>> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), subprotocol)
  await once(socket, 'open')
  socket.send(text)
  const [reply] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  await once(socket, 'close')
  return JSON.parse(String(reply))
}
