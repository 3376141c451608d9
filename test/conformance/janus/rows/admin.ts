/** J-039, J-087, J-092, J-103, J-105 … J-112: what operators ask. */
import assert from 'node:assert/strict'
import { refusal, Wire } from '../../../support/wire.js'
import { NotApplicable, type Row } from '../row.js'
import { audio, data, video } from '../sdp.js'
import { type Handle, isError, isErrorWithout, type Stage } from '../stage.js'

const needs = ['admin'] as const

/** A request with the secret that has to succeed. @param path below the base path, e.g. `/SID/HID` */
async function succeeds(stage: Stage, janus: string, fields: object = {}, path = '') {
  const reply = await stage.admin(janus, fields, path)
  assert.equal(reply.janus, 'success', JSON.stringify(reply))
  return reply
}

const pathOf = ({ id, session }: Handle) => `/${session.id}/${id}`

/** Requests that set something, with the field that says it, the key of the reply, and the key of `get_status`. */
const settings = [
  ['set_log_level', 'level', 'level', 'log_level'],
  ['set_log_timestamps', 'timestamps', 'log_timestamps', 'log_timestamps'],
  ['set_log_colors', 'colors', 'log_colors', 'log_colors'],
  ['set_locking_debug', 'debug', 'locking_debug', 'locking_debug'],
  ['set_refcount_debug', 'debug', 'refcount_debug', 'refcount_debug'],
  ['set_min_nack_queue', 'min_nack_queue', 'min_nack_queue', 'min_nack_queue'],
  ['set_nack_optimizations', 'nack_optimizations', 'nack-optimizations', 'nack-optimizations'],
  ['set_no_media_timer', 'no_media_timer', 'no_media_timer', 'no_media_timer'],
  ['set_slowlink_threshold', 'slowlink_threshold', 'slowlink_threshold', 'slowlink_threshold'],
  ['set_session_timeout', 'timeout', 'timeout', 'session_timeout'],
] as const

/** What our server has no such thing as: it says so, with 490. */
const withoutMeaning = new Set([
  ...['set_log_timestamps', 'set_log_colors', 'set_locking_debug', 'set_refcount_debug', 'set_libnice_debug'],
  ...['set_min_nack_queue', 'set_nack_optimizations'],
])

const transportCc = [
  'a=rtcp-fb:96 transport-cc',
  'a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
]

/** `twcc` says what was negotiated, as in Janus; the rest of `webrtc.bwe` is ours. */
async function assertBandwidth(stage: Stage): Promise<void> {
  const bweOf = async (mlines: readonly (readonly string[])[]) => {
    const handle = await stage.handle()
    await handle.up(mlines)
    const { info } = await succeeds(stage, 'handle_info', {}, pathOf(handle))
    return (info as { webrtc: { bwe?: Record<string, unknown> } }).webrtc.bwe
  }
  const numbered = await bweOf([audio, [...video, ...transportCc]])
  assert.equal(numbered?.twcc, true, JSON.stringify(numbered))
  if (!stage.plugin.sfu) return
  assert.deepEqual([numbered['feedback-sent'], 'estimate' in numbered], [0, false])
  assert.ok(Number(numbered.cap) > 0, String(numbered.cap))
  const unnumbered = await bweOf([audio, video])
  assert.equal(unnumbered?.twcc, false)
  assert.ok(Number(unnumbered.estimate) > 0, 'without numbers we have to tell')
  assert.equal(await bweOf([data]), undefined)
}

