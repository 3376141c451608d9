/** H-41: floods, sizes, nesting and wrong types on one socket. Memory stays bounded and other sockets are served. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.js'
import { JanusSocket, type JanusTestHandle } from '../support/janus-socket.js'
import { residentBytes } from '../support/resident.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

/** What the attacks of this file may cost the main process, in MiB; measured: about 60. */
const GROWTH_MIB = 150

let server: ServerProcess
/** A client that only wants to be served. */
let honest: JanusSocket
let handle: JanusTestHandle
let beforeMib: number

const residentMib = () => residentBytes(server.pid) / 2 ** 20

before(async () => {
  server = await startServer(['--workers', '1'])
  honest = await JanusSocket.open(server.webSocketUrl)
  await honest.create()
  handle = await honest.attach()
  beforeMib = residentMib()
})

after(async () => {
  await honest.close()
  await server.stop()
})

/** The honest client gets a reply; gives after how many ms. */
async function served(): Promise<number> {
  const startMs = performance.now()
  const reply = await handle.message({ kind: 'subscribe', notifications: false })
  assert.deepEqual(reply.plugindata?.data, { success: true, response: {} })
  return performance.now() - startMs
}

async function alive(): Promise<void> {
  await served()
  assert.ok(residentMib() - beforeMib < GROWTH_MIB, `${residentMib() - beforeMib} MiB more than at first`)
  assert.equal(server.log.filter((line) => line.includes('bug')).length, 0)
}

test('H-41 10,000 messages a second on one socket: everybody else gets replies', async () => {
  const flooder = await JanusSocket.open(server.webSocketUrl)
  await flooder.create()
  const { id } = await flooder.attach()
  // Counted, not kept: the flood is the server's problem.
  flooder.socket.removeAllListeners('message')
  let replies = 0
  flooder.socket.on('message', () => replies++)
  const bodies = [
    (n: number) => ({ kind: 'join', room_id: `room ${n}`, user_id: `user ${n}` }),
    (n: number) => ({ kind: 'data', body: 'x'.repeat(n % 500) }),
    (n: number) => ({ kind: `garbage ${n}` }),
    (n: number) => ({ kind: 'subscribe', media: n }),
    () => ({}),
  ]
  let sent = 0
  const startMs = performance.now()
  const flood = setInterval(() => {
    for (const due = (performance.now() - startMs) * 10; sent < due; sent++) {
      const body = bodies[sent % bodies.length]!(sent)
      const request = {
        janus: 'message',
        transaction: String(sent),
        session_id: flooder.sessionId,
        handle_id: id,
        body,
      }
      flooder.socket.send(JSON.stringify(request))
    }
  }, 20)
  const delaysMs: number[] = []
  await eventually(
    '20,000 messages were sent',
    async () => {
      delaysMs.push(await served())
      return sent >= 20_000
    },
    { withinMs: 30_000 },
  )
  clearInterval(flood)
  assert.ok(sent / (performance.now() - startMs) > 8, 'as many in a second as said')
  assert.ok(delaysMs.length > 10, `served ${delaysMs.length} times`)
  assert.ok(Math.max(...delaysMs) < 2_000, `the slowest reply took ${Math.max(...delaysMs)} ms`)
  // An ack or an error for each, and nothing is owed in the end.
  await eventually('the flooder got his replies', () => replies >= sent, { withinMs: 30_000 })
  await flooder.close()
  await alive()
})

test('H-41 a frame of 64 MiB closes its socket, whether it comes whole or in pieces', async () => {
  for (const pieces of [1, 1024]) {
    const socket = new WebSocket(server.webSocketUrl, 'janus-protocol')
    await once(socket, 'open')
    // The rest of the frame may meet a socket that is closed already.
    socket.on('error', () => {})
    const piece = Buffer.alloc((64 * 1024 * 1024) / pieces, ' ')
    const closed = once(socket, 'close')
    for (let i = 0; i < pieces && socket.readyState === WebSocket.OPEN; i++) {
      await new Promise((resolve) => socket.send(piece, { binary: false, fin: i === pieces - 1 }, resolve))
    }
    const [code] = await closed
    assert.ok(code === 1009 || code === 1006, `closed with ${code}`)
    await alive()
  }
})

