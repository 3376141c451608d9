/** The admin API of Janus: requests of operators in, replies out. It has no events, and no sign of life for sessions. */
import { sameText } from '../auth/same-text.js'
import type { Connection, ServerMessage } from '../connection.js'
import { type Failure, failure, isFailure } from '../errors.js'
import { checkFields, type FieldRule, isInteger, isJsonObject, type JsonObject } from '../fields.js'
import { adminRequests } from './index.js'
import type { AdminOutcome, AdminRequest, AdminServices } from './request.js'

export interface AdminOptions extends AdminServices {
  /** Every request but `info` and `ping` needs it as `admin_secret`. */
  readonly secret: string
  /** Called for each request with a wrong secret, or none. */
  refused?(): void
}

const envelope: readonly FieldRule[] = [
  { name: 'transaction', type: 'a string', required: true },
  { name: 'janus', type: 'a string', required: true },
]

export class Admin {
  readonly #options: AdminOptions

  constructor(options: AdminOptions) {
    this.#options = options
  }

  /** Handles one request: sends exactly one reply, now or later. @param message a parsed JSON document */
  handle(message: unknown, connection: Connection): void {
    const object = isJsonObject(message) ? message : {}
    const sessionId = isInteger(object.session_id) ? object.session_id : 0
    const wrong = checkFields(object, envelope)
    if (wrong) return connection.reply(reply(sessionId, undefined, wrong))
    const { transaction } = object as { transaction: string }
    const send = (outcome: AdminOutcome) => connection.reply(reply(sessionId, transaction, outcome))
    this.#run(object, sessionId).then(send, (error: unknown) => {
      this.#options.log.error({ err: error, request: object.janus }, 'an admin request threw: this is a bug')
      send(failure('UNKNOWN', 'Internal error'))
    })
  }

  /** Text that is not JSON has no transaction either: that is the error Janus gives. */
  malformed(_where: unknown, connection: Connection): void {
    this.handle({}, connection)
  }

  /** Operators own no sessions. */
  disconnected(): void {}

  /** The `server_info`, without envelope. */
  info(): Record<string, unknown> {
    return this.#options.core.serverInfo()
  }

  /** Finds request, session and handle, in the order of Janus: the order decides which error wins. */
  async #run(message: JsonObject, sessionId: number): Promise<AdminOutcome> {
    const { handle_id: handleField } = message
    const handleId = isInteger(handleField) ? handleField : 0
    if (sessionId === 0 && handleId === 0) {
      const request = find('server', message)
      if (!request?.open && !this.#admits(message)) return failure('UNAUTHORIZED')
      return perform(request, message, (request) => {
        if (request.scope === 'server') return request.run({ services: this.#options, message })
      })
    }
    if (sessionId < 1) return failure('SESSION_NOT_FOUND')
    const namesHandle = handleField !== undefined && handleField !== null
    if (namesHandle && handleId < 1) return failure('HANDLE_NOT_FOUND')
    if (!this.#admits(message)) return failure('UNAUTHORIZED')
    const session = this.#options.core.sessions.get(sessionId)
    if (!session) return failure('SESSION_NOT_FOUND', `No such session ${sessionId}`)
    const context = { services: this.#options, message, session }
    if (!namesHandle) {
      return perform(find('session', message), message, (request) => {
        if (request.scope === 'session') return request.run(context)
      })
    }
    const handle = session.handles.get(handleId)
    if (!handle) return failure('HANDLE_NOT_FOUND', `No such handle ${handleId} in session ${sessionId}`)
    return perform(find('handle', message), message, (request) => {
      if (request.scope === 'handle') return request.run({ ...context, handle })
    })
  }

  #admits({ admin_secret: given }: JsonObject): boolean {
    const admitted = typeof given === 'string' && sameText(given, this.#options.secret)
    if (!admitted) this.#options.refused?.()
    return admitted
  }
}

const find = (scope: AdminRequest['scope'], { janus }: JsonObject): AdminRequest | undefined =>
  adminRequests.get(scope)?.get((janus as string).toLowerCase())

type Run = (request: AdminRequest) => ReturnType<AdminRequest['run']> | undefined

async function perform(request: AdminRequest | undefined, message: JsonObject, run: Run): Promise<AdminOutcome> {
  const unhandled = (): Failure => failure('INVALID_REQUEST_PATH', `Unhandled request '${message.janus}' at this path`)
  if (!request) return unhandled()
  return checkFields(message, request.rules ?? []) ?? (await run(request)) ?? unhandled()
}

function reply(sessionId: number, transaction: string | undefined, outcome: AdminOutcome): ServerMessage {
  const failed = isFailure(outcome)
  return {
    janus: failed ? 'error' : (outcome.janus ?? 'success'),
    ...(sessionId > 0 && { session_id: sessionId }),
    ...(transaction !== undefined && { transaction }),
    ...(failed ? { error: outcome.error } : outcome.fields),
  }
}
