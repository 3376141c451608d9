/**
 * The io without sockets and without cryptography, in the virtual time of a `SimulatedNetwork`: for tests of
 * everything above it. It keeps the promises of `MediaIo` and the addon's order of decisions.
 */
import {
  Addr,
  type DtlsRole,
  type IoOptions,
  ioCounterNames,
  Kind,
  LinkKeys,
  MAX_BATCH,
  MAX_DATAGRAM,
  MAX_DTLS_PAYLOAD,
  MAX_TARGETS,
  MAX_WAITED_US,
  type MediaIo,
  Meta,
  type OnBatch,
  PADDING,
  SCRATCH_BYTES,
  SrtpProfile,
  Target,
} from './io.js'
import { SCTP_HEADER_BYTES, sctpChecksumHolds, writeSctpChecksum } from './reference/crc32c.js'
import { readAddress, toFingerprint, writeAddress } from './simulated-address.js'
import { SimulatedDtls } from './simulated-dtls.js'
import type { Datagram, SimulatedAddress, SimulatedNetwork } from './simulated-network.js'
import { type Opened, SimulatedSrtp, sessionOf } from './simulated-srtp.js'
import { type Path, type Transport, TransportTable } from './simulated-transports.js'

const RTP_HEADER_BYTES = 12
const RTP_TAG_BYTES = 16
const RTCP_TRAILER_BYTES = 20
const SHORTEST_STUN = 20
const fingerprintLengths = [32, 48, 64]

type CounterName = (typeof ioCounterNames)[number]
const counterIndex = Object.fromEntries(ioCounterNames.map((name, i) => [name, i])) as Record<CounterName, number>

interface Received {
  arrivedMs: number
  path: Path
  datagram: Datagram
}

/** Opens an io on a simulated network; addresses are IPv4. With a network given, it is an `OpenIo`. */
export function openSimulatedIo(network: SimulatedNetwork, options: IoOptions, onBatch: OnBatch): MediaIo {
  return new SimulatedIo(network, options, onBatch)
}

class SimulatedIo implements MediaIo {
  readonly rx = new Uint8Array(MAX_BATCH * MAX_DATAGRAM)
  readonly meta = new Int32Array(MAX_BATCH * Meta.stride)
  readonly addrs = new Uint8Array(MAX_BATCH * Addr.stride)
  readonly targets = new Uint32Array(MAX_TARGETS * Target.stride)
  readonly scratch = new Uint8Array(SCRATCH_BYTES)
  readonly counters = new Float64Array(ioCounterNames.length)
  readonly fingerprint: string
  #network: SimulatedNetwork
  #onBatch: OnBatch
  #profiles: readonly number[]
  #handshakeTimeoutMs: number
  #transports: TransportTable
  #sockets: SimulatedAddress[] = []
  #inbox: Received[] = []
  /** Transports whose state the clock changed. */
  #expired: Transport[] = []
  #wakeUp: (() => void) | undefined
  /** Rows written, and whose they are. */
  #rows = 0
  #rowPaths: Path[] = []
  /** Rows that the callback may use; 0 outside of it. */
  #deliveringRows = 0
  #closed = false

  constructor(network: SimulatedNetwork, options: IoOptions, onBatch: OnBatch) {
    this.#network = network
    this.#onBatch = onBatch
    this.#profiles = options.srtpProfiles ?? [SrtpProfile.aeadAes128Gcm, SrtpProfile.aes128CmSha1_80]
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? 15_000
    this.#transports = new TransportTable(options.maxTransports ?? 4096)
    this.fingerprint = network.newFingerprint()
  }

