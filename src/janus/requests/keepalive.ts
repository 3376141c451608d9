import type { Request } from './request.js'

/** Nothing to do: every request with a valid session is a sign of life. */
export const keepalive = { scope: 'session or handle', run: () => ({ janus: 'ack' }) } satisfies Request
