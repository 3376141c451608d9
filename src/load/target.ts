/** Which servers a load generator may load. */
import { isIP } from 'node:net'
import { isLoopback } from './ip.js'

/** Whether `url` means this machine for sure. Secrets of its own server, which nobody gave for another one, go nowhere else. */
export const isThisMachine = (url: string): boolean => refuseTarget(url, false) === undefined

/**
 * @returns why not, or undefined. Names are not looked up: what they mean may change between looking and connecting.
 */
export function refuseTarget(url: string, allowRemote: boolean): string | undefined {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    return `expected ws://HOST:PORT or wss://HOST:PORT, not ${url}`
  }
  const { protocol, hostname } = parsed
  if (protocol !== 'ws:' && protocol !== 'wss:') return `expected ws:// or wss://, not ${protocol}//`
  const host = hostname.replace(/^\[|\]$/g, '')
  if (allowRemote || host === 'localhost' || (isIP(host) !== 0 && isLoopback(host))) return undefined
  return `${host} is not this machine: load is for servers that are yours; --allow-remote if it is`
}
