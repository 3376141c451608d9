/** J-031, J-034 and J-100 … J-105: the API secret and tokens. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { Wire } from '../../../support/wire.js'
import type { Row } from '../row.js'
import { isError, type Stage } from '../stage.js'
import { API_SECRET, TOKEN_SECRET } from '../target.js'

const needs = ['own'] as const
const UNAUTHORIZED = 'Unauthorized request (wrong or missing secret/token)'
const NOBODY = 4_503_599_627_370_499

const refused = async (wire: Wire, janus: string, fields: object, sessionId?: number) =>
  isError(await wire.request(janus, fields), 403, UNAUTHORIZED, sessionId)

/** A signed token: `expiry,realm[,plugin…]:signature`. */
function sign(expiryS: number, realm: string, plugins: readonly string[], secret = TOKEN_SECRET): string {
  const text = [Math.round(expiryS), realm, ...plugins].join(',')
  return `${text}:${createHmac('sha1', secret).update(text).digest('base64')}`
}

const inAMinute = () => Date.now() / 1_000 + 60

async function createAndAttach(stage: Stage, wire: Wire, credentials: object, attaching = credentials) {
  const created = await wire.request('create', credentials)
  assert.equal(created.janus, 'success', JSON.stringify(created))
  const session_id = created.data!.id
  const attached = await wire.request('attach', { session_id, plugin: stage.plugin.name, ...attaching })
  return { session_id, attached }
}

export const auth: readonly Row[] = [
  {
    id: 'J-031',
    behaviour: 'long poll: secrets are in the query, and a wrong one is HTTP 403',
    on: 'secret',
    needs: ['http', 'own'],
    async run(stage) {
      const wanted = { janus: 'create', transaction: 't', apisecret: API_SECRET }
      const { id } = (await stage.post('', wanted)).json.data!
      for (const query of ['', '?apisecret=wrong', `?token=${API_SECRET}`]) {
        const { status, text } = await stage.http(`/${id}${query}`)
        assert.deepEqual([status, text], [403, ''], query)
      }
      const secret = { apisecret: API_SECRET, transaction: 't' }
      const attach = { ...secret, janus: 'attach', plugin: stage.plugin.name }
      const handle = (await stage.post(`/${id}`, attach)).json.data!.id
      const body = stage.plugin.harmless
      await stage.post(`/${id}/${handle}`, { ...secret, janus: 'message', body })
      assert.equal((await stage.http(`/${id}?apisecret=${API_SECRET}`)).json.janus, 'event')
    },
  },
  {
    id: 'J-034',
    behaviour: 'info and ping need no secret',
    on: 'secret',
    needs,
    async run(stage) {
      const wire = await stage.connect()
      assert.equal((await wire.request('info')).api_secret, true)
      await wire.ping()
    },
  },
  {
    id: 'J-100',
    behaviour: 'the secret is needed in every request: 403 otherwise, before the session is looked up',
    on: 'secret',
    needs,
    async run(stage) {
      const wire = await stage.connect()
      const secret = { apisecret: API_SECRET }
      const { session_id, attached } = await createAndAttach(stage, wire, secret)
      const ids = { session_id, handle_id: attached.data!.id }
      for (const apisecret of [undefined, 'wrong', '', 1, null]) {
        await refused(wire, 'create', { apisecret })
        await refused(wire, 'keepalive', { session_id, apisecret }, session_id)
        await refused(wire, 'keepalive', { session_id: NOBODY, apisecret }, NOBODY)
        await refused(wire, 'message', { ...ids, body: {}, apisecret }, session_id)
        await refused(wire, 'foo', { session_id, apisecret }, session_id)
      }
      assert.equal((await wire.request('keepalive', { session_id, ...secret })).janus, 'ack')
      isError(await wire.request('keepalive', { session_id: NOBODY, ...secret }), 458, /^No such session/, NOBODY)
    },
  },
  {
    id: 'J-101',
    behaviour: 'with secret and tokens on, either is enough',
    on: 'guarded',
    needs,
    async run(stage) {
      const wire = await stage.connect()
      const token = sign(inAMinute(), 'janus', [stage.plugin.name])
      for (const credentials of [{ apisecret: API_SECRET }, { token }, { apisecret: 'wrong', token }]) {
        const { attached } = await createAndAttach(stage, wire, credentials)
        assert.equal(attached.janus, 'success', JSON.stringify(attached))
      }
      await refused(wire, 'create', {})
      await refused(wire, 'create', { apisecret: 'wrong', token: 'wrong' })
    },
  },
  {
    id: 'J-102',
    behaviour: 'a token that is not for the plugin is 405 at attach, also with a good secret',
    on: 'guarded',
    needs,
    async run(stage) {
      const wire = await stage.connect()
      const secret = { apisecret: API_SECRET }
      const token = sign(inAMinute(), 'janus', ['janus.plugin.other'])
      const { session_id, attached } = await createAndAttach(stage, wire, secret, { ...secret, token })
      isError(attached, 405, `Provided token can't access plugin '${stage.plugin.name}'`, session_id)
    },
  },
  {
    id: 'J-104',
    behaviour: 'signed tokens: a good one works; expired, of another realm or badly signed is 403; no plugin is 405',
    on: 'guarded',
    needs,
    async run(stage) {
      const wire = await stage.connect()
      const plugin = stage.plugin.name
      const good = sign(inAMinute(), 'janus', [plugin])
      assert.equal((await createAndAttach(stage, wire, { token: good })).attached.janus, 'success')
      const [text, signature] = good.split(':')
      const bad = {
        expired: sign(Date.now() / 1_000 - 2, 'janus', [plugin]),
        realm: sign(inAMinute(), 'venus', [plugin]),
        key: sign(inAMinute(), 'janus', [plugin], 'another secret'),
        changed: `${text},janus.plugin.other:${signature}`,
        cut: good.slice(0, -4),
        unsigned: `${text}:`,
        twice: `${good}:${signature}`,
        number: 1,
      }
      for (const token of Object.values(bad)) await refused(wire, 'create', { token })
      const nothing = { token: sign(inAMinute(), 'janus', []) }
      const { session_id, attached } = await createAndAttach(stage, wire, nothing)
      isError(attached, 405, `Provided token can't access plugin '${plugin}'`, session_id)
    },
  },
]
