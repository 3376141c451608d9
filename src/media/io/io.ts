/**
 * The seam between the packet loop and the bytes: what `binding.ts` (the native addon) and
 * `simulated.ts` (no sockets, virtual time) both provide.
 *
 * One batch at a time. The callback given to `open` receives a row count; until it returns, rows
 * 0…count−1 of `meta` and `addrs`, and the bytes of `rx` they point at, are valid. Nothing in them
 * survives the callback: what must live on is copied.
 *
 * No method throws on hostile input. Methods throw RangeError on a caller's mistake (an offset past the
 * end, a malformed id); a transport that was freed meanwhile is not a mistake: the call does nothing,
 * returns 0 or false, and is counted as `stale_id`.
 */

/** Int32 columns of one row of `meta`. */
export const Meta = {
  /** Byte offset of the packet in `rx`. */
  offset: 0,
  /** Length in bytes. For decrypted SRTP/SRTCP: without tag and index. */
  length: 1,
  /** One of `Kind`. */
  kind: 2,
  /** Transport id the source address belongs to, or −1 if no ICE check from it has passed. */
  transport: 3,
  /** Kind-dependent: SRTP profile for `connected`, `CloseReason` for `closed`; 0 otherwise. */
  extra: 4,
  /** Index of the local socket, as `listen` returned it. */
  socket: 5,
  /**
   * RTP and RTCP: how many µs it had waited in its socket when the batch was handed over, at most `MAX_WAITED_US` (it may have been
   * longer). 0 when that is not known (TCP, a system that does not tell). What is told to a sender about arrivals is about its
   * network and not about how busy this program is.
   */
  waitedUs: 6,
  stride: 8,
} as const

export const MAX_WAITED_US = 1_000_000

/** What a row of `meta` is. */
export const Kind = {
  stun: 0,
  /** Authenticated and decrypted RTP: header, then clear payload. */
  rtp: 1,
  /** Authenticated and decrypted compound RTCP. */
  rtcp: 2,
  /** One DTLS application-data record: an SCTP packet. `Meta.extra` is 1 when its checksum (CRC-32C) is right, else 0. */
  data: 3,
  /** The DTLS handshake completed and the peer's certificate matched the fingerprint. */
  connected: 4,
  /** DTLS ended; see `CloseReason`. Comes at most once per transport and never after `free`. */
  closed: 5,
} as const

/** `Meta.extra` of a `closed` row. */
export const CloseReason = {
  /** close_notify, or a fatal alert after the handshake. */
  alert: 1,
  /** The peer's certificate does not have the fingerprint given to `start`. */
  fingerprint: 2,
  /** The handshake failed: alert, no common cipher, malformed flight. */
  handshake: 3,
  /** The handshake did not finish in time (`handshakeTimeoutMs`). */
  timeout: 4,
} as const

/**
 * `Meta.extra` of a `connected` row (RFC 5764 and RFC 7714 profile numbers). `none`: the peer offered no profile of
 * ours, so that there are data channels only; RTP and RTCP to it are counted `send_not_connected`.
 */
export const SrtpProfile = { none: 0x0000, aes128CmSha1_80: 0x0001, aeadAes128Gcm: 0x0007 } as const

/**
 * One row of `addrs`, 24 bytes: where the packet of the same row came from.
 *
 * ```
 *  0       1       2       3       4                     20      24
 * +-------+-------+---------------+---------------------+-------+
 * | 4|6   |socket | port (BE)     | address, 16 bytes   | zero  |    an IPv4 address takes the first 4
 * +-------+-------+---------------+---------------------+-------+
 * ```
 */
export const Addr = { family: 0, socket: 1, port: 2, ip: 4, stride: 24 } as const

/** Uint32 columns of one row of `targets`: one outgoing RTP packet each. */
export const Target = {
  transport: 0,
  ssrc: 1,
  /** Second byte of the RTP header: marker bit and payload type. `PADDING` beside it sets the padding bit before it. */
  markerPt: 2,
  /** ROC << 16 | sequence number. The caller owns it, so sending keeps no state. */
  extSeq: 3,
  timestamp: 4,
  /** Header-extension block in `scratch`, with its 4-byte profile/length word; length 0 = none. Multiple of 4. */
  extOffset: 5,
  extLength: 6,
  /** Bytes in `scratch` put before the payload (RTX original sequence number, a rewritten descriptor). */
  prefixOffset: 7,
  prefixLength: 8,
  /** Payload bytes left out at the front (what `prefix` replaces). */
  skip: 9,
  stride: 12,
} as const

