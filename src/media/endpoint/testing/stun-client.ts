/** The client's side of STUN for tests: builds connectivity checks, well-formed or wrong on purpose, and reads addresses. */
import { Addr } from '../../io/io.js'
import { STUN_HEADER_BYTES, StunAttribute, StunClass, StunMethod } from '../stun.js'
import { setLength, writeAttribute, writeFingerprint, writeHeader, writeIntegrity } from '../stun-write.js'

export interface BindingRequest {
  /** Whole USERNAME: the receiver's ufrag, ':', the sender's ufrag. Undefined leaves the attribute out. */
  username?: string | undefined
  /** The receiver's ICE password. Undefined leaves MESSAGE-INTEGRITY out. */
  pwd?: string | undefined
  useCandidate?: boolean
  /** Tiebreaker of ICE-CONTROLLING; default 1. `null` leaves the attribute out. */
  controlling?: bigint | null
  /** Tiebreaker of ICE-CONTROLLED; default absent. */
  controlled?: bigint
  /** Default 0x6e7f1eff (RFC 8445 §5.1.2, a peer-reflexive host). `null` leaves the attribute out. */
  priority?: number | null
  /** 12 bytes; default others than before. */
  transactionId?: Uint8Array
  /** One of `StunClass`; default request. */
  stunClass?: number
  /** Default Binding. */
  method?: number
  /** Put between the other attributes and MESSAGE-INTEGRITY. */
  extra?: { attribute: number; value: Uint8Array }[]
  /** Default true. */
  fingerprint?: boolean
}

let transactions = 0
function nextTransactionId(): Uint8Array {
  const id = new Uint8Array(12).fill(7)
  new DataView(id.buffer).setUint32(8, ++transactions)
  return id
}

/** A STUN Binding request as an ICE agent sends it (RFC 8445 §7.2.2). */
export function buildBindingRequest(request: BindingRequest): Uint8Array {
  const out = new Uint8Array(2048)
  const { pwd, priority = 0x6e7f1eff, controlling = 1n, transactionId = nextTransactionId() } = request
  const { stunClass = StunClass.request, method = StunMethod.binding } = request
  let at = writeHeader(out, 0, stunClass, method, transactionId, 0)
  if (request.username !== undefined) {
    at = writeAttribute(out, at, StunAttribute.username, Buffer.from(request.username, 'latin1'))
  }
  if (priority !== null) at = writeAttribute(out, at, StunAttribute.priority, uint(BigInt(priority), 4))
  if (request.useCandidate) at = writeAttribute(out, at, StunAttribute.useCandidate, new Uint8Array(0))
  if (request.controlled !== undefined) {
    at = writeAttribute(out, at, StunAttribute.iceControlled, uint(request.controlled, 8))
  } else if (controlling !== null) {
    at = writeAttribute(out, at, StunAttribute.iceControlling, uint(controlling, 8))
  }
  for (const { attribute, value } of request.extra ?? []) at = writeAttribute(out, at, attribute, value)
  setLength(out, 0, at)
  if (pwd !== undefined) at = writeIntegrity(out, 0, at, pwd)
  if (request.fingerprint !== false) at = writeFingerprint(out, 0, at)
  return out.slice(0, at)
}

function uint(value: bigint, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength)
  for (let i = 0; i < byteLength; i++) bytes[i] = Number((value >> BigInt(8 * (byteLength - 1 - i))) & 0xffn)
  return bytes
}

/** One row of the io's `addrs`. `ip` has 4 or 16 bytes. */
export function addressRow(ip: readonly number[], port: number, socket = 0): Uint8Array {
  const row = new Uint8Array(Addr.stride)
  row[Addr.family] = ip.length === 16 ? 6 : 4
  row[Addr.socket] = socket
  row[Addr.port] = port >> 8
  row[Addr.port + 1] = port
  row.set(ip, Addr.ip)
  return row
}

/** First value of an attribute in a STUN message, or undefined. */
export function findAttribute(message: Uint8Array, attribute: number): Uint8Array | undefined {
  let at = STUN_HEADER_BYTES
  while (at + 4 <= message.length) {
    const length = (message[at + 2]! << 8) | message[at + 3]!
    if (((message[at]! << 8) | message[at + 1]!) === attribute) return message.slice(at + 4, at + 4 + length)
    at += 4 + ((length + 3) & ~3)
  }
  return undefined
}

/** Port and address of a response's XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
export function readMappedAddress(message: Uint8Array): { ip: number[]; port: number } | undefined {
  const value = findAttribute(message, StunAttribute.xorMappedAddress)
  if (value === undefined || value.length !== (value[1] === 2 ? 20 : 8)) return undefined
  const unmasked = [...value.slice(4)].map((byte, i) => byte ^ message[4 + i]!)
  return { ip: unmasked, port: ((value[2]! ^ message[4]!) << 8) | (value[3]! ^ message[5]!) }
}
