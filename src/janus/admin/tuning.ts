import { failure } from '../errors.js'
import type { FieldRule } from '../fields.js'
import type { AdminContext, AdminOutcome, AdminRequests, AdminSessionContext, MediaTuning } from './request.js'

const positive = (name: string): readonly FieldRule[] => [{ name, type: 'a positive integer', required: true }]

function tune({ services: { media }, message }: AdminContext, field: string, key: keyof MediaTuning): AdminOutcome {
  const value = message[field] as number
  media.set({ ...media.get(), [key]: value })
  return { fields: { [field]: value } }
}

function setSessionTimeout({ session, message }: AdminSessionContext): AdminOutcome {
  const timeout = message.timeout as number
  if (timeout < -1)
    return failure('INVALID_ELEMENT_TYPE', 'Invalid element type (timeout should be a positive integer)')
  session.timeoutMs = timeout === -1 ? undefined : timeout * 1000
  return { fields: { timeout } }
}

/** What can be set while the server runs. Nothing of it outlives a restart. */
export const tuningRequests = {
  set_session_timeout: {
    scope: 'server',
    rules: positive('timeout'),
    run({ services, message }) {
      const timeout = message.timeout as number
      services.core.setSessionTimeout(timeout * 1000)
      return { fields: { timeout } }
    },
  },
  accept_new_sessions: {
    scope: 'server',
    rules: [{ name: 'accept', type: 'a boolean', required: true }],
    run({ services, message }) {
      services.core.acceptNewSessions(message.accept as boolean)
      return { fields: { accept: message.accept } }
    },
  },
  set_no_media_timer: {
    scope: 'server',
    rules: positive('no_media_timer'),
    run: (context) => tune(context, 'no_media_timer', 'noMediaTimer'),
  },
  set_slowlink_threshold: {
    scope: 'server',
    rules: positive('slowlink_threshold'),
    run: (context) => tune(context, 'slowlink_threshold', 'slowlinkThreshold'),
  },
} satisfies AdminRequests

/** The same name as one for all sessions, with a session: seconds, 0 = never, −1 = as all sessions. */
export const sessionTuningRequests = {
  set_session_timeout: {
    scope: 'session',
    rules: [{ name: 'timeout', type: 'an integer', required: true }],
    run: setSessionTimeout,
  },
} satisfies AdminRequests