/** What `fanout` throws when a row is wrong: the rows before `row` were queued, those from it on were not. */
export interface TargetError extends RangeError {
  row: number
}

/**
 * Keys of a linked transport, for AEAD_AES_128_GCM (RFC 7714 §12); the other end has the halves the other way round.
 *
 * ```
 *  0           16          28           44           56
 * +-----------+-----------+------------+------------+
 * | local key | and salt  | remote key | and salt   |
 * +-----------+-----------+------------+------------+
 * ```
 */
export const LinkKeys = { local: 0, remote: 28, bytes: 56 } as const

/** In `Target.markerPt`: the payload ends with padding, whose last byte says how long it is (RFC 3550 §5.1). */
export const PADDING = 0x2000

export const MAX_BATCH = 128
/** Rows that `targets` holds; `fanout` takes at most this many at once. */
export const MAX_TARGETS = 4096
export const SCRATCH_BYTES = 256 * 1024
/** The end of scratch, for STUN responses; what comes before it belongs to the forwarder (`forward/outbox.ts`). */
export const STUN_SCRATCH_BYTES = 16 * 1024
/** Larger datagrams are dropped on receive and never built on send. */
export const MAX_DATAGRAM = 1500
/** Longest DTLS application-data payload that `dtlsSend` takes. */
export const MAX_DTLS_PAYLOAD = 1280

/**
 * Counters of the io, in the order of `counters`: packets, bytes and every reason to drop.
 * `rx_`/`tx_` count datagrams; `drop_…` are reasons for received datagrams, `send_…` for outgoing ones.
 */
export const ioCounterNames = [
  'rx_packets',
  'rx_bytes',
  'rx_overflow',
  'tx_packets',
  'tx_bytes',
  'drop_oversize',
  'drop_short',
  'drop_unknown_class',
  'drop_unknown_address',
  'drop_dtls_not_started',
  'drop_dtls_error',
  'drop_not_connected',
  'drop_srtp_auth',
  'drop_srtp_replay',
  'drop_srtp_malformed',
  'drop_srtp_ssrc_limit',
  'drop_srtcp_auth',
  'drop_srtcp_replay',
  'drop_srtcp_malformed',
  'send_not_connected',
  'send_oversize',
  'send_queue_full',
  'send_error',
  'send_again',
  'tcp_opened',
  'tcp_closed',
  'tcp_refused',
  'tcp_expired',
  'tcp_stalled',
  'tcp_malformed',
  'send_tcp_full',
  'stale_id',
] as const

export type DtlsRole = 'client' | 'server'

export interface MediaIo {
  readonly rx: Uint8Array
  readonly meta: Int32Array
  readonly addrs: Uint8Array
  /** Written by the caller before `fanout`. */
  readonly targets: Uint32Array
  /** Written by the caller: extension blocks, prefixes, RTCP and STUN bytes to send. */
  readonly scratch: Uint8Array
  /** Monotonic totals in the order of `ioCounterNames`, updated in place. */
  readonly counters: Float64Array
  /** SHA-256 of this io's DTLS certificate, upper-case hex with colons, as SDP writes it. */
  readonly fingerprint: string

  /**
   * Binds a UDP socket. `host` is an IPv4 or IPv6 literal, `port` 0–65535 (0 = any).
   * @returns socket index and the bound port
   * @throws Error with `code` as from the system (EADDRINUSE, EACCES, EADDRNOTAVAIL) and a one-line message
   */
  listen(host: string, port: number): { socket: number; port: number }
  /**
   * The same for TCP. Each connection made to it is an address like any other, and what comes over it is framed as RFC
   * 4571 says. One whose address belongs to no transport is closed after 10 s, one that is silent after a minute.
   */
  listenTcp(host: string, port: number): { socket: number; port: number }
  /** What the system lets wait in a UDP socket each way, in bytes, the lesser; 0 when there is no such socket. */
  bufferBytes(socket: number): number

