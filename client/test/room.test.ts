/** A room over a socket to a server that only signals: its subscriptions, and tokens that expire while it is kept. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { Room, type RoomOptions } from '../src/index.js'

/** As much of a PeerConnection as one needs that neither sends nor is offered anything. */
class SilentPeerConnection extends EventTarget {
  readonly connectionState = 'new'

  constructor() {
    super()
    connections.push(this)
  }

  close(): void {}
}

class FakeMediaStream {
  readonly #tracks = new Set<unknown>()

  addTrack(track: unknown): void {
    this.#tracks.add(track)
  }

  removeTrack(track: unknown): void {
    this.#tracks.delete(track)
  }

  getTracks(): unknown[] {
    return [...this.#tracks]
  }
}

/** All that were made, in that order. */
const connections: SilentPeerConnection[] = []

/** Unlike this package's, a browser's WebSocket does not mind an error nobody listens to. */
class BrowserWebSocket extends WebSocket {
  constructor(address: string, protocol: string) {
    super(address, protocol)
    this.on('error', () => undefined)
  }
}

const page = new EventTarget()
Object.assign(globalThis, {
  WebSocket: BrowserWebSocket,
  RTCPeerConnection: SilentPeerConnection,
  MediaStream: FakeMediaStream,
  addEventListener: page.addEventListener.bind(page),
})

interface JoinBody {
  kind: string
  user_id: string
  token?: string
  subscribe: { media?: string }
}

interface Request {
  janus: string
  transaction: string
  handle_id?: number
  body?: JoinBody
}

interface Join {
  user: string
  media: string | undefined
  token: string | undefined
}

/** A server that takes joins with its token of the moment. */
class TokenServer {
  token = 'first'
  readonly joins: Join[] = []
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'janus-protocol' })
  #handles = 0
  #wake = () => {}

  static async start(): Promise<TokenServer> {
    const server = new TokenServer()
    await once(server.#server, 'listening')
    return server
  }

  constructor() {
    this.#server.on('connection', (socket) => {
      socket.on('message', (raw) => {
        const request = JSON.parse(String(raw)) as Request
        const { transaction } = request
        socket.send(JSON.stringify({ transaction, session_id: 1, ...this.#answer(request) }))
      })
    })
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Tells the first handle, which is the one that publishes. */
  announce(user: string): void {
    const plugindata = { plugin: 'janus.plugin.sfu', data: { event: 'join', user_id: user, room_id: 'r' } }
    for (const client of this.#server.clients) {
      client.send(JSON.stringify({ janus: 'event', session_id: 1, sender: 1, plugindata }))
    }
  }

  /** Resolves when there have been so many joins. */
  async joined(count: number): Promise<Join[]> {
    while (this.joins.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.joins
  }

  #answer({ janus, handle_id, body }: Request): object {
    if (janus === 'create') return { janus: 'success', data: { id: 1 } }
    if (janus === 'attach') return { janus: 'success', data: { id: ++this.#handles } }
    if (janus !== 'message' || !body) return { janus: 'ack' }
    const data = body.kind === 'join' ? this.#join(body) : { success: true, response: {} }
    return { janus: 'event', sender: handle_id, plugindata: { plugin: 'janus.plugin.sfu', data } }
  }

  #join({ user_id: user, token, subscribe }: JoinBody): object {
    this.joins.push({ user, media: subscribe.media, token })
    this.#wake()
    return token === this.token
      ? { success: true, response: { users: { r: ['ann'] } } }
      : { success: false, error: { msg: 'Rejecting join with invalid token!', code: 'token_expired' } }
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A room that is joined, and left when the test ends. */
async function enter(t: TestContext, tokenOf: (server: TokenServer) => NonNullable<RoomOptions['token']>) {
  const server = await TokenServer.start()
  const { url } = server
  const room = new Room({ url, room: 'r', user: 'ann', data: false, token: tokenOf(server) })
  t.after(async () => {
    room.leave()
    await server.close()
  })
  await room.join()
  return { server, room }
}

test('who comes after the token has expired is subscribed to with a new one', async (t) => {
  const { server } = await enter(t, (server) => () => server.token)
  server.token = 'second'
  server.announce('bob')
  assert.deepEqual(await server.joined(2), [
    { user: 'ann', media: undefined, token: 'first' },
    { user: 'ann', media: 'bob', token: 'second' },
  ])
})

test('a token that cannot change is refused once, and again by `subscribe` and by the user’s next join', async (t) => {
  const { server, room } = await enter(t, (server) => server.token)
  server.token = 'second'
  const refused = () => new Promise<unknown>((resolve) => room.on('error', resolve, { once: true }))
  for (const again of [() => server.announce('bob'), () => room.subscribe('bob'), () => server.announce('bob')]) {
    const told = refused()
    again()
    const { user, error } = (await told) as { user: string; error: { code: string } }
    assert.deepEqual([user, error.code], ['bob', 'token_expired'])
  }
  assert.equal(server.joins.length, 4)
  assert.deepEqual([room.state, [...room.participants.keys()]], ['joined', ['bob']])
})

test('`subscribe` leaves a subscription alone that stands', async (t) => {
  const { server, room } = await enter(t, (server) => server.token)
  server.announce('bob')
  await server.joined(2)
  const track = { kind: 'audio' }
  const event = Object.assign(new Event('track'), { track, streams: [], transceiver: { mid: '0' } })
  connections.at(-1)!.dispatchEvent(event)
  const tracks = () => room.participants.get('bob')?.stream.getTracks()
  assert.deepEqual(tracks(), [track])
  room.subscribe('bob')
  assert.deepEqual([tracks(), server.joins.length], [[track], 2])
})
