/**
 * DTLS-SRTP imitated for the simulated network: the handshake with its retransmissions and fingerprints, and
 * datagrams that open only for who took part. No cryptography: the number of the session stands for the keys.
 *
 * ```
 * client   ── hello ──▶                     again after 1, 2, 4 … s until the answer
 *          ◀── answer (fingerprint) ──
 *          ── finish (fingerprint) ──▶      server connected; again until done
 *          ◀── done ──                      client connected
 * ```
 */
import { CloseReason, type DtlsRole, SrtpProfile } from './io.js'
import type { Datagram, SimulatedNetwork } from './simulated-network.js'
import { ReplayWindow, SimulatedSrtp } from './simulated-srtp.js'

const FIRST_RETRANSMIT_MS = 1000
const nothing = new Uint8Array(0)

/** Roughly what real ones have; only rates and byte counters see it. */
const handshakeBytes = { hello: 250, answer: 900, finish: 700, done: 270, alert: 39 } as const
const RECORD_BYTES = 37

export interface DtlsOptions {
  network: SimulatedNetwork
  role: DtlsRole
  /** Our certificate's. */
  fingerprint: string
  /** What the peer's certificate must have. */
  expected: string
  /** Offered, or in order of preference. */
  profiles: readonly number[]
  handshakeTimeoutMs: number
  /** Sends to where the peer is. */
  send: (datagram: Datagram) => void
  /** State changed by the clock, not by a datagram. */
  expired: () => void
}

export class SimulatedDtls {
  state: 'handshaking' | 'connected' | 'closed' = 'handshaking'
  /** One of `CloseReason`, once it is closed. */
  closeReason = 0
  /** One of `SrtpProfile`, once it is connected. */
  profile = 0
  srtp: SimulatedSrtp | undefined
  #options: DtlsOptions
  #session = 0
  #begun = false
  #awaiting: 'answer' | 'done' = 'answer'
  #sentRecords = 0
  #records = new ReplayWindow()
  #cancelRetransmit = () => {}
  #cancelDeadline = () => {}

  constructor(options: DtlsOptions) {
    this.#options = options
  }

  /** There is somebody to talk to: the clock of the handshake runs, and a client says hello. Twice is harmless. */
  begin(): void {
    if (this.#begun || this.state !== 'handshaking') return
    this.#begun = true
    const { network, handshakeTimeoutMs, role, expired } = this.#options
    this.#cancelDeadline = network.schedule(network.nowMs + handshakeTimeoutMs, () => {
      this.#close(CloseReason.timeout)
      expired()
    })
    if (role === 'client') this.#flight(FIRST_RETRANSMIT_MS)
  }

  /** Takes a datagram of the handshake, an alert or a data record. @returns false when it was dropped */
  receive(datagram: Datagram): boolean {
    if (this.state === 'closed') return false
    switch (datagram.kind) {
      case 'hello':
        return this.#hello(datagram)
      case 'answer':
        return this.#answer(datagram)
      case 'finish':
        return this.#finish(datagram)
      case 'done':
        return this.#done(datagram)
      case 'alert':
        if (this.state === 'connected' && datagram.session !== this.#session) return false
        this.#close(this.state === 'connected' ? CloseReason.alert : CloseReason.handshake)
        return true
      default:
        return this.state === 'connected' && datagram.session === this.#session && this.#records.take(datagram.index)
    }
  }

  /** One record of application data; the bytes are copied. */
  sealData(bytes: Uint8Array): Datagram {
    const index = this.#sentRecords++
    return { kind: 'data', bytes: bytes.slice(), wireBytes: bytes.length + RECORD_BYTES, session: this.#session, index }
  }

  /** Ends it without a report; a connected peer gets a close_notify. */
  shutdown(): void {
    if (this.state === 'connected') this.#send('alert')
    this.#close(0)
  }

  #hello(datagram: Datagram): boolean {
    if (this.#options.role !== 'server') return false
    if (this.state === 'connected') return true
    this.begin()
    const profile = this.#options.profiles.find((wanted) => datagram.profiles?.includes(wanted)) ?? SrtpProfile.none
    this.profile = profile
    // A hello again is answered with the same session.
    this.#session ||= this.#options.network.random() || 1
    this.#send('answer', { profiles: [profile] })
    return true
  }

  #answer(datagram: Datagram): boolean {
    if (this.#options.role !== 'client' || this.#awaiting !== 'answer') return false
    this.#session = datagram.session
    this.profile = datagram.profiles?.[0] ?? 0
    if (datagram.fingerprint !== this.#options.expected) return this.#refuse(CloseReason.fingerprint)
    this.#awaiting = 'done'
    this.#cancelRetransmit()
    this.#flight(FIRST_RETRANSMIT_MS)
    return true
  }

  #finish(datagram: Datagram): boolean {
    if (this.#options.role !== 'server' || this.#session === 0 || datagram.session !== this.#session) return false
    if (this.state === 'handshaking') {
      if (datagram.fingerprint !== this.#options.expected) return this.#refuse(CloseReason.fingerprint)
      this.#connect()
    }
    this.#send('done')
    return true
  }

  #done(datagram: Datagram): boolean {
    if (this.#options.role !== 'client' || this.#awaiting !== 'done' || datagram.session !== this.#session) return false
    if (this.state === 'handshaking') this.#connect()
    return true
  }

  /** The client's part of the handshake that is due, now and again with twice the pause each time. */
  #flight(pauseMs: number): void {
    const { network, profiles } = this.#options
    if (this.#awaiting === 'answer') this.#send('hello', { profiles })
    else this.#send('finish')
    this.#cancelRetransmit = network.schedule(network.nowMs + pauseMs, () => this.#flight(pauseMs * 2))
  }

  #send(kind: keyof typeof handshakeBytes, more: Partial<Datagram> = {}): void {
    const { fingerprint } = this.#options
    const fields = { bytes: nothing, wireBytes: handshakeBytes[kind], session: this.#session, index: 0, fingerprint }
    this.#options.send({ kind, ...fields, ...more })
  }

  #refuse(reason: number): true {
    this.#send('alert')
    this.#close(reason)
    return true
  }

  #connect(): void {
    this.state = 'connected'
    if (this.profile !== SrtpProfile.none) this.srtp = new SimulatedSrtp(this.#session)
    this.#cancelRetransmit()
    this.#cancelDeadline()
  }

  #close(reason: number): void {
    this.state = 'closed'
    this.closeReason = reason
    this.#cancelRetransmit()
    this.#cancelDeadline()
  }
}
