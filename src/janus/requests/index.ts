/** Every request of the Janus API, by its name in lower case. */
import { attach } from './attach.js'
import { claim } from './claim.js'
import { create } from './create.js'
import { destroy } from './destroy.js'
import { detach } from './detach.js'
import { hangup } from './hangup.js'
import { info } from './info.js'
import { keepalive } from './keepalive.js'
import { message } from './message.js'
import { ping } from './ping.js'
import type { Request } from './request.js'
import { trickle } from './trickle.js'

const table = {
  info,
  ping,
  create,
  keepalive,
  claim,
  destroy,
  attach,
  message,
  trickle,
  hangup,
  detach,
} satisfies Record<string, Request>

export type RequestName = keyof typeof table

/** A map, so that names like `constructor` find nothing. */
export const requests: ReadonlyMap<string, Request> = new Map(Object.entries(table))
