/**
 * The ICE-lite agent of one endpoint (RFC 8445 §2.5): answers the peer's connectivity checks, says which address is
 * allowed and which is selected, and knows when consent ran out (RFC 7675). Pure: time and bytes are arguments.
 *
 * A lite agent is always controlled, never sends a check, and follows the peer's nomination.
 */
import type { EndpointInfo, IceCredentials, SocketAddress } from '../control.js'
import { Addr } from '../io/io.js'
import { readStun, StunClass, StunMethod, StunView, verifyFingerprint, verifyIntegrity } from './stun.js'
import { MAX_STUN_RESPONSE_BYTES, type StunErrorCode, writeBindingError, writeBindingSuccess } from './stun-write.js'
import { Seen, Transactions } from './transactions.js'

/**
 * Without a valid check for this long, the peer counts as silent. Browsers check every 2.5–5 s, and a vanished user has to
 * be gone for the others within 20 s.
 */
export const SILENCE_MS = 15_000
/**
 * Without a valid check for this long, consent is lost; RFC 7675 §5.1 allows 30 s. It is more than silence takes, because that is
 * about when browsers give up and restart ICE.
 */
export const CONSENT_TIMEOUT_MS = 20_000
/** However often ICE is restarted: without a valid check for this long, consent is lost (RFC 7675 §5.1). */
export const CONSENT_MAX_MS = 30_000
/** From the peer's description to its first valid check. */
export const CONNECT_TIMEOUT_MS = 20_000

/** Why a check was not accepted; the index into `iceReasonNames`. */
export const IceReason = {
  accepted: 0,
  malformed: 1,
  notARequest: 2,
  fingerprint: 3,
  username: 4,
  integrity: 5,
  badAttribute: 6,
  unknownAttribute: 7,
  roleConflict: 8,
  ended: 9,
  /** Another transport has its connection on that address: set by the endpoint, which asks the io. */
  addressTaken: 10,
  /** A check that came from another address before: somebody sends a captured one again. */
  replayed: 11,
} as const

/** Names for metrics (`drop_stun_…`), in the order of `IceReason`. */
export const iceReasonNames = [
  'accepted',
  'malformed',
  'not_request',
  'fingerprint',
  'username',
  'integrity',
  'bad_attribute',
  'unknown_attribute',
  'role_conflict',
  'ended',
  'address_taken',
  'replayed',
] as const

/** What the agent thinks of one received STUN message. Made once by the caller and filled again. */
export interface IceVerdict {
  /** Bytes of the response in `out`; 0 = do not answer. */
  responseLength: number
  /** The check was valid: datagrams from its address belong to this endpoint (`MediaIo.allow`). */
  allow: boolean
  /** Send everything to its address from now on (`MediaIo.select`). Implies `allow`. */
  select: boolean
  /** One of `IceReason`. */
  reason: number
}

export const newIceVerdict = (): IceVerdict => ({ responseLength: 0, allow: false, select: false, reason: 0 })

export type IceState = 'new' | 'checking' | 'connected' | 'failed'

interface LocalCredentials {
  ufrag: Uint8Array
  pwd: string
}

const encodeLocal = (credentials: IceCredentials): LocalCredentials => ({
  ufrag: Buffer.from(credentials.ufrag, 'latin1'),
  pwd: credentials.pwd,
})

/** One view for all agents of the process: `handle` is not re-entrant and keeps nothing in it. */
const view = new StunView()

export class IceLite {
  #state: IceState = 'new'
  #local: LocalCredentials
  /** After a restart, until a check with the new credentials passes. */
  #formerLocal: LocalCredentials | undefined
  #remoteUfrag: Uint8Array | undefined
  /** After the peer's restart, until a check with its new ufrag passes. */
  #formerRemoteUfrag: Uint8Array | undefined
  /** The peer has not yet described itself for our present credentials: its half of USERNAME is not known. */
  #awaitsRemote = true
  #deadlineMs = Number.POSITIVE_INFINITY
  #isSilent = false
  #silentAtMs = Number.POSITIVE_INFINITY
  /** When the first check passed. */
  #connectedMs: number | undefined
  /** When the last check came that was consent. */
  #checkedMs = Number.NEGATIVE_INFINITY
  #hasSelected = false
  readonly #selected = new Uint8Array(Addr.stride)
  readonly #transactions = new Transactions()

  constructor(local: IceCredentials) {
    this.#local = encodeLocal(local)
  }

  get state(): IceState {
    return this.#state
  }

  /** It was connected, and no new check has come for `SILENCE_MS`. */
  get isSilent(): boolean {
    return this.#isSilent
  }

