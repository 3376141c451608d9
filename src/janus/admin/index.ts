/** Every request of the admin API. The same name may stand for one thing with a session and for another without. */
import { captureRequests } from './capture.js'
import { handleInfoRequests } from './handle-info.js'
import { infoRequests } from './info.js'
import { loggingRequests } from './logging.js'
import { networkRequests } from './network.js'
import { partRequests } from './parts.js'
import type { AdminRequest, AdminRequests } from './request.js'
import { sessionRequests } from './sessions.js'
import { tokenRequests } from './tokens.js'
import { sessionTuningRequests, tuningRequests } from './tuning.js'
import { unsupportedRequests } from './unsupported.js'

const tables: readonly AdminRequests[] = [
  infoRequests,
  loggingRequests,
  tuningRequests,
  sessionTuningRequests,
  sessionRequests,
  handleInfoRequests,
  captureRequests,
  partRequests,
  tokenRequests,
  networkRequests,
  unsupportedRequests,
]

type Scope = AdminRequest['scope']

/** By scope and name in lower case. Maps, so that names like `constructor` find nothing. */
export const adminRequests: ReadonlyMap<Scope, ReadonlyMap<string, AdminRequest>> = new Map(
  (['server', 'session', 'handle'] as const).map((scope) => [
    scope,
    new Map(tables.flatMap((table) => Object.entries(table)).filter(([, request]) => request.scope === scope)),
  ]),
)