test('H-41 JSON nested 100,000 deep is an error of Janus, alone and inside of a body', async () => {
  const hostile = await JanusSocket.open(server.webSocketUrl)
  await hostile.create()
  const { id } = await hostile.attach()
  const deep = {
    array: '['.repeat(100_000),
    closed: '['.repeat(100_000) + ']'.repeat(100_000),
    object: '{"a":'.repeat(100_000),
  }
  for (const [name, text] of Object.entries(deep)) {
    const request = `{"janus":"message","transaction":"deep","session_id":${hostile.sessionId},"handle_id":${id},"body":`
    for (const document of [text, `${request}${text}}`]) {
      const reply = hostile.next(({ janus }) => janus === 'error')
      hostile.socket.send(document)
      assert.equal((await reply).error!.code, 454, name)
    }
  }
  assert.equal((await hostile.request('keepalive')).janus, 'ack', 'the socket goes on')
  await hostile.close()
  await alive()
})

const ids = { bad: [null, true, 1.5, 2 ** 53, {}, [], '', 'x'.repeat(257), 'new\nline'] }
const optionalIds = { bad: ids.bad.slice(1) }
const flags = { bad: ['true', 0, 1, {}, []] }
const texts = { bad: [null, 5, false, {}, []] }
const optionalTexts = { bad: texts.bad.slice(1) }
const objects = { bad: ['text', 5, true, []] }

/** A good body of each kind, and what each of its fields must not be. */
const table: { body: Record<string, unknown>; fields: Record<string, { bad: readonly unknown[] }> }[] = [
  {
    body: { kind: 'join', room_id: 'room', user_id: 'user' },
    fields: {
      room_id: ids,
      user_id: ids,
      token: optionalTexts,
      subscribe: objects,
      'subscribe.notifications': flags,
      'subscribe.data': flags,
      'subscribe.media': { bad: [true, ...optionalIds.bad.slice(1)] },
    },
  },
  {
    body: { kind: 'subscribe' },
    fields: {
      notifications: flags,
      data: flags,
      media: { bad: [true, ...optionalIds.bad.slice(1)] },
      what: objects,
      'what.notifications': flags,
      'what.data': flags,
      'what.media': { bad: [true, ...optionalIds.bad.slice(1)] },
    },
  },
  { body: { kind: 'block', whom: 'user' }, fields: { whom: ids } },
  { body: { kind: 'unblock', whom: 'user' }, fields: { whom: ids } },
  { body: { kind: 'data', body: 'text' }, fields: { body: texts, whom: optionalIds } },
  {
    body: { kind: 'kick', room_id: 'room', user_id: 'user' },
    fields: { room_id: ids, user_id: ids, token: optionalTexts },
  },
]

/** The body with another value for a field; the field may be inside of another. */
function withField(body: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const [name, inner] = path.split('.') as [string, string?]
  return { ...body, [name]: inner === undefined ? value : { [inner]: value } }
}

test('H-41 a wrong type in any field of any message is a failure that names the field', async () => {
  for (const { body, fields } of table) {
    for (const [path, { bad }] of Object.entries(fields)) {
      for (const value of bad) {
        const wrong = withField(body, path, value)
        const { janus, plugindata } = await handle.message(wrong)
        const text = JSON.stringify(wrong)
        assert.equal(janus, 'event', text)
        assert.equal(plugindata!.data.success, false, text)
        assert.equal(plugindata!.data.error!.code, 'invalid_message', text)
        assert.ok(plugindata!.data.error!.msg.startsWith(`Field "${path}"`), `${text}: ${plugindata!.data.error!.msg}`)
      }
    }
  }
  await alive()
})

test('H-41 kinds that do not exist, and requests that Janus does not know', async () => {
  for (const kind of ['', 'JOIN', 'constructor', '__proto__', 'toString', 'x'.repeat(100_000)]) {
    const { plugindata } = await handle.message({ kind })
    assert.equal(plugindata!.data.error!.code, 'unknown_kind', kind.slice(0, 20))
    assert.ok(plugindata!.data.error!.msg.length < 200, 'it is not quoted at length')
  }
  for (const kind of [null, 5, true, {}, ['join'], undefined]) {
    const { plugindata } = await handle.message({ kind, room_id: 'room' })
    assert.equal(plugindata!.data.error!.code, 'invalid_message', JSON.stringify(kind))
    assert.match(plugindata!.data.error!.msg, /^Field "kind"/)
  }
  for (const verb of ['', 'message ', 'constructor', '__proto__', 'x'.repeat(100_000)]) {
    const { janus, error } = await handle.request(verb)
    assert.deepEqual([janus, error!.code], ['error', 453], verb.slice(0, 20))
    assert.ok(error!.reason.length < 600)
  }
  await alive()
})