  /**
   * The peer's credentials, from its description. Other ones than before are an ICE restart of the peer: checks with
   * the old ufrag stay valid until one with the new ufrag passes, and the peer gets more time for that one.
   */
  setRemote(nowMs: number, remote: IceCredentials): void {
    const ufrag = Buffer.from(remote.ufrag, 'latin1')
    const isNew = this.#remoteUfrag === undefined || !Buffer.from(this.#remoteUfrag).equals(ufrag)
    this.#awaitsRemote = false
    if (!isNew || this.#state === 'failed') return
    this.#formerRemoteUfrag = this.#remoteUfrag
    this.#remoteUfrag = ufrag
    this.#extend(nowMs)
    if (this.#state === 'connected' && !this.#isSilent) this.#silentAtMs = nowMs + SILENCE_MS
  }

  /**
   * New local credentials (ICE restart). The old ones stay valid until a check with the new ones passes. It is our doing and no sign
   * of life: when the peer counts as silent does not change.
   */
  restart(nowMs: number, local: IceCredentials): void {
    if (this.#state === 'failed') return
    this.#formerLocal = this.#local
    this.#local = encodeLocal(local)
    this.#awaitsRemote = true
    if (this.#state !== 'new') this.#extend(nowMs)
  }

  /**
   * Gives the peer time for checks with new credentials. Once it is connected, the end is reckoned from its last check: signalling is
   * no consent, and would otherwise keep media going to an address that has not asked for it, for as long as restarts come.
   */
  #extend(nowMs: number): void {
    if (this.#state === 'new') this.#state = 'checking'
    if (this.#state !== 'connected') {
      this.#deadlineMs = nowMs + CONNECT_TIMEOUT_MS
      return
    }
    this.#deadlineMs = Math.min(nowMs + CONSENT_TIMEOUT_MS, this.#checkedMs + CONSENT_MAX_MS)
  }

  /**
   * Judges one STUN message and writes the response, if there is one.
   * @param addrs the io's address rows; the message's own row starts at `addrOffset`
   * @param out takes up to `MAX_STUN_RESPONSE_BYTES` at `outOffset`
   * @throws RangeError when `out` has no room for a response
   */
  handle(
    nowMs: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    addrs: Uint8Array,
    addrOffset: number,
    out: Uint8Array,
    outOffset: number,
    verdict: IceVerdict,
  ): void {
    if (outOffset < 0 || outOffset + MAX_STUN_RESPONSE_BYTES > out.length)
      throw new RangeError('no room for a response')
    verdict.responseLength = 0
    verdict.allow = false
    verdict.select = false

    const local = this.#authenticate(bytes, offset, length, verdict)
    if (local === undefined) return
    // From here on the sender knows our password: it may be answered, even with more bytes than it sent.
    verdict.reason = reasonToRefuse()
    const { transactionIdOffset } = view
    const seen = this.#transactions.see(bytes, transactionIdOffset, addrs, addrOffset)
    if (seen === Seen.elsewhere) {
      verdict.reason = IceReason.replayed
      return
    }
    const code = refusals[verdict.reason]
    if (code !== undefined) {
      verdict.responseLength = writeBindingError(out, outOffset, bytes, view, code, local.pwd)
      return
    }
    this.#accept(local, bytes)
    if (seen === Seen.first) this.#consented(nowMs)
    verdict.allow = true
    // Nor does a nomination that comes again move anything: with a forged source it would take the peer's media elsewhere.
    verdict.select = (seen === Seen.first || !this.#hasSelected) && this.#selects(addrs, addrOffset)
    verdict.responseLength = writeBindingSuccess(out, outOffset, bytes, view, addrs, addrOffset, local.pwd)
  }

  /** Fills `view` and returns the credentials that the request was made for, or sets the reason to stay silent. */
  #authenticate(bytes: Uint8Array, offset: number, length: number, verdict: IceVerdict): LocalCredentials | undefined {
    verdict.reason = IceReason.ended
    if (this.#state === 'failed') return undefined
    verdict.reason = IceReason.malformed
    if (!readStun(bytes, offset, length, view)) return undefined
    verdict.reason = IceReason.notARequest
    if (view.class !== StunClass.request || view.method !== StunMethod.binding) return undefined
    verdict.reason = IceReason.fingerprint
    if (!verifyFingerprint(bytes, offset, view)) return undefined
    verdict.reason = IceReason.username
    const local = this.#addressed(bytes)
    if (local === undefined) return undefined
    verdict.reason = IceReason.integrity
    return verifyIntegrity(bytes, offset, view, local.pwd) ? local : undefined
  }

  /** The local credentials whose ufrag USERNAME starts with, if the rest of it is the peer's. */
  #addressed(bytes: Uint8Array): LocalCredentials | undefined {
    for (const local of [this.#local, this.#formerLocal]) {
      if (local === undefined || !usernameStartsWith(bytes, local.ufrag)) continue
      const at = local.ufrag.length + 1
      if (this.#remoteUfrag === undefined || (this.#awaitsRemote && local === this.#local)) return local
      if (usernameEndsWith(bytes, at, this.#remoteUfrag) || usernameEndsWith(bytes, at, this.#formerRemoteUfrag)) {
        return local
      }
    }
    return undefined
  }

  #accept(local: LocalCredentials, bytes: Uint8Array): void {
    if (local === this.#local) {
      this.#formerLocal = undefined
      if (usernameEndsWith(bytes, local.ufrag.length + 1, this.#remoteUfrag)) this.#formerRemoteUfrag = undefined
    }
  }

  /**
   * A lite agent sends no consent checks of its own (RFC 7675 §4); the peer's, which it makes anew each time, say as much. One
   * that comes again says nothing: it would keep a peer alive, and sent to, that has long gone.
   */
  #consented(nowMs: number): void {
    this.#state = 'connected'
    this.#connectedMs ??= nowMs
    this.#checkedMs = nowMs
    this.#deadlineMs = nowMs + CONSENT_TIMEOUT_MS
    this.#isSilent = false
    this.#silentAtMs = nowMs + SILENCE_MS
  }

  /** Whether the address of this valid check becomes the selected one; remembers it. */
  #selects(addrs: Uint8Array, addrOffset: number): boolean {
    if (this.#hasSelected && (!view.useCandidate || this.isSelected(addrs, addrOffset))) return false
    this.#hasSelected = true
    for (let i = 0; i < Addr.stride; i++) this.#selected[i] = addrs[addrOffset + i]!
    return true
  }

  /** The io refused the address that `handle` last selected: the next valid check selects again. */
  unselect(): void {
    this.#hasSelected = false
  }

  /** Whether the address row at `addrOffset` (family, socket, port and address) is the selected one. */
  isSelected(addrs: Uint8Array, addrOffset: number): boolean {
    if (!this.#hasSelected) return false
    const ipEnd = Addr.ip + (this.#selected[Addr.family] === 6 ? 16 : 4)
    for (let i = 0; i < ipEnd; i++) if (addrs[addrOffset + i] !== this.#selected[i]) return false
    return true
  }

  /** The state and the selected address, for operators. */
  info(nowMs: number): EndpointInfo['ice'] {
    return {
      state: this.#state,
      ...(this.#hasSelected && { selected: { ...readAddress(this.#selected), socket: this.#selected[Addr.socket]! } }),
      ...(this.#connectedMs !== undefined && { connectedAgoMs: nowMs - this.#connectedMs }),
    }
  }

  /** When `expire` has to be called next, or Infinity. */
  get deadlineMs(): number {
    return Math.min(this.#silentAtMs, this.#deadlineMs)
  }

  /**
   * Sees whether the peer is silent now (`isSilent`), and ends the agent if its time is up: it never connected, or consent is lost.
   * @returns whether it has failed now, once
   */
  expire(nowMs: number): boolean {
    if (nowMs >= this.#silentAtMs) {
      this.#isSilent = true
      this.#silentAtMs = Number.POSITIVE_INFINITY
    }
    if (nowMs < this.#deadlineMs) return false
    this.#state = 'failed'
    this.#deadlineMs = Number.POSITIVE_INFINITY
    return true
  }
}

/** Error codes by `IceReason`; undefined = no error response. */
const refusals: readonly (StunErrorCode | undefined)[] = iceReasonNames.map((_, reason) => {
  if (reason === IceReason.badAttribute) return 400
  if (reason === IceReason.unknownAttribute) return 420
  return reason === IceReason.roleConflict ? 487 : undefined
})

/** Why the authenticated request in `view` gets an error response; `accepted` when it does not. */
function reasonToRefuse(): number {
  if (view.unknownCount > 0) return IceReason.unknownAttribute
  if (view.badAttribute) return IceReason.badAttribute
  // We are controlled for good, so whoever else is controlled has to switch (RFC 8445 §7.3.1.1).
  if (view.iceControlled) return IceReason.roleConflict
  return IceReason.accepted
}

function usernameStartsWith(bytes: Uint8Array, ufrag: Uint8Array): boolean {
  if (view.usernameLength <= ufrag.length) return false
  for (let i = 0; i < ufrag.length; i++) if (bytes[view.usernameOffset + i] !== ufrag[i]) return false
  return bytes[view.usernameOffset + ufrag.length] === 0x3a
}

/** Whether USERNAME from its byte `from` on is exactly `ufrag`. */
function usernameEndsWith(bytes: Uint8Array, from: number, ufrag: Uint8Array | undefined): boolean {
  if (ufrag === undefined || view.usernameLength !== from + ufrag.length) return false
  for (let i = 0; i < ufrag.length; i++) if (bytes[view.usernameOffset + from + i] !== ufrag[i]) return false
  return true
}

/** @param row laid out like a row of `MediaIo.addrs`; an IPv6 address is written in full */
function readAddress(row: Uint8Array): SocketAddress {
  const port = (row[Addr.port]! << 8) | row[Addr.port + 1]!
  if (row[Addr.family] === 4) return { ip: row.slice(Addr.ip, Addr.ip + 4).join('.'), port }
  const groups = Array.from({ length: 8 }, (_, i) => (row[Addr.ip + 2 * i]! << 8) | row[Addr.ip + 2 * i + 1]!)
  return { ip: groups.map((group) => group.toString(16)).join(':'), port }
}
