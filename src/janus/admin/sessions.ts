import type { AdminRequests } from './request.js'

export const sessionRequests = {
  list_sessions: {
    scope: 'server',
    run: ({ services }) => ({ fields: { sessions: [...services.core.sessions.keys()] } }),
  },
  list_handles: { scope: 'session', run: ({ session }) => ({ fields: { handles: [...session.handles.keys()] } }) },
  /** Its owner hears nothing. */
  destroy_session: {
    scope: 'session',
    run({ services, session }) {
      services.core.destroySession(session)
      return {}
    },
  },
  hangup_webrtc: {
    scope: 'handle',
    run({ handle }) {
      handle.hangup('Admin API')
      return {}
    },
  },
  detach_handle: {
    scope: 'handle',
    run({ handle }) {
      handle.detach()
      return {}
    },
  },
} satisfies AdminRequests
