/**
 * A UDP relay that loses packets: kernels without netem have no other way. Clients talk to it on one loopback
 * address, it talks to the server on another, on the same port; each client gets an upstream socket of its
 * own, so that the server still tells them apart.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface LossyRelay {
  readonly dropped: { up: number; down: number }
  readonly passed: { up: number; down: number }
  close(): void
}

/** mulberry32: small, seeded, good enough to lose packets with. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** First byte of a datagram tells STUN and DTLS (RFC 7983): losing those tests patience, not recovery. */
const isMedia = (packet: Buffer) => packet.length > 0 && packet[0]! >= 128 && packet[0]! <= 191

/** Relays between `address`:`port` (clients) and `server`:`port`, losing media at the given rate both ways. */
export async function startLossyRelay(options: {
  address: string
  server: string
  port: number
  loss: number
  seed: number
}): Promise<LossyRelay> {
  const random = seededRandom(options.seed)
  const dropped = { up: 0, down: 0 }
  const passed = { up: 0, down: 0 }
  const upstreams = new Map<string, Socket>()
  const lose = (packet: Buffer, way: 'up' | 'down') => {
    const lost = isMedia(packet) && random() < options.loss
    ;(lost ? dropped : passed)[way]++
    return lost
  }
  const front = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, sendBufferSize: 1 << 20 })
  front.on('message', (packet, from) => {
    const key = `${from.address}:${from.port}`
    let upstream = upstreams.get(key)
    if (!upstream) {
      upstream = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
      upstream.on('message', (reply) => lose(reply, 'down') || front.send(reply, from.port, from.address))
      upstreams.set(key, upstream)
    }
    if (!lose(packet, 'up')) upstream.send(packet, options.port, options.server)
  })
  front.bind(options.port, options.address)
  await once(front, 'listening')
  return {
    dropped,
    passed,
    close() {
      front.close()
      for (const upstream of upstreams.values()) upstream.close()
    },
  }
}
