/** J-054 … J-078: what handles do with messages, descriptions, candidates and their own end. */
import assert from 'node:assert/strict'
import type { Message } from '../../../support/wire.js'
import type { Row } from '../row.js'
import { data, offerOf, value } from '../sdp.js'
import type { Handle } from '../stage.js'

const candidate = { candidate: 'candidate:1 1 udp 2130706431 192.0.2.7 9 typ host', sdpMid: '0', sdpMLineIndex: 0 }

async function acksTrickle(handle: Handle, fields: object): Promise<void> {
  const { transaction, ...reply } = await handle.request('trickle', fields)
  assert.deepEqual(reply, { janus: 'ack', session_id: handle.session.id }, JSON.stringify(fields))
}

export const handles: readonly Row[] = [
  {
    id: 'J-054',
    behaviour: 'a reply that the plugin gives at once is a success with sender and plugindata',
    reason: 'the SFU plugin acks every message and answers it by an event (ADR 6); Janus shows it with other plugins',
  },
  {
    id: 'J-055',
    behaviour: 'ack without sender first, then an event with the same transaction',
    async run(stage) {
      const handle = await stage.handle()
      const { ack, event } = await handle.message(stage.plugin.harmless)
      const { hint, transaction, ...rest } = ack
      assert.deepEqual(rest, { janus: 'ack', session_id: handle.session.id })
      assert.equal(event.transaction, transaction)
      assert.equal(event.sender, handle.id)
      assert.ok(handle.wire.received.indexOf(ack) < handle.wire.received.indexOf(event), 'ack before event')
    },
  },
  {
    id: 'J-056',
    behaviour: 'what the plugin pushes has no transaction',
    needs: ['sfu'],
    async run(stage) {
      const [a, b] = [await stage.handle(), await stage.handle()]
      const room_id = `push-${Math.random()}`
      const { mark } = a.wire
      await a.message({ kind: 'join', room_id, user_id: 'a', subscribe: { notifications: true } })
      await b.message({ kind: 'join', room_id, user_id: 'b' })
      const pushed = await a.wire.seek(mark, ({ plugindata }) => plugindata?.data.user_id === 'b')
      assert.deepEqual(pushed, {
        janus: 'event',
        session_id: a.session.id,
        sender: a.id,
        plugindata: { plugin: 'janus.plugin.sfu', data: { event: 'join', user_id: 'b', room_id } },
      })
    },
  },
  {
    id: 'J-057',
    behaviour: 'plugindata is always {plugin, data} with an object',
    async run(stage) {
      const handle = await stage.handle()
      await handle.message(stage.plugin.harmless)
      await handle.message(stage.plugin.refused)
      await handle.up()
      const events = handle.events('event')
      assert.ok(events.length >= 3, `${events.length} events`)
      for (const { plugindata } of events) {
        assert.deepEqual(Object.keys(plugindata!).sort(), ['data', 'plugin'])
        assert.equal(plugindata!.plugin, stage.plugin.name)
        assert.ok(typeof plugindata!.data === 'object' && !Array.isArray(plugindata!.data))
      }
    },
  },
  {
    id: 'J-058',
    behaviour: 'failures of the plugin are events, not errors',
    async run(stage) {
      const { event } = await (await stage.handle()).message(stage.plugin.refused)
      assert.equal(event.janus, 'event')
      assert.ok(stage.plugin.isRefusal(event), JSON.stringify(event))
    },
  },
  {
    id: 'J-059',
    behaviour: 'a jsep that is no object is 455',
    async run(stage) {
      const handle = await stage.handle()
      for (const jsep of [null, 'offer', 1, []]) {
        await handle.refused('message', { body: {}, jsep }, 455, 'Invalid jsep object')
      }
    },
  },
  {
    id: 'J-060',
    behaviour: 'jsep without type or sdp is 456, of another type 467',
    async run(stage) {
      const handle = await stage.handle()
      const missing = (name: string) => `JSEP error: missing mandatory element (${name})`
      const wrong = (name: string, type: string) => `JSEP error: invalid element type (${name} should be ${type})`
      const sdp = 'v=0'
      const cases: [object, number, string][] = [
        [{}, 456, missing('type')],
        [{ sdp }, 456, missing('type')],
        [{ type: 'offer' }, 456, missing('sdp')],
        [{ type: 1, sdp }, 467, wrong('type', 'a string')],
        [{ type: 'offer', sdp: 1 }, 467, wrong('sdp', 'a string')],
        [{ type: 'offer', sdp, trickle: 'yes' }, 467, wrong('trickle', 'a boolean')],
        [{ type: 'offer', sdp, e2ee: 1 }, 467, wrong('e2ee', 'a boolean')],
      ]
      for (const [jsep, code, reason] of cases) await handle.refused('message', { body: {}, jsep }, code, reason)
    },
  },
  {
    id: 'J-061',
    behaviour: 'a jsep type other than offer and answer is 464',
    async run(stage) {
      const jsep = { type: 'rollback', sdp: 'v=0' }
      const text = "JSEP error: unknown message type 'rollback'"
      await (await stage.handle()).refused('message', { body: {}, jsep }, 464, text)
    },
  },
  {
    id: 'J-062',
    behaviour: 'what is no SDP is 465; SDP that cannot be used is refused by the plugin (ADR 6)',
    async run(stage) {
      const handle = await stage.handle()
      const refused = (sdp: string, reason: string) =>
        handle.refused('message', { body: {}, jsep: { type: 'offer', sdp } }, 465, reason)
      await refused('garbage', "Invalid SDP (doesn't start with v=)")
      await refused('v=0\r\nt=0 0\r\n', 'Missing mandatory lines (o=, s= or m=)')
      // Janus answers with 465 here as well, on which deployed clients hang.
      const bare = offerOf(stage.peer(), [data]).replace(/a=fingerprint.*\r\n/g, '')
      if (!stage.plugin.sfu) return refused(bare, 'Error processing SDP')
      const { event } = await handle.message({}, { type: 'offer', sdp: bare })
      assert.equal((event.plugindata!.data.error as { code: string }).code, 'invalid_sdp')
      await handle.up()
    },
  },
  {
    id: 'J-063',
    behaviour: 'an answer without an offer is 469',
    async run(stage) {
      const jsep = { type: 'answer', sdp: offerOf(stage.peer(), [data]) }
      const text = 'Unexpected ANSWER (did we offer?)'
      await (await stage.handle()).refused('message', { body: {}, jsep }, 469, text)
    },
  },
  {
    id: 'J-064',
    behaviour: 'trickle: single, array, null, completed and no object at all are acked, without sender',
    async run(stage) {
      const handle = await stage.handle()
      const all = [
        candidate,
        null,
        { completed: true },
        { completed: false },
        'end',
        1,
        { ...candidate, candidate: '' },
      ]
      const check = async () => {
        for (const each of all) await acksTrickle(handle, { candidate: each })
        for (const candidates of [[], [candidate, null], [1, {}, candidate]]) await acksTrickle(handle, { candidates })
        await acksTrickle(handle, { candidate: { ...candidate, usernameFragment: 'x' } })
      }
      await check()
      await handle.up()
      await check()
    },
  },
  {
    id: 'J-065',
    behaviour: 'trickle with neither key is 456, with both 454',
    async run(stage) {
      const handle = await stage.handle()
      await handle.refused('trickle', {}, 456, 'Missing mandatory element (candidate|candidates)')
      const both = { candidate, candidates: [candidate] }
      await handle.refused('trickle', both, 454, "Can't have both candidate and candidates")
    },
  },
  {
    id: 'J-066',
    behaviour: 'candidates are validated once the negotiation is complete',
    async run(stage) {
      const handle = await stage.handle()
      const missing = (name: string) => `Trickle error: missing mandatory element (${name})`
      const wrong = (name: string, type: string) => `Trickle error: invalid element type (${name} should be ${type})`
      const cases: [unknown, number, string][] = [
        [{}, 456, missing('sdpMid or sdpMLineIndex')],
        [{ sdpMid: '0' }, 456, missing('candidate')],
        [{ sdpMid: 1, candidate: 'c' }, 467, wrong('sdpMid', 'a string')],
        [{ sdpMLineIndex: -1, candidate: 'c' }, 467, wrong('sdpMLineIndex', 'a positive integer')],
        [{ sdpMLineIndex: 'x', candidate: 'c' }, 467, wrong('sdpMLineIndex', 'a positive integer')],
        [{ sdpMid: '0', candidate: 1 }, 467, wrong('candidate', 'a string')],
      ]
      for (const [each] of cases) await acksTrickle(handle, { candidate: each })
      await handle.up()
      for (const [each, code, reason] of cases) await handle.refused('trickle', { candidate: each }, code, reason)
      await handle.refused('trickle', { candidates: 'x' }, 467, 'candidates is not an array')
    },
  },
  {
    id: 'J-067',
    behaviour: 'candidates before the offer are acked, and the PeerConnection comes up',
    async run(stage) {
      const handle = await stage.handle()
      await acksTrickle(handle, { candidate })
      await acksTrickle(handle, { candidate: { completed: true } })
      await handle.up()
    },
  },
  {
    id: 'J-068',
    behaviour: 'candidates for other m-lines are acked and ignored',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      await acksTrickle(handle, { candidate: { ...candidate, sdpMid: undefined, sdpMLineIndex: 1 } })
      await acksTrickle(handle, { candidate: { ...candidate, sdpMid: 'other', sdpMLineIndex: undefined } })
    },
  },
  {
    id: 'J-069',
    behaviour: 'a candidate that cannot be parsed is acked',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      await acksTrickle(handle, { candidate: { ...candidate, candidate: 'rubbish' } })
    },
  },
  {
    id: 'J-070',
    behaviour: 'queued candidates that are too old are dropped',
    reason:
      'an ICE-lite server uses no candidates, so nobody can see it; src/janus/trickle.test.ts holds the gateway to it',
  },
  {
    id: 'J-071',
    behaviour: 'hangup: success, then hangup with the reason Janus API',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const { mark } = handle.wire
      const { transaction, ...success } = await handle.request('hangup')
      const ids = { session_id: handle.session.id }
      assert.deepEqual(success, { janus: 'success', ...ids })
      const event = await handle.event(mark, 'hangup')
      assert.deepEqual(event, { janus: 'hangup', ...ids, sender: handle.id, reason: 'Janus API' })
    },
  },
  {
    id: 'J-072',
    behaviour: 'hangup without a PeerConnection: success and no event',
    async run(stage) {
      const handle = await stage.handle()
      assert.equal((await handle.request('hangup')).janus, 'success')
      await handle.message(stage.plugin.harmless)
      assert.deepEqual(handle.events('hangup'), [])
    },
  },
  {
    id: 'J-073',
    behaviour: 'two hangups: two success, one event',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const replies = await Promise.all([handle.request('hangup'), handle.request('hangup')])
      assert.deepEqual(
        replies.map(({ janus }) => janus),
        ['success', 'success'],
      )
      await handle.event(0, 'hangup')
      await handle.message(stage.plugin.harmless)
      assert.equal(handle.events('hangup').length, 1)
    },
  },
  {
    id: 'J-074',
    behaviour: 'a new offer works right after hangup, with new ICE credentials',
    async run(stage) {
      const handle = await stage.handle()
      const first = value(await handle.offer(offerOf(stage.peer(), [data])), 'ice-pwd')
      await handle.request('hangup')
      const second = value(await handle.offer(offerOf(stage.peer(), [data])), 'ice-pwd')
      assert.notEqual(first, second)
      await handle.request('hangup')
      await handle.up()
    },
  },
  {
    id: 'J-075',
    behaviour: 'detach: success, then detached; no hangup',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const { mark } = handle.wire
      const success = await handle.request('detach')
      const event = await handle.event(mark, 'detached')
      assert.deepEqual(event, { janus: 'detached', session_id: handle.session.id, sender: handle.id })
      const at = (message: Message) => handle.wire.received.indexOf(message)
      assert.ok(at(success) < at(event), 'success before detached')
      await handle.wire.ping()
      assert.deepEqual(handle.events('hangup'), [])
    },
  },
  {
    id: 'J-076',
    behaviour: 'the second detach is 459',
    async run(stage) {
      const handle = await stage.handle()
      await handle.request('detach')
      const { session, id } = handle
      await handle.refused('detach', {}, 459, `No such handle ${id} in session ${session.id}`)
    },
  },
  {
    id: 'J-077',
    behaviour: 'destroy: only success; later use is 458',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up()
      const { session, wire } = handle
      const { mark } = wire
      const { transaction, ...success } = await session.request('destroy')
      assert.deepEqual(success, { janus: 'success', session_id: session.id })
      await session.refused('keepalive', {}, 458, `No such session ${session.id}`)
      await wire.ping()
      assert.deepEqual(
        wire.received.slice(mark).map(({ janus }) => janus),
        ['success', 'error', 'pong'],
      )
    },
  },
  {
    id: 'J-078',
    behaviour: 'requests of sessions with a handle, and of handles without one, are 457',
    async run(stage) {
      const handle = await stage.handle()
      await handle.refused('attach', { plugin: stage.plugin.name }, 457, "Unhandled request 'attach' at this path")
      await handle.refused('destroy', {}, 457, "Unhandled request 'destroy' at this path")
      for (const name of ['message', 'trickle', 'hangup', 'detach']) {
        const fields = { body: {}, candidate: null }
        await handle.session.refused(name, fields, 457, `Unhandled request '${name}' at this path`)
      }
    },
  },
]
