/**
 * Whose request it is: the address that limits are counted by. Behind a proxy that the operator trusts it is the one
 * that the proxy names in `X-Forwarded-For`; nobody else is believed.
 */
import type { IncomingMessage } from 'node:http'
import { isIP, isIPv6 } from 'node:net'
import { accessList } from './access-list.js'

/** @returns a key for the address of a client */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * @param trustedProxies addresses, or networks like `10.0.0.0/8`
 * @throws RangeError that names one that is neither
 */
export function clientAddresses(trustedProxies: readonly string[]): ClientAddress {
  const isTrusted = accessList(trustedProxies)
  return (request) => {
    let address = plainAddress(request.socket.remoteAddress ?? '')
    const header = request.headers['x-forwarded-for']
    const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',')
    // Each proxy appends whom it heard: from the right, as long as it is a proxy that is trusted that says so.
    while (isTrusted(address) && hops.length > 0) {
      const named = plainAddress(hops.pop()!.trim())
      if (!isIP(named)) break
      address = named
    }
    return addressKey(address)
  }
}

/**
 * @param trustedProxies as for `clientAddresses`
 * @returns a key for whoever has a connection from an address; undefined for proxies, which have those of many
 */
export function connectionAddresses(trustedProxies: readonly string[]): (address: string) => string | undefined {
  const isTrusted = accessList(trustedProxies)
  return (address) => (isTrusted(address) ? undefined : addressKey(address))
}

/** An IPv4 client of a socket that takes both kinds looks like `::ffff:192.0.2.1`. Zones say nothing here. */
function plainAddress(address: string): string {
  const [withoutZone = ''] = address.split('%')
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone
}

/** IPv4 as it is; of IPv6 the first 64 bits, since whoever has one address of such a network has all of them. */
export function addressKey(address: string): string {
  const plain = plainAddress(address)
  return isIPv6(plain) ? `${groups(plain).slice(0, 4).join(':')}::/64` : plain
}

/** The eight groups of an IPv6 address, without leading zeros (RFC 4291 §2.2). */
function groups(address: string): string[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const hex = (high = '', low = '') => (Number(high) * 256 + Number(low)).toString(16)
  const text = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : address
  const [head = '', tail] = text.split('::')
  const list = (part: string) => part.split(':').filter((group) => group !== '')
  const [before, after] = [list(head), list(tail ?? '')]
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...Array<string>(zeros).fill('0'), ...after].map((group) =>
    Number.parseInt(group, 16).toString(16),
  )
}

/** Counts by key, and forgets a key whose count is 0. */
export class Tally {
  readonly #counts = new Map<string, number>()

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  /** @param by may be negative */
  add(key: string, by: number): void {
    const count = this.of(key) + by
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }

  get size(): number {
    return this.#counts.size
  }
}
