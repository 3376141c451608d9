/** A STUN Binding request as a controlling ICE agent sends it (RFC 8445 §7.2.2). */
import { StunAttribute, StunClass, StunMethod } from '../media/endpoint/stun.js'
import {
  setLength,
  writeAttribute,
  writeFingerprint,
  writeHeader,
  writeIntegrity,
} from '../media/endpoint/stun-write.js'

/** The priority of a peer-reflexive host (RFC 8445 §5.1.2.1). */
const PRIORITY = Uint8Array.of(0x6e, 0x7f, 0x1e, 0xff)
const TIEBREAKER = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
const NOTHING = new Uint8Array(0)

/**
 * Writes a check that nominates its pair.
 * @param username the server's ufrag, ':', ours @param pwd the server's @param transactionId 12 bytes
 * @returns its length
 */
export function writeBindingRequest(out: Uint8Array, username: string, pwd: string, transactionId: Uint8Array): number {
  let at = writeHeader(out, 0, StunClass.request, StunMethod.binding, transactionId, 0)
  at = writeAttribute(out, at, StunAttribute.username, Buffer.from(username, 'latin1'))
  at = writeAttribute(out, at, StunAttribute.priority, PRIORITY)
  at = writeAttribute(out, at, StunAttribute.useCandidate, NOTHING)
  at = writeAttribute(out, at, StunAttribute.iceControlling, TIEBREAKER)
  setLength(out, 0, at)
  at = writeIntegrity(out, 0, at, pwd)
  return writeFingerprint(out, 0, at)
}
