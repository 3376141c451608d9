import type { Outcome, Request, SessionContext } from './request.js'

/** From now on events go to this connection. */
export const claim = {
  scope: 'session or handle',
  run({ core, connection, session }: SessionContext): Outcome {
    core.claimSession(session, connection.owner)
    return { janus: 'success' }
  },
} satisfies Request
