/** What `--rtc-ip` stands for when nobody gives it. */
import { networkInterfaces } from 'node:os'

/**
 * Where media listens when `--rtc-ip` is not given: every address of the host that others may reach. Loopback
 * only when there is nothing else; link-local IPv6 never (candidates cannot carry its zone).
 */
export function hostAddresses(interfaces = networkInterfaces()): { address: string; announced: string }[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? [])
  const reachable = all.filter((entry) => !entry.internal && !entry.address.startsWith('fe80:'))
  const chosen = reachable.length > 0 ? reachable : all.filter((entry) => entry.family === 'IPv4')
  return chosen.map(({ address }) => ({ address, announced: address }))
}