  /** A new transport, or −1 when none is free. Ids carry a generation: a freed id never means another transport. */
  allocate(): number
  /**
   * From now on, datagrams from the address of `row` (of this batch) belong to `id`. At most 8 addresses each; the
   * oldest unselected goes.
   * @returns false when another transport is connected, or has heard a handshake, on that address: it stays there
   */
  allow(id: number, row: number): boolean
  /** Sends everything of `id` to the address of `row` (of this batch); implies `allow`. */
  select(id: number, row: number): boolean
  /**
   * Begins DTLS. As client it sends the ClientHello when an address is selected (now or later); as server it
   * waits. `fingerprint` is the digest the peer's certificate must have: 32 (SHA-256), 48 or 64 bytes.
   * Starting twice does nothing.
   */
  start(id: number, role: DtlsRole, fingerprint: Uint8Array): boolean
  /**
   * Makes `id` a transport of which both ends are ours: it sends to the address laid out like a row of `addrs` (`socket`
   * says from which of ours), and what comes from there is its, under the keys that both ends were given. There is no ICE
   * and no DTLS on it, and no other transport gets the address. `keys` is laid out as `LinkKeys` says. `Target.extSeq` is
   * below 2^16 on it, and SSRCs only grow: both together number the packets, of which any may be lost.
   * @returns false when `id` has begun anything else, or the address is another transport's
   */
  link(id: number, addr: Uint8Array, keys: Uint8Array): boolean
  /** Sends close_notify if connected, frees everything, forgets its addresses. No row of it follows. */
  free(id: number): void

  /**
   * Sends `count` RTP packets, one per row of `targets`, made of the payload of one received packet:
   * `source[offset + headerLength + skip … offset + length)`. Header and seal are written per row.
   * @returns how many were queued; the rest is counted (`send_not_connected`, `send_oversize`, `stale_id`)
   * @throws TargetError for a row that no caller may write
   */
  fanout(source: Uint8Array, offset: number, length: number, headerLength: number, count: number): number
  /** Seals and sends compound RTCP from `scratch`; the SRTCP index is the io's. */
  rtcp(id: number, offset: number, length: number): boolean
  /** Sends plain bytes from `scratch` to the address of `row` (STUN responses). */
  reply(row: number, offset: number, length: number): void
  /**
   * Sends plain bytes from `scratch` to an address laid out like a row of `addrs` (`socket` says from which of
   * ours): how a client end (tests, the load generator) sends its first connectivity check.
   */
  sendTo(addr: Uint8Array, offset: number, length: number): void
  /**
   * Sends one SCTP packet as a DTLS record: the common header's 12 bytes to MAX_DTLS_PAYLOAD. Its checksum is put into
   * `bytes` here, in the place that SCTP has for it.
   */
  sctpSend(id: number, bytes: Uint8Array, offset: number, length: number): boolean
  /** Sends one DTLS application-data record as it is, 1 to MAX_DTLS_PAYLOAD bytes. */
  dtlsSend(id: number, bytes: Uint8Array, offset: number, length: number): boolean

  /** Sends what is queued. Also happens after each batch callback and before the event loop sleeps. */
  flush(): void
  /** Closes sockets and all transports; resolves when no native handle is left. Twice is harmless. */
  close(): Promise<void>
}

/**
 * Takes a batch: rows 0 … count − 1 of `meta` and `addrs`. `nowMs` is the monotonic clock of the io, in ms from any
 * beginning (natively CLOCK_MONOTONIC, as `process.hrtime`).
 * @returns false when nothing was put off (`process.nextTick`, promises): the io need not see to it then. Anything else: it does
 */
export type OnBatch = (count: number, nowMs: number) => unknown

/** Opens an io. `onBatch` runs on the event loop's thread, never from inside another method of the io. */
export type OpenIo = (options: IoOptions, onBatch: OnBatch) => MediaIo

export interface IoOptions {
  /** Most transports at once; default 4096. */
  maxTransports?: number
  /** SRTP profiles in order of preference as DTLS server; default GCM, then AES_CM_SHA1_80. Empty: no SRTP. */
  srtpProfiles?: readonly number[]
  /** Default 15,000. */
  handshakeTimeoutMs?: number
}
