import { failure } from '../errors.js'
import type { AdminContext, AdminOutcome, AdminRequests } from './request.js'

/** Longest host name (RFC 1035 §2.3.4). */
const HOST_MAX = 255

async function resolveAddress({ services, message }: AdminContext): Promise<AdminOutcome> {
  const host = message.address as string
  const startMs = performance.now()
  try {
    if (host.length > HOST_MAX) throw new RangeError('no host name')
    const ip = await services.resolve(host)
    return { fields: { ip, elapsed: Math.round((performance.now() - startMs) * 1000) } }
  } catch {
    return failure('UNKNOWN', 'Could not resolve address')
  }
}

export const networkRequests = {
  resolve_address: {
    scope: 'server',
    rules: [{ name: 'address', type: 'a string', required: true }],
    run: resolveAddress,
  },
} satisfies AdminRequests
