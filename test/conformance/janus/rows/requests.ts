/** J-032 … J-053: requests of the core, their checks, and the order of these. */
import assert from 'node:assert/strict'
import type { Row } from '../row.js'
import { isError, isErrorWithout } from '../stage.js'

/** Keys of `server_info` that every Janus has. */
const infoKeys = [
  ...['name', 'version', 'version_string', 'author', 'commit-hash', 'compile-time', 'log-to-stdout', 'log-to-file'],
  ...['data_channels', 'accepting-new-sessions', 'session-timeout', 'reclaim-session-timeout', 'candidates-timeout'],
  ...['server-name', 'local-ip', 'ipv6', 'ice-lite', 'ice-tcp', 'full-trickle', 'mdns-enabled', 'min-nack-queue'],
  ...['twcc-period', 'dtls-mtu', 'static-event-loops', 'api_secret', 'auth_token'],
  ...['event_handlers', 'opaqueid_in_api', 'dependencies', 'transports', 'events', 'loggers', 'plugins'],
]

/** An id that no session or handle has, for all practical purposes. */
const NOBODY = 4_503_599_627_370_497

export const requests: readonly Row[] = [
  {
    id: 'J-032',
    behaviour: 'ping gives pong with the transaction and no session_id',
    async run(stage) {
      const wire = await stage.connect()
      assert.deepEqual(await wire.ask({ janus: 'ping', transaction: 't' }), { janus: 'pong', transaction: 't' })
    },
  },
  {
    id: 'J-033',
    behaviour: 'info gives server_info with the keys of Janus; plugins lists the plugin',
    async run({ server, plugin }) {
      const { info } = server
      assert.equal(info.janus, 'server_info')
      for (const key of infoKeys) assert.ok(key in info, key)
      const listed = (info.plugins as Record<string, Record<string, unknown>>)[plugin.name]!
      assert.deepEqual(Object.keys(listed).sort(), ['author', 'description', 'name', 'version', 'version_string'])
      assert.equal('session_id' in info, false)
    },
  },
  {
    id: 'J-035',
    behaviour: 'create gives success with data.id and no session_id',
    async run(stage) {
      const wire = await stage.connect()
      const { data, ...rest } = await wire.ask({ janus: 'create', transaction: 't' })
      assert.deepEqual(rest, { janus: 'success', transaction: 't' })
      assert.deepEqual(Object.keys(data!), ['id'])
    },
  },
  {
    id: 'J-036',
    behaviour: 'ids are integers of at most 53 bits',
    async run(stage) {
      const wire = await stage.connect()
      for (let i = 0; i < 8; i++) {
        const session = await stage.session(wire)
        const handle = await session.attach()
        for (const { id } of [session, handle]) assert.ok(Number.isSafeInteger(id) && id >= 1, String(id))
      }
      // As text: a larger integer would have become another one by parsing.
      for (const text of wire.texts) {
        for (const [, id] of text.matchAll(/"id":\s*(\d+)/g)) assert.equal(id, String(Number(id)))
      }
    },
  },
  {
    id: 'J-037',
    behaviour: 'a session id chosen by the client is honoured; a taken one is 468 and named',
    async run(stage) {
      const id = Math.floor(Math.random() * 2 ** 52) + 1
      const session = await stage.session(undefined, { id })
      assert.equal(session.id, id)
      isError(await session.wire.request('create', { id }), 468, 'Session ID already in use', id)
    },
  },
  {
    id: 'J-038',
    behaviour: 'create with id 0 picks one; negative or not an integer is 467 without transaction',
    async run(stage) {
      assert.ok((await stage.session(undefined, { id: 0 })).id > 0)
      const wire = await stage.connect()
      for (const id of [-5, 'abc', 1.5, null, true, {}, []]) {
        const reply = await wire.ask({ janus: 'create', transaction: 't', id })
        isErrorWithout(reply, 467, 'Invalid element type (id should be a positive integer)')
      }
    },
  },
  {
    id: 'J-040',
    behaviour: 'request names are case-insensitive',
    async run(stage) {
      const handle = await stage.handle()
      assert.equal((await handle.session.request('KeepAlive')).janus, 'ack')
      assert.equal((await handle.request('HANGUP')).janus, 'success')
      assert.equal((await handle.wire.request('Info')).janus, 'server_info')
    },
  },
  {
    id: 'J-041',
    behaviour: 'missing transaction or janus is 456, another type 467, in that order and without transaction',
    async run(stage) {
      const { wire, id } = await stage.session()
      const cases: [object, number, string][] = [
        [{}, 456, 'Missing mandatory element (transaction)'],
        [{ janus: 'ping' }, 456, 'Missing mandatory element (transaction)'],
        [{ transaction: 't' }, 456, 'Missing mandatory element (janus)'],
        [{ janus: 1, transaction: 2 }, 467, 'Invalid element type (transaction should be a string)'],
        [{ janus: 1, transaction: 't' }, 467, 'Invalid element type (janus should be a string)'],
        [{ janus: null, transaction: 't' }, 467, 'Invalid element type (janus should be a string)'],
      ]
      for (const [message, code, reason] of cases) {
        isErrorWithout(await wire.ask(message), code, reason)
        isErrorWithout(await wire.ask({ ...message, session_id: id }), code, reason, id)
      }
    },
  },
  {
    id: 'J-042',
    behaviour: 'a transaction that is no string is refused, an empty one is accepted',
    async run(stage) {
      const wire = await stage.connect()
      for (const transaction of [1, null, true, [], {}]) {
        const reply = await wire.ask({ janus: 'ping', transaction })
        isErrorWithout(reply, 467, 'Invalid element type (transaction should be a string)')
      }
      assert.deepEqual(await wire.ask({ janus: 'ping', transaction: '' }), { janus: 'pong', transaction: '' })
    },
  },
  {
    id: 'J-043',
    behaviour: 'an unknown request is 457 without ids and 453 with a session',
    async run(stage) {
      const session = await stage.session()
      isError(await session.wire.request('foo'), 457, "Unhandled request 'foo' at this path")
      await session.refused('foo', {}, 453, "Unknown request 'foo'")
    },
  },
  {
    id: 'J-044',
    behaviour: 'a handle without a session is 458',
    async run(stage) {
      const wire = await stage.connect()
      isError(await wire.request('message', { handle_id: 1, body: {} }), 458, 'Session not found')
    },
  },
  {
    id: 'J-045',
    behaviour: 'an unknown session is 458 and echoed',
    async run(stage) {
      const wire = await stage.connect()
      const reply = await wire.request('keepalive', { session_id: NOBODY })
      isError(reply, 458, `No such session ${NOBODY}`, NOBODY)
    },
  },
  {
    id: 'J-046',
    behaviour: 'handle_id 0 or a string is 459, and so is an unknown one',
    async run(stage) {
      const session = await stage.session()
      for (const handle_id of [0, 'abc', 1.5]) await session.refused('hangup', { handle_id }, 459, 'Handle not found')
      const unknown = `No such handle ${NOBODY} in session ${session.id}`
      await session.refused('hangup', { handle_id: NOBODY }, 459, unknown)
    },
  },
  {
    id: 'J-047',
    behaviour: 'a session_id that is no integer counts as absent',
    async run(stage) {
      const wire = await stage.connect()
      for (const session_id of [null, 'abc', 1.5]) {
        const reply = await wire.request('keepalive', { session_id })
        isError(reply, 457, "Unhandled request 'keepalive' at this path")
      }
    },
  },
  {
    id: 'J-048',
    behaviour: 'ping, info and create with a session are 453',
    async run(stage) {
      const session = await stage.session()
      for (const name of ['ping', 'info', 'create']) await session.refused(name, {}, 453, `Unknown request '${name}'`)
    },
  },
  {
    id: 'J-049',
    behaviour: 'keepalive is acked with session_id and transaction',
    async run(stage) {
      const { wire, id: session_id } = await stage.session()
      const reply = await wire.ask({ janus: 'keepalive', transaction: 't', session_id })
      assert.deepEqual(reply, { janus: 'ack', session_id, transaction: 't' })
    },
  },
  {
    id: 'J-050',
    behaviour: 'attach gives success with data.id; unknown keys are ignored',
    async run(stage) {
      const session = await stage.session()
      const keys = { 'force-bundle': true, 'force-rtcp-mux': true, min_port: 1, opaque_id: 'o', nothing: null }
      const { data, transaction, ...rest } = await session.request('attach', { plugin: stage.plugin.name, ...keys })
      assert.deepEqual(rest, { janus: 'success', session_id: session.id })
      assert.deepEqual(Object.keys(data!), ['id'])
    },
  },
  {
    id: 'J-051',
    behaviour: 'attach errors 456, 467, 460 and 457',
    async run(stage) {
      const { session, id: handle_id } = await stage.handle()
      await session.refused('attach', {}, 456, 'Missing mandatory element (plugin)')
      await session.refused('attach', { plugin: 1 }, 467, 'Invalid element type (plugin should be a string)')
      await session.refused('attach', { plugin: 'nope' }, 460, "No such plugin 'nope'")
      const plugin = stage.plugin.name
      const wrong = 'Invalid element type (loop_index should be a positive integer)'
      await session.refused('attach', { plugin, loop_index: -1 }, 467, wrong)
      await session.refused('attach', { plugin, handle_id }, 457, "Unhandled request 'attach' at this path")
    },
  },
  {
    id: 'J-052',
    behaviour: 'null for an optional field is a wrong type',
    async run(stage) {
      const session = await stage.session()
      const wrong = 'Invalid element type (opaque_id should be a string)'
      await session.refused('attach', { plugin: stage.plugin.name, opaque_id: null }, 467, wrong)
    },
  },
  {
    id: 'J-053',
    behaviour: 'message without body is 456, with one that is no object 467',
    async run(stage) {
      const handle = await stage.handle()
      await handle.refused('message', {}, 456, 'Missing mandatory element (body)')
      for (const body of [null, 'text', 1, []]) {
        await handle.refused('message', { body }, 467, 'Invalid element type (body should be an object)')
      }
    },
  },
]
