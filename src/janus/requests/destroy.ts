import type { Outcome, Request, SessionContext } from './request.js'

/** Ends the session and its handles; the client hears only the `success`. */
export const destroy = {
  scope: 'session',
  run({ core, session }: SessionContext): Outcome {
    return { janus: 'success', after: () => core.destroySession(session) }
  },
} satisfies Request
