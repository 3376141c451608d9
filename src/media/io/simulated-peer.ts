/**
 * A client end on the simulated network: what a browser is to the server, without its media engine. It sends
 * whatever a test hands it and tells what arrives.
 */
import { CloseReason, type DtlsRole, SrtpProfile } from './io.js'
import { SCTP_HEADER_BYTES, writeSctpChecksum } from './reference/crc32c.js'
import { toDigest } from './simulated-address.js'
import { SimulatedDtls } from './simulated-dtls.js'
import type { Datagram, SimulatedAddress, SimulatedNetwork } from './simulated-network.js'
import { nearest } from './simulated-srtp.js'

/** An RTP packet that arrived, taken apart. */
export interface ReceivedRtp {
  atMs: number
  pt: number
  marker: boolean
  seq: number
  /** ROC << 16 | seq, as the receiver's SRTP knows it. */
  extSeq: number
  timestamp: number
  ssrc: number
  /** The extension block with its 4-byte head; empty without one. */
  extension: Uint8Array
  payload: Uint8Array
  /** The whole packet. */
  bytes: Uint8Array
}

export interface PeerEvents {
  /** STUN, or whatever else came in the clear. */
  plain?(bytes: Uint8Array, from: SimulatedAddress): void
  rtp?(packet: ReceivedRtp): void
  rtcp?(bytes: Uint8Array): void
  /** One DTLS record: an SCTP packet. */
  data?(bytes: Uint8Array): void
  connected?(profile: number): void
  /** One of `CloseReason`. */
  closed?(reason: number): void
}

export interface PeerOptions {
  ip: string
  /** Default: any. */
  port?: number
  events?: PeerEvents
  profiles?: readonly number[]
  handshakeTimeoutMs?: number
}

export class SimulatedPeer {
  /** Its certificate's. */
  readonly fingerprint: string
  readonly events: PeerEvents
  /** Datagrams of the io that did not open, by reason. */
  readonly drops: Record<string, number> = {}
  #network: SimulatedNetwork
  #options: PeerOptions
  #address: SimulatedAddress
  #remote: SimulatedAddress | undefined
  #dtls: SimulatedDtls | undefined
  #reported: SimulatedDtls['state'] = 'handshaking'
  /** Highest index sent, by SSRC. */
  #sent = new Map<number, number>()

  constructor(network: SimulatedNetwork, options: PeerOptions) {
    this.#network = network
    this.#options = options
    this.events = options.events ?? {}
    this.fingerprint = network.newFingerprint()
    this.#address = this.#bind(options.ip, options.port ?? 0)
  }

  get address(): SimulatedAddress {
    return this.#address
  }

  get connected(): boolean {
    return this.#dtls?.state === 'connected'
  }

  /** As `MediaIo.start` takes it. */
  get digest(): Uint8Array {
    return toDigest(this.fingerprint)
  }

  /** Sends bytes in the clear: a connectivity check, or rubbish. */
  sendPlain(to: SimulatedAddress, bytes: Uint8Array): void {
    const plain = { kind: 'plain', bytes: bytes.slice(), wireBytes: bytes.length, session: 0, index: 0 } as const
    this.#network.send(this.#address, to, plain)
  }

