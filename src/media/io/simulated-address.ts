/** Rows of `addrs` and digests, between their bytes and what the simulated network uses. IPv4 only. */
import { Addr } from './io.js'
import type { SimulatedAddress } from './simulated-network.js'

export function writeAddress(
  addrs: Uint8Array,
  at: number,
  { socket, ip, port }: SimulatedAddress & { socket: number },
): void {
  addrs.fill(0, at, at + Addr.stride)
  addrs[at + Addr.family] = 4
  addrs[at + Addr.socket] = socket
  addrs[at + Addr.port] = port >> 8
  addrs[at + Addr.port + 1] = port
  addrs.set(ip.split('.').map(Number), at + Addr.ip)
}

/** @throws RangeError unless `row` is a row of `addrs` with an IPv4 address */
export function readAddress(row: Uint8Array): SimulatedAddress & { socket: number } {
  if (row.length < Addr.stride || row[Addr.family] !== 4) throw new RangeError('not a row with an IPv4 address')
  const ip = row.subarray(Addr.ip, Addr.ip + 4).join('.')
  return { socket: row[Addr.socket]!, ip, port: (row[Addr.port]! << 8) | row[Addr.port + 1]! }
}

/** Upper-case hex with colons. */
export function toFingerprint(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')
}

/** The digest that a fingerprint writes out. */
export function toDigest(fingerprint: string): Uint8Array {
  return Uint8Array.from(fingerprint.split(':'), (byte) => Number.parseInt(byte, 16))
}
