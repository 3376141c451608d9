import type { HandleContext, Outcome, Request } from './request.js'

/** `success` first, then `detached`: with the other order janode fails its own request. */
export const detach = {
  scope: 'handle',
  run: ({ handle }: HandleContext): Outcome => ({ janus: 'success', after: () => handle.detach() }),
} satisfies Request
