/** The data channel of one peer. */
import { randomBytes } from 'node:crypto'
import type { ChannelParameters } from '../media/control.js'
import { type Association, newSctpCounts, openAssociation, type SctpHost } from '../media/endpoint/sctp/association.js'
import type { ClientPeer } from './peer.js'

const TICK_MS = 10
const LIMITS = { dataBufferBytes: 8 << 20, maxMessageBytes: 1 << 18, maxChannels: 64 }

/** The host of all clients' associations in this process. */
export const clientSctp: SctpHost = { random: () => randomBytes(4).readUInt32BE(), counts: newSctpCounts() }

/** As naf-janus-adapter opens them. */
export const reliable: ChannelParameters = { label: 'reliable', protocol: '', ordered: true }
export const unreliable: ChannelParameters = { label: 'unreliable', protocol: '', ordered: false, maxRetransmits: 0 }

export interface ClientChannelEvents {
  message(payload: Uint8Array, channel: ChannelParameters): void
  opened(): void
  /** The server closed the channel, or the association ended. */
  closed(): void
}

export class ClientChannel {
  readonly #association: Association
  readonly #peer: ClientPeer
  readonly #parameters: ChannelParameters
  #timer: NodeJS.Timeout

  /** @param peer is connected, with data negotiated */
  constructor(peer: ClientPeer, parameters: ChannelParameters, events: ClientChannelEvents) {
    this.#peer = peer
    this.#parameters = parameters
    this.#association = openAssociation({
      host: clientSctp,
      role: peer.remote!.setup === 'active' ? 'server' : 'client',
      nowMs: performance.now(),
      transmit: (bytes) => peer.sendData(bytes),
      events: {
        message: (channel, _binary, payload) => events.message(payload, channel),
        opened: () => events.opened(),
        closed: () => events.closed(),
        failed: () => events.closed(),
      },
      limits: LIMITS,
    })
    peer.onData = (packet) => {
      const nowMs = performance.now()
      this.#association.receive(nowMs, packet, 0, packet.length)
      this.#association.flush(nowMs)
    }
    this.#timer = setInterval(() => this.#association.expire(performance.now()), TICK_MS)
  }

  /**
   * Opens the channel when it is the first message. `payload` belongs to the channel from now on.
   * @param parameters of another channel of the same peer; default: those that this was made with
   */
  send(payload: Uint8Array, binary = true, parameters = this.#parameters): 'sent' | 'dropped' | 'closed' {
    const nowMs = performance.now()
    const outcome = this.#association.send(nowMs, parameters, binary, payload)
    this.#association.flush(nowMs)
    return outcome
  }

  close(): void {
    clearInterval(this.#timer)
    this.#peer.onData = undefined
    this.#association.close()
  }
}
