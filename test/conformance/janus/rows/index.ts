/** The whole list, J-001 … J-130, in order. */
import type { Row } from '../row.js'
import { admin } from './admin.js'
import { auth } from './auth.js'
import { events } from './events.js'
import { handles } from './handles.js'
import { mediaEvents } from './media.js'
import { requests } from './requests.js'
import { rest } from './rest.js'
import { descriptions } from './sdp.js'
import { sessions } from './sessions.js'
import { websocket } from './websocket.js'

export const rows: readonly Row[] = [
  ...websocket,
  ...rest,
  ...requests,
  ...handles,
  ...mediaEvents,
  ...sessions,
  ...auth,
  ...descriptions,
  ...events,
  ...admin,
].sort((a, b) => a.id.localeCompare(b.id))