  /**
   * Begins DTLS with the io at `remote`: as client at once, as server when its hello comes.
   * @param fingerprint of the io's certificate, as in its SDP
   */
  start(role: DtlsRole, fingerprint: string, remote: SimulatedAddress): void {
    this.#remote = remote
    this.#dtls = new SimulatedDtls({
      network: this.#network,
      role,
      fingerprint: this.fingerprint,
      expected: fingerprint,
      profiles: this.#options.profiles ?? [SrtpProfile.aeadAes128Gcm, SrtpProfile.aes128CmSha1_80],
      handshakeTimeoutMs: this.#options.handshakeTimeoutMs ?? 15_000,
      send: (datagram) => this.#send(datagram),
      expired: () => this.#report(),
    })
    this.#dtls.begin()
  }

  /**
   * Sends an RTP packet. Its rollover counter follows from the packets of its SSRC so far.
   * @throws Error when not connected
   */
  sendRtp(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const [seq, ssrc] = [view.getUint16(2), view.getUint32(8)]
    const highest = this.#sent.get(ssrc)
    const index = highest === undefined ? seq : nearest(highest, seq)
    this.#sent.set(ssrc, Math.max(index, highest ?? 0))
    this.#send(this.#srtp().sealRtp(bytes.slice(), index))
  }

  /** Sends compound RTCP. @throws Error when not connected */
  sendRtcp(bytes: Uint8Array): void {
    this.#send(this.#srtp().sealRtcp(bytes.slice()))
  }

  /** Sends one SCTP packet, whose checksum is put into `bytes`. @throws Error when not connected */
  sendData(bytes: Uint8Array): void {
    if (bytes.length >= SCTP_HEADER_BYTES) writeSctpChecksum(bytes, 0, bytes.length)
    this.sendRecord(bytes)
  }

  /** Sends one DTLS record as it is. @throws Error when not connected */
  sendRecord(bytes: Uint8Array): void {
    if (this.#dtls?.state !== 'connected') throw new Error('not connected')
    this.#send(this.#dtls.sealData(bytes))
  }

  /** Goes on from another address, as after a change of network: what is under way to the old one is lost. */
  moveTo(ip: string, port = 0): void {
    this.#network.unbind(this.#address)
    this.#address = this.#bind(ip, port)
  }

  /** Vanishes without a word, as when the power goes. */
  vanish(): void {
    this.#network.unbind(this.#address)
    this.#remote = undefined
    this.#dtls?.shutdown()
  }

  /** Leaves with a close_notify. Twice is harmless. */
  close(): void {
    this.#dtls?.shutdown()
    this.vanish()
  }

  #bind(ip: string, port: number): SimulatedAddress {
    return this.#network.bind({ ip, port }, (from, datagram) => this.#receive(from, datagram))
  }

  #send(datagram: Datagram): void {
    if (this.#remote) this.#network.send(this.#address, this.#remote, datagram)
  }

  #srtp() {
    const srtp = this.connected ? this.#dtls?.srtp : undefined
    if (!srtp) throw new Error('not connected')
    return srtp
  }

  #receive(from: SimulatedAddress, datagram: Datagram): void {
    const { kind, bytes } = datagram
    if (kind === 'plain') return this.events.plain?.(bytes, from)
    if (kind === 'rtp' || kind === 'rtcp') return this.#open(kind, datagram)
    if (!this.#dtls?.receive(datagram)) return this.#drop(`dtls_${kind}`)
    if (kind === 'data') this.events.data?.(bytes)
    this.#report()
  }

  #open(kind: 'rtp' | 'rtcp', datagram: Datagram): void {
    if (!this.connected) return this.#drop('not_connected')
    const srtp = this.#srtp()
    const opened = kind === 'rtp' ? srtp.openRtp(datagram) : srtp.openRtcp(datagram)
    if (opened !== 'ok') this.#drop(`s${kind}_${opened}`)
    else if (kind === 'rtp') this.events.rtp?.(takeApart(datagram, this.#network.nowMs))
    else this.events.rtcp?.(datagram.bytes)
  }

  #report(): void {
    const dtls = this.#dtls
    if (!dtls || dtls.state === this.#reported) return
    this.#reported = dtls.state
    if (dtls.state === 'connected') this.events.connected?.(dtls.profile)
    if (dtls.state === 'closed') this.events.closed?.(dtls.closeReason || CloseReason.alert)
  }

  #drop(reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1
  }
}

function takeApart({ bytes, index }: Datagram, atMs: number): ReceivedRtp {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blockAt = 12 + (bytes[0]! & 0x0f) * 4
  const payloadAt = blockAt + ((bytes[0]! & 0x10) !== 0 ? 4 + view.getUint16(blockAt + 2) * 4 : 0)
  const padded = (bytes[0]! & 0x20) !== 0
  return {
    atMs,
    pt: bytes[1]! & 0x7f,
    marker: (bytes[1]! & 0x80) !== 0,
    seq: view.getUint16(2),
    extSeq: index,
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    extension: bytes.subarray(blockAt, payloadAt),
    payload: bytes.subarray(payloadAt, padded ? Math.max(payloadAt, bytes.length - bytes.at(-1)!) : bytes.length),
    bytes,
  }
}
