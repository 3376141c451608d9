/**
 * One message of a client, from body and description to reply. Both are checked as far as they can be before
 * either changes anything: a message that fails has done nothing.
 */
import type { Jsep, PluginReply, PluginRequest } from '../janus/plugin.js'
import type { Connection } from './connection.js'
import { failure, Refusal, refuse } from './errors.js'
import { messages } from './messages/index.js'
import type { AnyMessage, Outcome, Plan } from './messages/message.js'
import type { Exchange } from './publisher.js'

export async function dispatch(connection: Connection, { body, jsep }: PluginRequest): Promise<PluginReply> {
  const outcome = await perform(connection, body, jsep)
  if (outcome instanceof Refusal) {
    connection.services.refused[outcome.code]++
    return { data: failure(outcome) }
  }
  const hasBody = Object.keys(body).length > 0
  const data = hasBody ? { success: true, response: outcome.response } : { success: true }
  return outcome.jsep ? { data, jsep: outcome.jsep } : { data }
}

async function perform(
  connection: Connection,
  body: PluginRequest['body'],
  jsep: Jsep | undefined,
): Promise<Outcome | Refusal> {
  const plan = await planOf(connection, body)
  if (plan instanceof Refusal) return plan
  let exchange: Exchange | undefined
  let committing = false
  try {
    // What follows may open an endpoint, and a worker that died is back in a moment.
    if (jsep?.type === 'offer' || plan.subscribes) await connection.services.pool.ready()
    if (connection.gone) return refuse('connection_closed')
    const prepared = jsep && exchangeOf(connection, plan, jsep)
    if (prepared instanceof Refusal) return prepared
    exchange = prepared
    const refused = plan.check?.()
    if (refused) return refused
    committing = true
    return await commit(connection, plan, exchange)
  } finally {
    // Also after a throw: what was prepared holds an endpoint and a place of the quota.
    if (!committing) {
      exchange?.abandon()
      plan.abandon?.()
    }
  }
}

async function commit(connection: Connection, plan: Plan, exchange: Exchange | undefined): Promise<Outcome | Refusal> {
  let answered = false
  try {
    const outcome = await plan.commit()
    if (outcome instanceof Refusal || !exchange) return outcome
    if (connection.gone) return refuse('connection_closed')
    answered = true
    const sdp = exchange.commit()
    return sdp === undefined ? outcome : { ...outcome, jsep: { type: 'answer', sdp } }
  } finally {
    if (!answered) exchange?.abandon()
  }
}

function exchangeOf(connection: Connection, plan: Plan, jsep: Jsep): Exchange | Refusal {
  const subscribes = (plan.subscribes ?? false) || connection.subscribes
  return connection.negotiator.prepare(jsep, { subscribes, room: plan.room ?? connection.roomId })
}

/** An empty body is a message too: it carries a description, or nothing. */
const nothing: Plan = { commit: async () => ({ response: {} }) }

async function planOf(connection: Connection, body: PluginRequest['body']): Promise<Plan | Refusal> {
  if (Object.keys(body).length === 0) return nothing
  const kinds = Object.keys(messages).join(', ')
  const { kind } = body
  if (typeof kind !== 'string') return refuse('invalid_message', `Field "kind": expected one of ${kinds}.`)
  if (!Object.hasOwn(messages, kind)) return refuse('unknown_kind', `Field "kind": expected one of ${kinds}.`)
  const message: AnyMessage = messages[kind as keyof typeof messages]
  const read = message.schema.safeParse(body)
  if (read.success) return message.prepare(connection, read.data as never)
  const { path, message: expected } = read.error.issues[0]!
  return refuse('invalid_message', `Field "${path.join('.')}": ${expected}.`)
}
