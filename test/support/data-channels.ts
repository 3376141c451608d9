/** The data channels of a client without a browser. */
import { clientSctp } from '../../src/load/channel.js'
import type { ChannelParameters } from '../../src/media/control.js'
import { type Association, openAssociation } from '../../src/media/endpoint/sctp/association.js'
import type { MediaPeer } from './media-client.js'

const TICK_MS = 10

export class DataChannels {
  readonly heard: { label: string; payload: Uint8Array; binary: boolean }[] = []
  /** Channels that the server opened here, or acknowledged. */
  readonly opened: ChannelParameters[] = []
  /** Labels of channels that were closed by the server, or for breaking a limit. */
  readonly closed: string[] = []
  readonly #peer: MediaPeer
  readonly #association: Association
  readonly #timer: NodeJS.Timeout

  /** @param peer is connected */
  constructor(peer: MediaPeer) {
    this.#peer = peer
    this.#association = openAssociation({
      host: clientSctp,
      role: peer.remote!.setup === 'active' ? 'server' : 'client',
      nowMs: performance.now(),
      transmit: (bytes) => peer.sendData(bytes),
      events: {
        message: ({ label }, binary, payload) => this.heard.push({ label, payload, binary }),
        opened: (channel) => this.opened.push(channel),
        closed: ({ label }) => this.closed.push(label),
        failed: () => {},
      },
      limits: { dataBufferBytes: 8 << 20, maxMessageBytes: 1 << 18, maxChannels: 64 },
    })
    peer.onData = (packet) => {
      this.#association.receive(performance.now(), packet, 0, packet.length)
      this.#association.flush(performance.now())
      peer.flush()
    }
    this.#timer = setInterval(() => {
      this.#association.expire(performance.now())
      peer.flush()
    }, TICK_MS)
  }

  get bufferedBytes(): number {
    return this.#association.live().bufferedBytes
  }

  /** Opens the channel when it is the first message on it. */
  send(channel: ChannelParameters, payload: Uint8Array, binary = true): 'sent' | 'dropped' | 'closed' {
    const outcome = this.#association.send(performance.now(), channel, binary, payload)
    this.#association.flush(performance.now())
    this.#peer.flush()
    return outcome
  }

  close(): void {
    clearInterval(this.#timer)
    this.#association.close()
    this.#peer.flush()
  }
}
