import type { HandleContext, Outcome, Request } from './request.js'

/** Closes the PeerConnection; the handle lives on. The plugin sends `hangup` if there was one. */
export const hangup = {
  scope: 'handle',
  run: ({ handle }: HandleContext): Outcome => ({ janus: 'success', after: () => handle.hangup('Janus API') }),
} satisfies Request
