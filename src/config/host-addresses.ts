/** What `--rtc-ip` stands for when nobody gives it. */
import { networkInterfaces } from 'node:os'

/** RFC 4291 §2.5.6: fe80::/10. */
const isLinkLocal = (address: string) => /^fe[89ab]/i.test(address)

/**
 * Where media listens when `--rtc-ip` is not given: every address of the host that others may reach. Loopback
 * only when there is nothing else (and then IPv6 only without IPv4); link-local IPv6 never (candidates cannot carry its
 * zone).
 */
export function hostAddresses(interfaces = networkInterfaces()): { address: string; announced: string }[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? [])
  const usable = all.filter(({ address }) => !isLinkLocal(address))
  const loopback = usable.filter((entry) => entry.internal)
  const choices = [
    usable.filter((entry) => !entry.internal),
    loopback.filter((entry) => entry.family === 'IPv4'),
    loopback,
  ]
  const chosen = choices.find((entries) => entries.length > 0) ?? []
  // An address may be on two interfaces.
  return [...new Set(chosen.map(({ address }) => address))].map((address) => ({ address, announced: address }))
}
