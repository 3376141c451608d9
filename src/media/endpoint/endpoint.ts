/**
 * One peer on this worker: its ICE agent, its DTLS transport and its SCTP association, glued together.
 * Bytes and time come in through the methods; what goes out goes through the io. RTP is not seen here.
 *
 *   open ──connect──▶ checking ──DTLS connected──▶ connected ──▶ closed
 */
import type {
  ChannelParameters,
  DtlsParameters,
  EndpointFigures,
  EndpointId,
  EndpointInfo,
  HangupReason,
  IceCredentials,
  WorkerLimits,
} from '../control.js'
import { Addr, CloseReason, type MediaIo, SrtpProfile, STUN_SCRATCH_BYTES } from '../io/io.js'
import { IceLite, IceReason, newIceVerdict } from './ice.js'
import {
  type Association,
  type AssociationFigures,
  beginsAssociation,
  openAssociation,
  type SctpHost,
  SctpReason,
} from './sctp/association.js'

export interface EndpointEvents {
  connected(endpoint: Endpoint): void
  /** The peer has not been heard of for some time, or it is heard of again. */
  silence(endpoint: Endpoint, isSilent: boolean): void
  closed(endpoint: Endpoint, reason: HangupReason): void
  message(endpoint: Endpoint, channel: ChannelParameters, binary: boolean, payload: Uint8Array): void
}

/** What all endpoints of a worker share. */
export interface EndpointHost {
  readonly io: MediaIo
  readonly events: EndpointEvents
  readonly limits: WorkerLimits
  readonly sctp: SctpHost
}

/** From `open` to the peer's description, and again from there to DTLS: nobody may hold a transport for nothing. */
export const SETUP_TIMEOUT_MS = 30_000
/** Data channels that one peer may have open. */
const MAX_CHANNELS = 256
/** How many of these are opened for the messages of one other user. */
const MAX_CHANNELS_PER_SENDER = 128

const hangupReasons: Record<number, HangupReason> = {
  [CloseReason.alert]: 'DTLS alert',
  [CloseReason.fingerprint]: 'Fingerprint mismatch',
  [CloseReason.handshake]: 'DTLS error',
  [CloseReason.timeout]: 'DTLS timeout',
}

/** By `SrtpProfile`; without one there is no SRTP. */
const srtpProfileNames: Record<number, string> = {
  [SrtpProfile.aes128CmSha1_80]: 'SRTP_AES128_CM_SHA1_80',
  [SrtpProfile.aeadAes128Gcm]: 'SRTP_AEAD_AES_128_GCM',
}

const verdict = newIceVerdict()

export class Endpoint {
  readonly id: EndpointId
  readonly transport: number
  readonly ice: IceLite
  readonly #host: EndpointHost
  readonly #io: MediaIo
  readonly #events: EndpointEvents
  #dtls: DtlsParameters | undefined
  #association: Association | undefined
  #connected = false
  #dtlsStartedMs: number | undefined
  #dtlsConnectedMs: number | undefined
  #srtpProfile = 0
  #peerMaxMessageBytes = Number.POSITIVE_INFINITY
  readonly #data = { received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } }
  #setUpByMs: number
  #closed = false

  /** @param transport of the io @param local the ICE credentials that our SDP carries */
  constructor(nowMs: number, host: EndpointHost, id: EndpointId, transport: number, local: IceCredentials) {
    this.#host = host
    this.#io = host.io
    this.#events = host.events
    this.id = id
    this.transport = transport
    this.ice = new IceLite(local)
    this.#setUpByMs = nowMs + SETUP_TIMEOUT_MS
  }

  get connected(): boolean {
    return this.#connected && !this.#closed
  }

