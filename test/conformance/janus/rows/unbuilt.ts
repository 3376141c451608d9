/** What the server does not have yet: rows that are only listed, until it has. */
import type { Reason } from '../row.js'

const admin = 'not built yet: the admin API'

export const unbuilt: readonly Reason[] = [
  { id: 'J-039', behaviour: 'create while draining is 472', reason: admin },
  { id: 'J-087', behaviour: 'hangup, detach and destroy by an operator', reason: admin },
  { id: 'J-092', behaviour: 'the timeout of one session can be set, to 0 and -1 too', reason: admin },
  { id: 'J-103', behaviour: 'stored tokens: add, list, allow, disallow, remove', reason: admin },
  { id: 'J-105', behaviour: 'token requests with signed tokens, or without tokens, are 490', reason: admin },
  { id: 'J-106', behaviour: 'admin: its own listener and secret; ping and info are open', reason: admin },
  { id: 'J-107', behaviour: 'admin: an unknown request is 457 at all levels; bad JSON 456', reason: admin },
  { id: 'J-108', behaviour: 'admin: get_status, list_sessions, list_handles, handle_info', reason: admin },
  { id: 'J-109', behaviour: 'admin: handle_info with plugin_only', reason: admin },
  { id: 'J-110', behaviour: 'admin: set_* requests reply with their key', reason: admin },
  { id: 'J-111', behaviour: 'admin: message_plugin; an unknown plugin is 460', reason: admin },
  { id: 'J-112', behaviour: 'admin: captures start and stop, with their errors', reason: admin },
]
