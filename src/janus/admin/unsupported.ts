/** Requests of Janus about parts that this server does not have. docs/admin.md lists them with these reasons. */
import { failure } from '../errors.js'
import type { AdminRequest } from './request.js'

const reasons = {
  set_log_timestamps: 'The log is JSON, and every line has its time',
  set_log_colors: 'The log is JSON, which has no colours',
  set_locking_debug: 'There are no locks to debug',
  set_refcount_debug: 'There are no reference counters to debug',
  set_libnice_debug: 'There is no libnice to debug',
  set_min_nack_queue: 'Packets are kept for one to three seconds, by the round trip, whatever is set',
  set_nack_optimizations: 'Packets are always forgotten by their age',
  test_stun: 'The server is ICE-lite and asks no STUN server',
} as const

export const unsupportedReasons: Readonly<Record<string, string>> = reasons

const refuse = (reason: string): AdminRequest => ({ scope: 'server', run: () => failure('UNKNOWN', reason) })

export const unsupportedRequests: Readonly<Record<string, AdminRequest>> = Object.fromEntries(
  Object.entries(reasons).map(([name, reason]) => [name, refuse(reason)]),
)
