import { Admin } from '../admin/admin.js'
import type { AdminServices, MediaTuning } from '../admin/request.js'
import type { Connection, ServerMessage } from '../connection.js'
import { attached, type World } from './client.js'

export const ADMIN_SECRET = 'open sesame'

/** An operator without a socket, and the server that they look at. */
export class Operator {
  readonly admin: Admin
  readonly logLevel = { level: 'info' }
  readonly customEvents: { schema: string; data: object }[] = []
  tuning: MediaTuning = { noMediaTimer: 1, slowlinkThreshold: 0 }
  refusals = 0
  #transactions = 0

  constructor({ gateway, log }: World, change: Partial<AdminServices> = {}) {
    this.admin = new Admin({
      core: gateway,
      log,
      logLevel: this.logLevel,
      media: { get: () => this.tuning, set: (tuning) => (this.tuning = tuning) },
      workers: async () => [{ id: 0, handles: 3 }],
      captures: undefined,
      resolve: async (host) => {
        if (host !== 'here.test') throw new Error('ENOTFOUND')
        return '192.0.2.7'
      },
      customEvent: (schema, data) => this.customEvents.push({ schema, data }),
      secret: ADMIN_SECRET,
      refused: () => this.refusals++,
      ...change,
    })
  }

  /** Sends a document as it is. @returns the one reply */
  raw(message: unknown): Promise<ServerMessage> {
    return new Promise((resolve) => {
      const owner = { transport: 'fake' } as unknown as Connection['owner']
      this.admin.handle(message, { owner, query: new URLSearchParams(), waiting: { bytes: 0 }, reply: resolve })
    })
  }

  send(janus: string, fields: object = {}): Promise<ServerMessage> {
    return this.raw({ janus, transaction: `a${this.#transactions++}`, admin_secret: ADMIN_SECRET, ...fields })
  }
}

/** A session with a handle, and an operator. */
export function operated(change: Partial<AdminServices> = {}, options: Parameters<typeof attached>[0] = {}) {
  const world = attached(options)
  return { ...world, operator: new Operator(world, change) }
}
