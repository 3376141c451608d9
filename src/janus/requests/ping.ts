import type { Request } from './request.js'

export const ping = { scope: 'server', run: () => ({ janus: 'pong' }) } satisfies Request