  listen(host: string, port: number): { socket: number; port: number } {
    if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) {
      throw Object.assign(new Error(`${host} is not an IPv4 address of the simulated network`), {
        code: 'EADDRNOTAVAIL',
      })
    }
    const socket = this.#sockets.length
    const bound = this.#network.bind({ ip: host, port }, (from, datagram) => this.#receive(socket, from, datagram))
    this.#sockets.push(bound)
    return { socket, port: bound.port }
  }

  listenTcp(): never {
    throw Object.assign(new Error('the simulated network has datagrams only'), { code: 'EPROTONOSUPPORT' })
  }

  bufferBytes(): number {
    return Number.POSITIVE_INFINITY
  }

  // ---- transports

  allocate(): number {
    return this.#transports.allocate()
  }

  allow(id: number, row: number): boolean {
    const path = this.#pathOf(row)
    const transport = this.#find(id)
    return transport !== undefined && this.#transports.addPath(transport, path)
  }

  select(id: number, row: number): boolean {
    if (!this.allow(id, row)) return false
    const transport = this.#find(id)!
    transport.selected = this.#pathOf(row)
    transport.dtls?.begin()
    return true
  }

  start(id: number, role: DtlsRole, fingerprint: Uint8Array): boolean {
    if (!fingerprintLengths.includes(fingerprint.length)) throw new RangeError(`digest of ${fingerprint.length} bytes`)
    const transport = this.#find(id)
    if (!transport) return false
    if (transport.link) return false
    if (transport.dtls) return true
    transport.dtls = new SimulatedDtls({
      network: this.#network,
      role,
      fingerprint: this.fingerprint,
      expected: toFingerprint(fingerprint),
      profiles: this.#profiles,
      handshakeTimeoutMs: this.#handshakeTimeoutMs,
      send: (datagram) => this.#send(transport.selected ?? transport.handshakeFrom, datagram),
      expired: () => {
        this.#expired.push(transport)
        this.#wake()
      },
    })
    if (transport.selected) transport.dtls.begin()
    return true
  }

  link(id: number, addr: Uint8Array, keys: Uint8Array): boolean {
    const path = this.#pathTo(addr)
    if (keys.length !== LinkKeys.bytes) throw new RangeError(`keys of ${keys.length} bytes`)
    const transport = this.#find(id)
    if (!transport || transport.dtls || transport.link || transport.paths.length > 0) return false
    if (!this.#transports.addPath(transport, path)) return false
    transport.selected = path
    const half = (at: number) => new SimulatedSrtp(sessionOf(keys.subarray(at, at + LinkKeys.remote)))
    transport.link = { out: half(LinkKeys.local), in: half(LinkKeys.remote) }
    return true
  }

  free(id: number): void {
    const transport = this.#find(id)
    if (!transport) return
    transport.dtls?.shutdown()
    this.#transports.free(transport)
  }

  // ---- sending

  fanout(source: Uint8Array, offset: number, length: number, headerLength: number, count: number): number {
    if (offset < 0 || length < 0 || offset + length > source.length || headerLength < 0 || headerLength > length) {
      throw new RangeError(`packet at ${offset} + ${length} with a header of ${headerLength} in ${source.length} bytes`)
    }
    if (count < 0 || count > MAX_TARGETS) throw new RangeError(`${count} targets`)
    const payload = source.subarray(offset + headerLength, offset + length)
    let queued = 0
    for (let row = 0; row < count; row++) {
      try {
        if (this.#sendRtp(row * Target.stride, payload)) queued++
      } catch (error) {
        throw Object.assign(error as RangeError, { row })
      }
    }
    return queued
  }

  rtcp(id: number, offset: number, length: number): boolean {
    const bytes = this.#scratchPart(offset, length)
    if (length < 8) throw new RangeError(`RTCP of ${length} bytes`)
    const transport = this.#find(id)
    if (!transport) return false
    const srtp = transport.link?.out ?? transport.dtls?.srtp
    if (!srtp || !transport.selected) return this.#count('send_not_connected')
    if (length + RTCP_TRAILER_BYTES > MAX_DATAGRAM) return this.#count('send_oversize')
    return this.#send(transport.selected, srtp.sealRtcp(bytes.slice()))
  }

  reply(row: number, offset: number, length: number): void {
    this.#sendPlain(this.#pathOf(row), this.#scratchPart(offset, length))
  }

  sendTo(addr: Uint8Array, offset: number, length: number): void {
    this.#sendPlain(this.#pathTo(addr), this.#scratchPart(offset, length))
  }

  sctpSend(id: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const fits = length >= SCTP_HEADER_BYTES && length <= MAX_DTLS_PAYLOAD && offset >= 0
    if (!fits || offset + length > bytes.length) throw new RangeError(`SCTP packet of ${length} bytes at ${offset}`)
    writeSctpChecksum(bytes, offset, offset + length)
    return this.dtlsSend(id, bytes, offset, length)
  }

  dtlsSend(id: number, bytes: Uint8Array, offset: number, length: number): boolean {
    if (length < 1 || length > MAX_DTLS_PAYLOAD || offset < 0 || offset + length > bytes.length) {
      throw new RangeError(`record of ${length} bytes at ${offset} of ${bytes.length}`)
    }
    const transport = this.#find(id)
    if (!transport) return false
    if (transport.dtls?.state !== 'connected' || !transport.selected) return this.#count('send_not_connected')
    return this.#send(transport.selected, transport.dtls.sealData(bytes.subarray(offset, offset + length)))
  }

  /** Nothing waits here: the network has it all as soon as it is sent. */
  flush(): void {}

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      for (const transport of this.#transports.all()) this.free(transport.id)
      for (const address of this.#sockets) this.#network.unbind(address)
      this.#wakeUp?.()
      this.#inbox = []
    }
    return Promise.resolve()
  }

  #sendRtp(at: number, payload: Uint8Array): boolean {
    const { targets } = this
    const transport = this.#find(targets[at + Target.transport]!)
    const markerPt = targets[at + Target.markerPt]!
    const extension = this.#scratchPart(targets[at + Target.extOffset]!, targets[at + Target.extLength]!)
    const prefix = this.#scratchPart(targets[at + Target.prefixOffset]!, targets[at + Target.prefixLength]!)
    const skip = targets[at + Target.skip]!
    if (skip > payload.length || extension.length % 4 !== 0 || (markerPt & ~(PADDING | 0xff)) !== 0)
      throw new RangeError('malformed target')
    if (!transport) return false
    const srtp = transport.link?.out ?? transport.dtls?.srtp
    if (!srtp || !transport.selected) return this.#count('send_not_connected')
    const rest = payload.subarray(skip)
    const length = RTP_HEADER_BYTES + extension.length + prefix.length + rest.length
    if (length + RTP_TAG_BYTES > MAX_DATAGRAM) return this.#count('send_oversize')

    const packet = new Uint8Array(length)
    const header = new DataView(packet.buffer)
    packet[0] = (extension.length > 0 ? 0x90 : 0x80) | (markerPt >> 8)
    packet[1] = markerPt & 0xff
    header.setUint16(2, targets[at + Target.extSeq]! & 0xffff)
    header.setUint32(4, targets[at + Target.timestamp]!)
    header.setUint32(8, targets[at + Target.ssrc]!)
    packet.set(extension, RTP_HEADER_BYTES)
    packet.set(prefix, RTP_HEADER_BYTES + extension.length)
    packet.set(rest, length - rest.length)
    return this.#send(transport.selected, srtp.sealRtp(packet, targets[at + Target.extSeq]!))
  }

  #sendPlain(path: Path, bytes: Uint8Array): void {
    if (bytes.length === 0 || bytes.length > MAX_DATAGRAM) this.#count('send_oversize')
    else this.#send(path, { kind: 'plain', bytes: bytes.slice(), wireBytes: bytes.length, session: 0, index: 0 })
  }

  #send(path: Path | undefined, datagram: Datagram): boolean {
    const from = path && this.#sockets[path.socket]
    if (!path || !from) return this.#count('send_not_connected')
    this.#count('tx_packets')
    this.#count('tx_bytes', datagram.wireBytes)
    this.#network.send(from, path, datagram)
    return true
  }

  // ---- receiving

  #receive(socket: number, from: SimulatedAddress, datagram: Datagram): void {
    this.#inbox.push({ arrivedMs: this.#network.nowMs, path: { socket, ...from }, datagram })
    this.#wake()
  }

  /** One batch holds all that arrives at one instant, or while the host was busy. */
  #wake(): void {
    if (this.#wakeUp || this.#closed) return
    const readsAtMs = () => Math.max(...this.#sockets.map(({ ip }) => this.#network.readsAtMs(ip)))
    this.#wakeUp = this.#network.schedule(readsAtMs(), () => {
      this.#wakeUp = undefined
      if (readsAtMs() > this.#network.nowMs) return this.#wake()
      this.#batch()
      if (this.#inbox.length > 0 || this.#expired.length > 0) this.#wake()
    })
  }

  #batch(): void {
    for (const transport of this.#expired.splice(0, MAX_BATCH)) {
      this.#reportState(
        transport,
        transport.selected ?? transport.handshakeFrom ?? { socket: 0, ip: '0.0.0.0', port: 0 },
      )
    }
    const batch = this.#inbox.splice(0, MAX_BATCH - this.#rows)
    const unknown = batch.filter((received) => this.#sort(received) === 'unknown address')
    this.#deliver()
    // The callback may have allowed the addresses of packets that stood beside their STUN check.
    for (const received of this.#closed ? [] : unknown) {
      if (this.#sort(received, true) === 'unknown address') this.#count('drop_unknown_address')
    }
    this.#deliver()
  }

  /** Makes a row of the datagram, drops it, or says that its address is unknown. */
  #sort({ arrivedMs, path, datagram }: Received, again = false): 'unknown address' | 'sorted' {
    const { kind, bytes } = datagram
    if (!again) {
      this.#count('rx_packets')
      this.#count('rx_bytes', datagram.wireBytes)
    }
    const transport = this.#transports.at(path)
    if (datagram.wireBytes > MAX_DATAGRAM) this.#count('drop_oversize')
    else if (kind === 'plain') this.#sortPlain(path, bytes, transport)
    else if (!transport) return 'unknown address'
    else if (kind === 'rtp' || kind === 'rtcp') {
      const waitedUs = Math.min(Math.round((this.#network.nowMs - arrivedMs) * 1000), MAX_WAITED_US)
      this.#open(kind, path, datagram, transport, waitedUs)
    } else this.#dtls(path, datagram, transport)
    return 'sorted'
  }

  #sortPlain(path: Path, bytes: Uint8Array, transport: Transport | undefined): void {
    if (bytes.length === 0 || bytes[0]! > 3) this.#count('drop_unknown_class')
    else if (bytes.length < SHORTEST_STUN) this.#count('drop_short')
    else this.#row(Kind.stun, path, transport?.id ?? -1, 0, bytes)
  }

  #open(kind: 'rtp' | 'rtcp', path: Path, datagram: Datagram, transport: Transport, waitedUs: number): void {
    const srtp = transport.link?.in ?? (transport.dtls?.state === 'connected' ? transport.dtls.srtp : undefined)
    if (!srtp) return void this.#count('drop_not_connected')
    const opened: Opened =
      kind === 'rtcp' ? srtp.openRtcp(datagram) : srtp[transport.link ? 'openLink' : 'openRtp'](datagram)
    if (opened === 'ok') this.#row(Kind[kind], path, transport.id, 0, datagram.bytes, waitedUs)
    else if (opened === 'ssrc_limit') this.#count('drop_srtp_ssrc_limit')
    else this.#count(`drop_s${kind}_${opened}`)
  }

  #dtls(path: Path, datagram: Datagram, transport: Transport): void {
    const { dtls } = transport
    if (!dtls) return void this.#count('drop_dtls_not_started')
    if (dtls.state === 'handshaking') transport.handshakeFrom = path
    if (!dtls.receive(datagram)) return void this.#count('drop_dtls_error')
    if (datagram.kind === 'data') {
      const holds = sctpChecksumHolds(datagram.bytes, 0, datagram.bytes.length)
      this.#row(Kind.data, path, transport.id, holds ? 1 : 0, datagram.bytes)
    } else this.#reportState(transport, path)
  }

  #reportState(transport: Transport, path: Path): void {
    const { dtls } = transport
    if (!dtls || this.#transports.find(transport.id) !== transport || dtls.state === transport.reported) return
    transport.reported = dtls.state
    if (dtls.state === 'connected') this.#row(Kind.connected, path, transport.id, dtls.profile)
    if (dtls.state === 'closed') this.#row(Kind.closed, path, transport.id, dtls.closeReason)
  }

  #row(kind: number, path: Path, transport: number, extra: number, bytes?: Uint8Array, waitedUs = 0): void {
    const at = this.#rows * Meta.stride
    const offset = this.#rows * MAX_DATAGRAM
    if (bytes) this.rx.set(bytes, offset)
    this.meta[at + Meta.offset] = offset
    this.meta[at + Meta.length] = bytes?.length ?? 0
    this.meta[at + Meta.kind] = kind
    this.meta[at + Meta.transport] = transport
    this.meta[at + Meta.extra] = extra
    this.meta[at + Meta.socket] = path.socket
    this.meta[at + Meta.waitedUs] = waitedUs
    writeAddress(this.addrs, this.#rows * Addr.stride, path)
    this.#rowPaths[this.#rows++] = path
  }

  #deliver(): void {
    if (this.#rows === 0 || this.#closed) return
    const rows = this.#rows
    this.#deliveringRows = rows
    try {
      this.#onBatch(rows, this.#network.nowMs)
    } finally {
      this.#deliveringRows = 0
      this.#rows = 0
    }
    // These bytes are valid during the callback only: whoever looks later shall notice.
    this.rx.fill(0xdb, 0, rows * MAX_DATAGRAM)
  }

  // ---- checks

  #find(id: number): Transport | undefined {
    const transport = this.#transports.find(id)
    if (!transport) this.#count('stale_id')
    return transport
  }

  #pathOf(row: number): Path {
    if (!Number.isInteger(row) || row < 0 || row >= this.#deliveringRows) throw new RangeError(`no row ${row}`)
    return this.#rowPaths[row]!
  }

  #pathTo(addr: Uint8Array): Path {
    const path = readAddress(addr)
    if (!this.#sockets[path.socket]) throw new RangeError(`no socket ${path.socket}`)
    return path
  }

  #scratchPart(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || offset + length > SCRATCH_BYTES) {
      throw new RangeError(`${length} bytes at ${offset} of the scratch`)
    }
    return this.scratch.subarray(offset, offset + length)
  }

  #count(name: CounterName, amount = 1): false {
    this.counters[counterIndex[name]]! += amount
    return false
  }
}
