import type { Context, Request } from './request.js'

export const info = {
  scope: 'server',
  run: ({ core }: Context) => ({ janus: 'server_info', fields: core.serverInfo() }),
} satisfies Request
