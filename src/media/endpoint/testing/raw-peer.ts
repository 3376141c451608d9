/** A peer made of bytes: it sets an association up by hand and then says whatever a test wants. Virtual time. */
import assert from 'node:assert/strict'
import type { ChannelParameters } from '../../control.js'
import { type Association, openAssociation } from '../sctp/association.js'
import { chunk, data, init, openMessage, packet } from './sctp-chunks.js'
import { SeededSctpHost } from './seeded-sctp-host.js'

const COOKIE_BYTES = 16

export class RawPeer {
  readonly host = new SeededSctpHost()
  readonly events: string[] = []
  /** Packets of the association, oldest first. */
  readonly received: Uint8Array[] = []
  /** The association's verification tag, and the cookie that it gave. */
  tag = 0
  cookie = new Uint8Array(0)
  /** Our next TSN. */
  tsn = 1000
  nowMs = 0
  /** Receiver window in our INIT. */
  windowBytes = 100_000
  /** First TSN of the association; to be set before `connect`. Default: by chance. */
  initialTsn: number | undefined
  #association: Association | undefined

  get association(): Association {
    this.#association ??= openAssociation({
      host: this.host,
      role: 'server',
      transmit: (bytes) => this.received.push(bytes.slice()) > 0,
      events: {
        message: ({ label }, binary, payload) =>
          this.events.push(
            `${binary ? 'binary' : 'text'} ${label} ${Buffer.from(payload).toString('latin1').slice(0, 20)}`,
          ),
        opened: ({ label }) => this.events.push(`opened ${label}`),
        closed: ({ label }) => this.events.push(`closed ${label}`),
        failed: (reason) => this.events.push(`failed ${reason}`),
      },
      limits: { dataBufferBytes: 1 << 20, maxMessageBytes: 262_144, maxChannels: 64 },
      ...(this.initialTsn !== undefined && { initialTsn: this.initialTsn }),
    })
    return this.#association
  }

  /** Set-up up to the point where data may flow. */
  connect(): this {
    this.say([init(1, this.tsn, this.windowBytes)], 0)
    this.finishSetup(this.tsn)
    return this
  }

  /** The INIT ACK has come: sends the cookie back. @param tsn of our INIT */
  finishSetup(tsn: number): void {
    const initAck = this.received.findLast((bytes) => bytes[12] === 2)!
    this.tag = Buffer.from(initAck).readUInt32BE(16)
    this.tsn = tsn
    this.cookie = initAck.slice(initAck.length - COOKIE_BYTES)
    this.say([chunk(10, 0, [...this.cookie])])
    assert.equal(this.received.at(-1)![12], 11, 'COOKIE ACK')
  }

  /** Sends a packet, as a batch of its own. */
  say(chunks: Uint8Array[], tag = this.tag): void {
    this.raw(packet(tag, chunks))
  }

  /** Sends a packet without ending the batch. */
  hand(chunks: Uint8Array[]): void {
    const bytes = packet(this.tag, chunks)
    this.association.receive(this.nowMs, bytes, 0, bytes.length)
  }

  raw(bytes: Uint8Array): void {
    this.association.receive(++this.nowMs, bytes, 0, bytes.length)
    this.association.flush(this.nowMs)
  }

  /** Lets the association send. */
  send(channel: ChannelParameters, binary: boolean, payload: Uint8Array): string {
    const outcome = this.association.send(this.nowMs, channel, binary, payload)
    this.association.flush(this.nowMs)
    return outcome
  }

  open(streamId: number, label: string): void {
    this.say([data(this.tsn++, streamId, 0, 50, openMessage(label))])
  }

  /** Lets time pass. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms
    for (let dueMs = this.association.deadlineMs; dueMs <= untilMs; dueMs = this.association.deadlineMs) {
      this.nowMs = Math.max(this.nowMs, dueMs)
      this.association.expire(this.nowMs)
    }
    this.nowMs = untilMs
  }

  /** Lets time pass until the association sends something by itself. */
  untilSent(): void {
    const before = this.received.length
    while (this.received.length === before) this.wait(1)
  }

  /** Whether a packet answers a heartbeat: the association lives. */
  isAlive(): boolean {
    this.received.length = 0
    this.say([chunk(4, 0, [0, 1, 0, 8, 1, 2, 3, 4])])
    return this.received.some((bytes) => bytes[12] === 5)
  }
}
