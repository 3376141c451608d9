/** Two associations over a simulated path, in virtual time, and what they put on it. */
import type { ChannelParameters } from '../../../src/media/control.js'
import { type Association, openAssociation } from '../../../src/media/endpoint/sctp/association.js'
import { SeededSctpHost } from '../../../src/media/endpoint/testing/seeded-sctp-host.js'
import { type LinkConditions, SimulatedLink } from '../../../src/media/io/simulated-link.js'
import { SimulatedNetwork } from '../../../src/media/io/simulated-network.js'

/** Of a DTLS 1.2 record with AES-GCM: header, explicit nonce, tag. */
const RECORD_BYTES = 13 + 8 + 16
const DATA = 0
const limits = { dataBufferBytes: 4 << 20, maxMessageBytes: 1 << 18, maxChannels: 64 }

export interface Arrived {
  label: string
  payload: Uint8Array
  atMs: number
}

export class DataPath {
  readonly net: SimulatedNetwork
  readonly sender: Association
  /** Called with each message that arrives at the other end. */
  arrived: (message: Arrived) => void = () => {}
  /** Why an association or a channel ended; empty when all is well. */
  readonly troubles: string[] = []
  /** DATA chunks sent by the sender, and those of them sent again. */
  chunks = 0
  chunksAgain = 0
  packets = 0
  readonly #receiver: Association
  /** Beside the network's chance, which decides what is lost. */
  readonly #host: SeededSctpHost
  readonly #links: [SimulatedLink, SimulatedLink]
  #wake = [() => {}, () => {}]
  #highestTsn: number | undefined

  /** @param conditions both ways */
  constructor(seed: number, conditions: Partial<LinkConditions>) {
    this.net = new SimulatedNetwork({ seed })
    this.#host = new SeededSctpHost(seed)
    this.#links = [new SimulatedLink(conditions), new SimulatedLink(conditions)]
    this.sender = this.#open(0)
    this.#receiver = this.#open(1)
    for (const [side, association] of [this.sender, this.#receiver].entries()) {
      const alarm = this.net.alarm()
      const expire = () => {
        association.expire(this.net.nowMs)
        alarm(association.deadlineMs, expire)
      }
      this.#wake[side] = () => {
        association.flush(this.net.nowMs)
        alarm(association.deadlineMs, expire)
      }
    }
  }

  get nowMs(): number {
    return this.net.nowMs
  }

  get bufferedBytes(): number {
    return this.sender.live().bufferedBytes
  }

  send(channel: ChannelParameters, payload: Uint8Array): void {
    const outcome = this.sender.send(this.net.nowMs, channel, true, payload)
    if (outcome !== 'sent') this.troubles.push(`${channel.label} ${outcome}`)
    this.#wake[0]!()
  }

  #open(side: 0 | 1): Association {
    return openAssociation({
      host: this.#host,
      role: side === 0 ? 'client' : 'server',
      transmit: (bytes) => this.#transmit(side, bytes),
      events: {
        message: ({ label }, _binary, payload) => this.arrived({ label, payload, atMs: this.net.nowMs }),
        opened: () => {},
        closed: ({ label }) => this.troubles.push(`${label} closed`),
        failed: (reason) => this.troubles.push(reason),
      },
      limits,
    })
  }

  #transmit(side: 0 | 1, bytes: Uint8Array): boolean {
    if (side === 0) this.#count(bytes)
    const copy = bytes.slice()
    const chance = () => this.net.random() / 0x100000000
    const chances = { loss: chance(), jitter: chance(), reorder: chance(), duplicate: chance() }
    const link = this.#links[side]!
    const atMs = link.send(this.net.nowMs, bytes.length + RECORD_BYTES, chances)
    if (link.fate !== 'arrived') return true
    for (let copies = link.twice(chances) ? 2 : 1; copies > 0; copies--) {
      this.net.schedule(atMs, () => this.#arrive(side === 0 ? 1 : 0, copy))
    }
    return true
  }

  #arrive(side: 0 | 1, bytes: Uint8Array): void {
    const association = side === 0 ? this.sender : this.#receiver
    association.receive(this.net.nowMs, bytes, 0, bytes.length)
    this.#wake[side]!()
  }

  #count(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.packets++
    for (let at = 12; at < bytes.length; at += (view.getUint16(at + 2) + 3) & ~3) {
      if (bytes[at] !== DATA) continue
      const tsn = view.getUint32(at + 4)
      this.chunks++
      if (this.#highestTsn !== undefined && ((tsn - this.#highestTsn) | 0) <= 0) this.chunksAgain++
      else this.#highestTsn = tsn
    }
  }
}
