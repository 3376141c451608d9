/**
 * What a client's network does to it, between clients on one loopback address and the server on another, on the same
 * port: no UDP at all, or another network in the middle of a call.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Addresses {
  /** Where clients send to. */
  address: string
  /** The server's. */
  server: string
  port: number
}

/** Every datagram is lost. */
export class UdpSink {
  swallowed = 0
  readonly #socket: UdpSocket

  private constructor(socket: UdpSocket) {
    this.#socket = socket
    socket.on('message', () => {
      this.swallowed++
    })
  }

  static async open({ address, port }: Pick<Addresses, 'address' | 'port'>): Promise<UdpSink> {
    const socket = createSocket('udp4')
    socket.bind(port, address)
    await once(socket, 'listening')
    return new UdpSink(socket)
  }

  close(): void {
    this.#socket.close()
  }
}

/** Passes datagrams on; each client has a port of its own towards the server. */
export class UdpRelay {
  readonly #front: UdpSocket
  /** By the client's address. */
  #upstreams = new Map<string, UdpSocket>()

  private constructor(front: UdpSocket, server: Addresses) {
    this.#front = front
    front.on('message', (packet, { address, port }) => {
      this.#upstream(address, port).send(packet, server.port, server.server)
    })
  }

  static async open(addresses: Addresses): Promise<UdpRelay> {
    const front = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, sendBufferSize: 1 << 20 })
    front.bind(addresses.port, addresses.address)
    await once(front, 'listening')
    return new UdpRelay(front, addresses)
  }

  #upstream(address: string, port: number): UdpSocket {
    const key = `${address}:${port}`
    const known = this.#upstreams.get(key)
    if (known) return known
    const upstream = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    upstream.on('message', (reply) => this.#front.send(reply, port, address))
    this.#upstreams.set(key, upstream)
    return upstream
  }

  /** From now on every client comes from another port, and nothing reaches it at the one before. */
  moveClients(): void {
    const before = [...this.#upstreams.values()]
    this.#upstreams = new Map()
    for (const upstream of before) upstream.close()
  }

  close(): void {
    this.moveClients()
    this.#front.close()
  }
}

/** Passes bytes on, and can break every connection. */
export class TcpRelay {
  accepted = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor({ server, port }: Addresses) {
    this.#server = createServer({ noDelay: true }, (client) => {
      this.accepted++
      const upstream = connect({ host: server, port, noDelay: true })
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from)
        from.pipe(to)
        from.on('error', () => {})
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
      }
    })
  }

  static async open(addresses: Addresses): Promise<TcpRelay> {
    const relay = new TcpRelay(addresses)
    relay.#server.listen(addresses.port, addresses.address)
    await once(relay.#server, 'listening')
    return relay
  }

  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    this.breakConnections()
  }
}
