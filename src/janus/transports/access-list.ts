/** Who may connect at all: addresses and networks in CIDR notation (RFC 4632, RFC 4291 §2.3). */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** An IPv4 address as sockets that take both kinds write it (RFC 4291 §2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const MAPPED_BITS = 96

/**
 * @param networks like `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`; none = nobody
 * @returns whether an address, as a socket writes it, is in one of them
 * @throws RangeError that names one that is no network
 */
export function accessList(networks: readonly string[]): (address: string) => boolean {
  // One list for both kinds would take every IPv4 address for one of `::/0`.
  const lists: Lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) add(lists, network)
  return (address) => {
    const [withoutZone = ''] = address.split('%')
    const plain = MAPPED.exec(withoutZone)?.[1] ?? withoutZone
    const kind = isIPv4(plain) ? 'ipv4' : 'ipv6'
    return isIP(plain) !== 0 && lists[kind].check(plain, kind)
  }
}

type Lists = Record<'ipv4' | 'ipv6', BlockList>

function add(lists: Lists, network: string): void {
  const [written = '', length, ...rest] = network.split('/')
  const mapped = MAPPED.exec(written)?.[1]
  const most = isIPv6(written) ? 128 : 32
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : -1
  const prefix = mapped === undefined ? bits : bits - MAPPED_BITS
  if (isIP(written) === 0 || prefix < 0 || bits > most || rest.length > 0) {
    throw new RangeError(`"${network}" is not an address, nor a network like 10.0.0.0/8`)
  }
  const address = mapped ?? written
  const kind = isIPv4(address) ? 'ipv4' : 'ipv6'
  lists[kind].addSubnet(address, prefix, kind)
}
