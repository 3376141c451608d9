/** Which sockets a worker binds, and the host candidates that its descriptions carry. */
import { isIPv6 } from 'node:net'
import type { Candidate } from './control.js'
import type { MediaIo } from './io/io.js'

/** Where to listen, and the address that clients are told instead (the same unless there is NAT). */
export interface ListenAddress {
  address: string
  announced: string
}

/** RFC 8445 §5.1.2.1. RFC 6544 §4.2 wants TCP below UDP of the same type; 90 is what browsers use. */
const TYPE_PREFERENCE = { udp: 126, tcp: 90 }
/** RFC 6544 §4.2: the preference of passive host candidates, in the upper 3 of 16 bits. */
const PASSIVE_PREFERENCE = 4 << 13

/** Earlier addresses are preferred, whatever their family (RFC 8421 §4). @param index below 8192 */
function priority(protocol: Candidate['protocol'], index: number): number {
  const local = protocol === 'udp' ? 65_535 - index : PASSIVE_PREFERENCE + 8191 - index
  return TYPE_PREFERENCE[protocol] * 2 ** 24 + local * 2 ** 8 + 255
}

/**
 * Binds every address once, first UDP and then TCP, all on one port.
 *
 * The foundation of a candidate is the number of its socket plus one: candidates of one base share theirs (RFC 8445
 * §5.1.1.3). An address that is announced twice, for two of ours, is one candidate (§5.1.3).
 * @param port 0: the first socket chooses, and the others follow
 * @returns UDP candidates before TCP ones, IPv4 before IPv6
 * @throws Error with `code` as from the system, e.g. EADDRINUSE
 */
export function listenOn(
  io: Pick<MediaIo, 'listen' | 'listenTcp'>,
  addresses: readonly ListenAddress[],
  port: number,
  tcp: boolean,
): Candidate[] {
  const candidates: Candidate[] = []
  let bound = port
  for (const protocol of tcp ? (['udp', 'tcp'] as const) : (['udp'] as const)) {
    const sockets = new Map<string, number>()
    const known = new Set<string>()
    for (const { address, announced: ip } of addresses) {
      if (!sockets.has(address)) {
        const listening = protocol === 'udp' ? io.listen(address, bound) : io.listenTcp(address, bound)
        bound = listening.port
        sockets.set(address, listening.socket)
      }
      if (known.has(ip)) continue
      candidates.push({
        foundation: String(sockets.get(address)! + 1),
        component: 1,
        protocol,
        priority: priority(protocol, known.size),
        ip,
        port: bound,
        ...(protocol === 'tcp' && { tcpType: 'passive' }),
      })
      known.add(ip)
    }
  }
  const rank = ({ protocol, ip }: Candidate) => Number(protocol === 'tcp') * 2 + Number(isIPv6(ip))
  return candidates.sort((a, b) => rank(a) - rank(b))
}
