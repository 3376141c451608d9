/**
 * Lets clients that speak UDP come over TCP, framed as RFC 4571 says: each of their sockets gets a connection of its
 * own to the server.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** @param datagram at most 65,535 bytes */
export function frame(datagram: Uint8Array): Buffer {
  const framed = Buffer.alloc(2 + datagram.length)
  framed.writeUInt16BE(datagram.length)
  framed.set(datagram, 2)
  return framed
}

/** Calls back with each frame, however the stream is cut. */
export function deframe(onFrame: (datagram: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0)
      onFrame(rest.subarray(2, end))
      rest = rest.subarray(end)
    }
  }
}

export class TcpBridge {
  /** Where clients send their UDP to. */
  readonly port: number
  readonly connections = new Map<number, Socket>()
  readonly #udp: UdpSocket
  readonly #server: { ip: string; port: number }

  private constructor(udp: UdpSocket, server: { ip: string; port: number }) {
    this.#udp = udp
    this.#server = server
    this.port = udp.address().port
    udp.on('message', (bytes, { port }) => this.#connection(port).write(frame(bytes)))
  }

  static async open(server: { ip: string; port: number }): Promise<TcpBridge> {
    const udp = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, sendBufferSize: 1 << 20 })
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    return new TcpBridge(udp, server)
  }

  #connection(client: number): Socket {
    const known = this.connections.get(client)
    if (known && !known.destroyed) return known
    const socket = connect({ host: this.#server.ip, port: this.#server.port, noDelay: true })
    socket.on(
      'data',
      deframe((bytes) => this.#udp.send(bytes, client, '127.0.0.1')),
    )
    socket.on('error', () => {})
    this.connections.set(client, socket)
    return socket
  }

  /** Every connection breaks; the next datagram of a client opens another one, from another port. */
  breakConnections(): void {
    for (const socket of this.connections.values()) socket.resetAndDestroy()
  }

  close(): void {
    this.breakConnections()
    this.#udp.close()
  }
}
