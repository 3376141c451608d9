/** Stored tokens: who may use the Janus API, and attach to which plugins. */
import type { StoredTokens } from '../auth/stored-tokens.js'
import { type Failure, failure, isFailure } from '../errors.js'
import type { FieldRule } from '../fields.js'
import type { AdminContext, AdminOutcome, AdminRequests } from './request.js'

const token: FieldRule = { name: 'token', type: 'a string', required: true }
const plugins: FieldRule = { name: 'plugins', type: 'an array' }

const wrongList = (what: string) => failure('INVALID_ELEMENT_TYPE', `Invalid element type (${what})`)

function tokensOf({ services }: AdminContext): StoredTokens | Failure {
  return services.core.storedTokens ?? failure('UNKNOWN', 'Stored-Token based authentication disabled')
}

/** Plugins that exist of a list; the rest of it is skipped. */
function known({ services, message }: AdminContext): string[] {
  const names = message.plugins as readonly unknown[] | undefined
  const all = [...services.core.plugins.keys()]
  return names === undefined ? all : all.filter((name) => names.includes(name))
}

function add(context: AdminContext): AdminOutcome {
  const tokens = tokensOf(context)
  if (isFailure(tokens)) return tokens
  return { fields: { data: { plugins: tokens.add(context.message.token as string, known(context)) } } }
}

function change(context: AdminContext, verb: 'allow' | 'disallow'): AdminOutcome {
  const tokens = tokensOf(context)
  if (isFailure(tokens)) return tokens
  const name = context.message.token as string
  const list = context.message.plugins as readonly unknown[]
  if (!tokens.list().some((stored) => stored.token === name)) {
    return failure('TOKEN_NOT_FOUND', `Token ${name} not found`)
  }
  if (list.length === 0) return wrongList('plugins should be a non-empty array')
  const wanted = known(context)
  if (list.some((plugin) => typeof plugin !== 'string' || !wanted.includes(plugin))) {
    return wrongList('some of the provided plugins are invalid')
  }
  return { fields: { data: { plugins: tokens[verb](name, wanted) } } }
}

function list(context: AdminContext): AdminOutcome {
  const tokens = tokensOf(context)
  if (isFailure(tokens)) return tokens
  const listed = tokens.list().map(({ token, plugins }) => ({ token, allowed_plugins: plugins }))
  return { fields: { data: { tokens: listed } } }
}

function remove(context: AdminContext): AdminOutcome {
  const tokens = tokensOf(context)
  if (isFailure(tokens)) return tokens
  return tokens.remove(context.message.token as string) ? {} : failure('UNKNOWN', 'Error removing token')
}

const listed = [token, { ...plugins, required: true }]

export const tokenRequests = {
  add_token: { scope: 'server', rules: [token, plugins], run: add },
  allow_token: { scope: 'server', rules: listed, run: (context) => change(context, 'allow') },
  disallow_token: { scope: 'server', rules: listed, run: (context) => change(context, 'disallow') },
  list_tokens: { scope: 'server', run: list },
  remove_token: { scope: 'server', rules: [token], run: remove },
} satisfies AdminRequests