  /** The peer's description is known. DTLS begins with the first; a later one only changes ICE credentials. */
  connect(nowMs: number, remote: IceCredentials, dtls: DtlsParameters, maxMessageBytes?: number): void {
    this.ice.setRemote(nowMs, remote)
    if (maxMessageBytes !== undefined) {
      this.#peerMaxMessageBytes = maxMessageBytes === 0 ? Number.POSITIVE_INFINITY : maxMessageBytes
      this.#association?.limitMessages(this.#peerMaxMessageBytes)
    }
    if (this.#dtls) return
    this.#dtls = dtls
    this.#dtlsStartedMs = nowMs
    this.#setUpByMs = nowMs + SETUP_TIMEOUT_MS
    this.#io.start(this.transport, dtls.role, fingerprintBytes(dtls.fingerprint.value))
  }

  /**
   * A STUN packet that names this endpoint, in row `row` of the batch.
   * @returns a reason from the ICE agent's table when it was ignored, else 0
   */
  stun(nowMs: number, row: number, offset: number, length: number): number {
    const out = this.#io.scratch.length - STUN_SCRATCH_BYTES
    const from = row * Addr.stride
    const wasSilent = this.ice.isSilent
    this.ice.handle(nowMs, this.#io.rx, offset, length, this.#io.addrs, from, this.#io.scratch, out, verdict)
    if (wasSilent && !this.ice.isSilent) this.#events.silence(this, false)
    if (verdict.allow && !this.#take(row, from)) return IceReason.addressTaken
    if (verdict.responseLength > 0) this.#io.reply(row, out, verdict.responseLength)
    return verdict.reason
  }

  /**
   * The io has the last word on addresses: one where another peer is connected stays with that one, whoever checks
   * from there (a source address can be forged). One that was lost to a later check is taken back by the next.
   */
  #take(row: number, from: number): boolean {
    const selects = verdict.select || this.ice.isSelected(this.#io.addrs, from)
    const taken = selects ? this.#io.select(this.transport, row) : this.#io.allow(this.transport, row)
    if (!taken && selects) this.ice.unselect()
    return taken
  }

  /** @param srtpProfile one of `SrtpProfile` */
  dtlsConnected(nowMs: number, srtpProfile: number): void {
    if (this.#connected || this.#closed) return
    this.#connected = true
    this.#dtlsConnectedMs = nowMs
    this.#srtpProfile = srtpProfile
    this.#setUpByMs = Number.POSITIVE_INFINITY
    this.#events.connected(this)
  }

  /** DTLS failed or was ended by the peer. @param reason one of `CloseReason` */
  dtlsClosed(reason: number): void {
    this.#fail(hangupReasons[reason] ?? 'DTLS error')
  }

  /** One decrypted SCTP packet; `flush` has to follow. @param checksumHolds as the io found it */
  data(nowMs: number, offset: number, length: number, checksumHolds: boolean): void {
    this.#data.received.packets++
    this.#data.received.bytes += length
    if (!checksumHolds) {
      this.#host.sctp.counts[SctpReason.checksum]!++
      return
    }
    const { rx } = this.#io
    // Nothing is left of one that ended but its tag. Before the peer begins anew, nothing is sent or queued for it either.
    if (this.#association?.hasEnded && beginsAssociation(rx, offset, length)) this.#association = undefined
    this.#openAssociation(nowMs)?.receive(nowMs, rx, offset, length)
  }

  /**
   * Queues a message on the channel with that label, opening one if need be; `flush` has to follow.
   * @param sender as `Association.send` takes it
   */
  send(
    nowMs: number,
    channel: ChannelParameters,
    binary: boolean,
    payload: Uint8Array,
    sender?: string,
  ): 'sent' | 'dropped' | 'closed' {
    return this.#openAssociation(nowMs)?.send(nowMs, channel, binary, payload, sender) ?? 'closed'
  }

  /**
   * Drops what `send` was given by that sender and what has not begun to leave; `flush` has to follow.
   * @returns how many messages
   */
  discardFrom(sender: string): number {
    return this.#association?.discardFrom(sender) ?? 0
  }

  /** Sends what is left of data channels after a batch. */
  flush(nowMs: number): void {
    this.#association?.flush(nowMs)
  }

  /** Closes the channels with that label, if there are any; the peer is told. `flush` has to follow. */
  closeChannels(label: string): void {
    this.#association?.closeChannels(label)
  }

  /** Does what has become due: timers of its association, consent, the end of waiting for a set-up. */
  expire(nowMs: number): void {
    if (this.#closed) return
    this.#association?.expire(nowMs)
    const wasSilent = this.ice.isSilent
    if (this.ice.expire(nowMs) || nowMs >= this.#setUpByMs) this.#fail('ICE failed')
    else if (this.ice.isSilent !== wasSilent) this.#events.silence(this, this.ice.isSilent)
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    if (this.#closed) return Number.POSITIVE_INFINITY
    return Math.min(this.#setUpByMs, this.ice.deadlineMs, this.#association?.deadlineMs ?? Number.POSITIVE_INFINITY)
  }

  /** Whether there is an association, and what is in it. */
  live(): AssociationFigures & { readonly associations: number } {
    const association = this.#association
    if (!association || association.hasEnded) return { associations: 0, channels: 0, bufferedBytes: 0, heldBytes: 0 }
    return { associations: 1, ...association.live() }
  }

  /** What went through its association so far; undefined without one. */
  traffic(): EndpointFigures['data'] {
    const { received, sent } = this.#data
    return this.#association && { received: { ...received }, sent: { ...sent } }
  }

  /** Its transport: ICE, DTLS and what goes through data channels. */
  info(nowMs: number): Pick<EndpointInfo, 'ice' | 'dtls' | 'data'> {
    const { associations, channels, bufferedBytes } = this.live()
    const srtpProfile = srtpProfileNames[this.#srtpProfile]
    const setUp = this.#dtls ? 'connecting' : 'new'
    return {
      ice: this.ice.info(nowMs),
      dtls: {
        state: this.#connected ? 'connected' : setUp,
        ...(this.#dtls && { role: this.#dtls.role, fingerprint: this.#dtls.fingerprint }),
        ...(srtpProfile !== undefined && { srtpProfile }),
        ...(this.#dtlsStartedMs !== undefined && { startedAgoMs: nowMs - this.#dtlsStartedMs }),
        ...(this.#dtlsConnectedMs !== undefined && { connectedAgoMs: nowMs - this.#dtlsConnectedMs }),
      },
      data: { association: associations > 0, channels, bufferedBytes, ...structuredClone(this.#data) },
    }
  }

  /** Frees everything; no event follows. Twice is harmless. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#association?.close()
    this.#association = undefined
    this.#io.flush()
    this.#io.free(this.transport)
  }

  #fail(reason: HangupReason): void {
    if (this.#closed) return
    this.close()
    this.#events.closed(this, reason)
  }

  /**
   * The association is made when the first packet of either side needs it: most subscribers never do. One that ended is
   * kept, so that what others say does not begin one after the other with a peer that wants none.
   */
  #openAssociation(nowMs: number): Association | undefined {
    if (this.#association || !this.connected || !this.#dtls) return this.#association
    const { limits, sctp } = this.#host
    this.#association = openAssociation({
      host: sctp,
      role: this.#dtls.role,
      nowMs,
      transmit: (bytes) => {
        this.#data.sent.packets++
        this.#data.sent.bytes += bytes.length
        return this.#io.sctpSend(this.transport, bytes, 0, bytes.length)
      },
      events: {
        message: (channel, binary, payload) => this.#events.message(this, channel, binary, payload),
        opened: () => {},
        closed: () => {},
        // Media goes on. The association stays, ended, until the peer begins another.
        failed: () => {},
      },
      limits: { ...limits, maxChannels: MAX_CHANNELS, maxChannelsPerSender: MAX_CHANNELS_PER_SENDER },
    })
    this.#association.limitMessages(this.#peerMaxMessageBytes)
    return this.#association
  }
}

const fingerprintBytes = (value: string) => Uint8Array.from(value.split(':'), (byte) => Number.parseInt(byte, 16))
