/**
 * A man in the middle for one client: sees every datagram, and can send what it likes from the very address that the
 * server knows as the client's.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export class Tap {
  /** What the client sent, in order. */
  readonly fromClient: Buffer[] = []
  /** What the server sent, in order. */
  readonly fromServer: Buffer[] = []
  /** May replace or swallow (undefined) a datagram of the client. */
  rewrite: (packet: Buffer) => Buffer | undefined = (packet) => packet
  /** May swallow, delay or repeat a datagram of the server. */
  forward: (packet: Buffer, pass: (packet: Buffer) => void) => void = (packet, pass) => pass(packet)
  readonly port: number
  #front: Socket
  #upstream: Socket
  #server: { ip: string; port: number }

  private constructor(front: Socket, upstream: Socket, server: { ip: string; port: number }) {
    this.#front = front
    this.#upstream = upstream
    this.#server = server
    this.port = front.address().port
    let client: { address: string; port: number } | undefined
    front.on('message', (packet, from) => {
      client = from
      this.fromClient.push(packet)
      const passed = this.rewrite(packet)
      if (passed) this.inject(passed)
    })
    upstream.on('message', (packet) => {
      this.fromServer.push(packet)
      const to = client
      if (to) this.forward(packet, (passed) => front.send(passed, to.port, to.address))
    })
  }

  static async open(server: { ip: string; port: number }): Promise<Tap> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
    }
    return new Tap(...sockets, server)
  }

  /** Sends to the server as the client. */
  inject(packet: Uint8Array): void {
    this.#upstream.send(packet, this.#server.port, this.#server.ip)
  }

  close(): void {
    this.#front.close()
    this.#upstream.close()
  }
}

/** A stranger: a socket of its own that counts every byte that ever comes back. */
export class Stranger {
  readonly socket = createSocket('udp4')
  readonly replies: Buffer[] = []

  static async open(): Promise<Stranger> {
    const stranger = new Stranger()
    stranger.socket.on('message', (packet) => stranger.replies.push(packet))
    stranger.socket.bind(0, '127.0.0.1')
    await once(stranger.socket, 'listening')
    return stranger
  }

  send(to: { ip: string; port: number }, packet: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.send(packet, to.port, to.ip, (error) => (error ? reject(error) : resolve())),
    )
  }

  close(): void {
    this.socket.close()
  }
}