export const admin: readonly Row[] = [
  {
    id: 'J-039',
    behaviour: 'create while no new sessions are accepted is 472; everything else goes on',
    on: 'draining',
    needs: ['admin', 'own'],
    async run(stage) {
      const wire = await stage.connect()
      const session_id = (await wire.request('create')).data!.id
      assert.equal((await succeeds(stage, 'accept_new_sessions', { accept: false })).accept, false)
      isError(await wire.request('create'), 472, 'Currently not accepting new sessions')
      assert.equal((await wire.request('keepalive', { session_id })).janus, 'ack')
      assert.equal((await succeeds(stage, 'accept_new_sessions', { accept: true })).accept, true)
      assert.equal((await wire.request('create')).janus, 'success')
    },
  },
  {
    id: 'J-087',
    behaviour: 'an operator hangs up (reason Admin API), detaches (detached) and destroys (no event)',
    needs,
    async run(stage) {
      const handle = await stage.handle()
      const { session, wire } = handle
      await handle.up()
      const { mark } = wire
      await succeeds(stage, 'hangup_webrtc', {}, pathOf(handle))
      const ids = { session_id: session.id, sender: handle.id }
      assert.deepEqual(await handle.event(mark, 'hangup'), { janus: 'hangup', ...ids, reason: 'Admin API' })
      await succeeds(stage, 'detach_handle', {}, pathOf(handle))
      assert.deepEqual(await handle.event(mark, 'detached'), { janus: 'detached', ...ids })
      const before = wire.mark
      await succeeds(stage, 'destroy_session', {}, `/${session.id}`)
      await session.refused('keepalive', {}, 458, `No such session ${session.id}`)
      assert.equal(wire.mark, before + 1)
    },
  },
  {
    id: 'J-092',
    behaviour: 'the timeout of one session can be set: seconds, 0 for never, -1 for as all',
    needs,
    async run(stage) {
      const session = await stage.session()
      const set = (timeout: number) => succeeds(stage, 'set_session_timeout', { timeout }, `/${session.id}`)
      for (const timeout of [0, -1, 1]) {
        const { transaction, ...reply } = await set(timeout)
        assert.deepEqual(reply, { janus: 'success', session_id: session.id, timeout })
      }
      const isTimeout = ({ janus }: { janus: string }) => janus === 'timeout'
      await session.wire.seek(0, isTimeout, 8_000)
      await session.refused('keepalive', {}, 458, `No such session ${session.id}`)
    },
  },
  {
    id: 'J-103',
    behaviour: 'stored tokens: add, list, disallow, allow, remove, each in force at once',
    on: 'tokens',
    needs: ['admin', 'own'],
    async run(stage) {
      const token = 'stored'
      const plugin = stage.plugin.name
      const plugins = async (janus: string, fields: object) => {
        const { data } = await succeeds(stage, janus, { token, ...fields })
        return (data as unknown as { plugins: string[] }).plugins
      }
      assert.deepEqual(await plugins('add_token', { plugins: [plugin, 'janus.plugin.other'] }), [plugin])
      const { data } = await succeeds(stage, 'list_tokens')
      const { tokens } = data as unknown as { tokens: { token: string; allowed_plugins: string[] }[] }
      assert.deepEqual(
        tokens.find((each) => each.token === token),
        { token, allowed_plugins: [plugin] },
      )
      const wire = await stage.connect()
      const session_id = (await wire.request('create', { token })).data!.id
      const attach = () => wire.request('attach', { session_id, plugin, token })
      assert.equal((await attach()).janus, 'success')
      assert.deepEqual(await plugins('disallow_token', { plugins: [plugin] }), [])
      isError(await attach(), 405, `Provided token can't access plugin '${plugin}'`, session_id)
      assert.deepEqual(await plugins('allow_token', { plugins: [plugin] }), [plugin])
      assert.equal((await attach()).janus, 'success')
      const empty = await stage.admin('allow_token', { token, plugins: [] })
      isError(empty, 467, 'Invalid element type (plugins should be a non-empty array)')
      const unknown = await stage.admin('allow_token', { token, plugins: ['nope'] })
      isError(unknown, 467, 'Invalid element type (some of the provided plugins are invalid)')
      isError(await stage.admin('allow_token', { token: 'nope', plugins: [plugin] }), 470, 'Token nope not found')
      await succeeds(stage, 'remove_token', { token })
      isError(await stage.admin('remove_token', { token }), 490, 'Error removing token')
      isError(await attach(), 403, /^Unauthorized request/, session_id)
    },
  },
  {
    id: 'J-105',
    behaviour: 'token requests with signed tokens, or without tokens, are 490',
    on: 'guarded',
    needs: ['admin', 'own'],
    async run(stage) {
      for (const on of [stage, await stage.elsewhere('plain')]) {
        for (const [janus, fields] of [
          ['add_token', { token: 't' }],
          ['list_tokens', {}],
          ['allow_token', { token: 't', plugins: [stage.plugin.name] }],
          ['disallow_token', { token: 't', plugins: [stage.plugin.name] }],
          ['remove_token', { token: 't' }],
        ] as const) {
          isError(await on.admin(janus, fields), 490, 'Stored-Token based authentication disabled')
        }
      }
    },
  },
  {
    id: 'J-106',
    behaviour: 'admin: a listener and a secret of its own; ping and info are open',
    needs,
    async run(stage) {
      const session = await stage.session()
      for (const admin_secret of [undefined, 'wrong', 1, null]) {
        const refused = await stage.admin('list_sessions', { admin_secret })
        isError(refused, 403, 'Unauthorized request (wrong or missing secret/token)')
        assert.equal((await stage.admin('ping', { admin_secret })).janus, 'pong')
        assert.equal((await stage.admin('info', { admin_secret })).janus, 'server_info')
      }
      // Nothing of it on the listener of the clients.
      await session.refused('list_handles', {}, 453, "Unknown request 'list_handles'")
      isError(await session.wire.request('list_sessions'), 457, "Unhandled request 'list_sessions' at this path")
      const status = await refusal(stage.server.url, ['janus-admin-protocol'])
      assert.ok(status === undefined || status >= 400)
    },
  },
  {
    id: 'J-107',
    behaviour: 'admin: an unknown request is 457 at every level; what is no JSON is 454 over HTTP, 456 over WebSocket',
    needs,
    async run(stage) {
      const handle = await stage.handle()
      const text = "Unhandled request 'foo' at this path"
      isError(await stage.admin('foo'), 457, text)
      isError(await stage.admin('foo', {}, `/${handle.session.id}`), 457, text, handle.session.id)
      isError(await stage.admin('foo', {}, pathOf(handle)), 457, text, handle.session.id)
      const response = await fetch(stage.server.adminUrl!, { method: 'POST', body: 'zz' })
      const reply = (await response.json()) as Parameters<typeof isError>[0]
      isErrorWithout(reply, 454, "JSON error: on line 1: '[' or '{' expected near 'zz'")
      // On the same listener, where Janus has another port.
      if (!stage.plugin.sfu) return
      const url = stage.server.adminUrl!.replace(/^http/, 'ws')
      const wire = await Wire.open(url, 'janus-admin-protocol')
      isErrorWithout(await wire.ask('zz'), 456, 'Missing mandatory element (transaction)')
      await wire.close()
    },
  },
  {
    id: 'J-108',
    behaviour: 'admin: get_status, list_sessions, list_handles and handle_info have the shapes of Janus',
    needs,
    async run(stage) {
      const handle = await stage.handle()
      const { session } = handle
      const status = (await succeeds(stage, 'get_status')).status as object
      for (const key of ['token_auth', 'session_timeout', 'log_level', 'no_media_timer', 'slowlink_threshold']) {
        assert.ok(key in status, key)
      }
      assert.ok(((await succeeds(stage, 'list_sessions')).sessions as number[]).includes(session.id))
      const listed = await succeeds(stage, 'list_handles', {}, `/${session.id}`)
      assert.deepEqual([listed.session_id, listed.handles], [session.id, [handle.id]])
      await handle.up()
      const reply = await succeeds(stage, 'handle_info', {}, pathOf(handle))
      assert.deepEqual([reply.session_id, reply.handle_id], [session.id, handle.id])
      const info = reply.info as Record<string, Record<string, unknown>>
      assert.deepEqual([info.session_id, info.handle_id, info.plugin], [session.id, handle.id, stage.plugin.name])
      for (const key of ['created', 'current_time', 'plugin_specific', 'flags', 'sdps', 'webrtc']) {
        assert.ok(key in info, key)
      }
      assert.match(String(info.sdps!.local), /^v=0\r\n/)
      const { ice, dtls } = info.webrtc as Record<string, Record<string, unknown>>
      // Janus says connected for a full agent until it has nominated, and ready from then on.
      assert.match(String(ice!.state), /^(ready|connected)$/)
      assert.match(String(ice!['selected-pair']), / <-> /)
      assert.equal(dtls!['dtls-state'], 'connected')
      await assertBandwidth(stage)
    },
  },
  {
    id: 'J-109',
    behaviour: 'admin: handle_info with plugin_only has nothing of the PeerConnection',
    needs,
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const { info } = await succeeds(stage, 'handle_info', { plugin_only: true }, pathOf(handle))
      assert.ok('plugin_specific' in (info as object))
      for (const key of ['flags', 'sdps', 'webrtc']) assert.equal(key in (info as object), false, key)
    },
  },
  {
    id: 'J-110',
    behaviour: 'admin: set_* reply with what was set; what rostra has no such thing as is 490',
    needs,
    async run(stage) {
      const { status } = await succeeds(stage, 'get_status')
      for (const [janus, field, key, now] of settings) {
        // As it is: other rows run at the same time.
        const value = (status as Record<string, unknown>)[now]
        const reply = await stage.admin(janus, { [field]: value })
        if (reply.janus === 'error' && stage.plugin.sfu && withoutMeaning.has(janus)) isError(reply, 490, /\w/)
        else assert.deepEqual([reply.janus, reply[key]], ['success', value], JSON.stringify(reply))
      }
      const level = await stage.admin('set_log_level', { level: 8 })
      isError(level, 467, 'Invalid element type (level should be between 0 and 7)')
      isError(await stage.admin('set_log_level'), 456, 'Missing mandatory element (level)')
      const wrong = await stage.admin('set_no_media_timer', { no_media_timer: 'x' })
      isError(wrong, 467, 'Invalid element type (no_media_timer should be a positive integer)')
    },
  },
  {
    id: 'J-111',
    behaviour: 'admin: message_plugin wraps the response; an unknown plugin is 460',
    needs,
    async run(stage) {
      isError(await stage.admin('message_plugin', { plugin: 'nope', request: {} }), 460, 'Invalid plugin')
      const reply = await stage.admin('message_plugin', { plugin: stage.plugin.name, request: {} })
      const { transaction, ...rest } = reply
      assert.deepEqual(Object.keys(rest), ['janus', 'response'])
      assert.equal(typeof rest.response, 'object')
    },
  },
  {
    id: 'J-112',
    behaviour: 'admin: captures start and stop, and say 490 when they already have',
    on: 'capturing',
    needs,
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const path = pathOf(handle)
      for (const format of ['pcap', 'text2pcap']) {
        isError(await stage.admin(`stop_${format}`, {}, path), 490, 'Capture not started', handle.session.id)
        const where = stage.plugin.sfu ? {} : { folder: '/tmp', filename: `row-${handle.id}.${format}` }
        const started = await stage.admin(`start_${format}`, { ...where, truncate: 100 }, path)
        if (started.error?.reason.startsWith('Captures are off'))
          throw new NotApplicable('it was started without captures')
        assert.equal(started.janus, 'success', JSON.stringify(started))
        const again = await stage.admin(`start_${format}`, where, path)
        isError(again, 490, `${format} already started`, handle.session.id)
        await succeeds(stage, `stop_${format}`, {}, path)
      }
    },
  },
]
