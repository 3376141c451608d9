/** Addresses as text and bytes, and which of them are this machine's. */
import { isIP, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** @param ip an IPv4 or IPv6 literal @returns its 4 or 16 bytes */
export function ipBytes(ip: string): Uint8Array {
  if (isIPv4(ip)) return Uint8Array.from(ip.split('.'), Number)
  const text = ip.replace(/%.*$/, '').replace(/(\d+\.\d+\.\d+\.\d+)$/, (v4) => {
    const [a, b, c, d] = ipBytes(v4)
    return `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`
  })
  const [head = '', tail] = text.split('::')
  const words = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)))
  const front = words(head)
  const back = words(tail ?? '')
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

/** An IPv4 address that a dual-stack socket writes as IPv6 (`::ffff:127.0.0.1`), as IPv4; others as they are. */
export const plainIp = (ip: string) => ip.replace(/^::ffff:(?=\d+\.)/i, '')

export function isLoopback(ip: string): boolean {
  const plain = plainIp(ip)
  return isIPv4(plain) ? plain.startsWith('127.') : plain === '::1'
}

/** Loopback, or an address of one of this machine's interfaces: what is sent there does not leave it. */
export function isOwnAddress(ip: string): boolean {
  if (isIP(ip) === 0) return false
  if (isLoopback(ip)) return true
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return own.some(({ address }) => Buffer.from(ipBytes(address)).equals(ipBytes(plainIp(ip))))
}
