import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, test } from 'node:test'
import { Refusals } from '../refusals.js'
import { FakeClock } from '../testing/fake-clock.js'
import { type RestServer, startRest } from '../testing/rest-server.js'
import { unlimited } from './byte-budget.js'
import { anyOrigin } from './cors.js'
import { EventQueue } from './event-queue.js'
import { LongPolls } from './long-polls.js'
import { Exchange } from './rest-exchange.js'

const servers: RestServer[] = []
const HOLD_MS = 30_000

/** With a clock of its own for the polls: they are held until the test says otherwise. */
async function start(
  options: Parameters<typeof startRest>[0] = {},
  gateway: Parameters<typeof startRest>[1] = {},
): Promise<RestServer & { readonly pollClock: FakeClock; readonly held: (count: number) => Promise<void> }> {
  const pollClock = new FakeClock()
  const server = await startRest({ clock: pollClock, ...options }, gateway)
  servers.push(server)
  const held = async (count: number) => {
    while (server.rest.polls.live !== count) await new Promise(setImmediate)
  }
  return { ...server, pollClock, held }
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

const numbers = (events: readonly Record<string, unknown>[]) =>
  events.map(({ plugindata }) => (plugindata as { data: { n: number } }).data.n)

test('J-025 one event as an object, or up to maxev in an array, oldest first', async () => {
  const { attached, get, plugin } = await start()
  const { session } = await attached()
  const { port } = plugin.handles[0]!
  for (let n = 1; n <= 12; n++) port.push({ n })
  const one = async (query: string) => numbers([(await get(session + query)).json])
  const some = async (query: string) => numbers((await get(session + query)).events)
  assert.deepEqual(await one(''), [1])
  assert.deepEqual(await one('?rid=7&maxev=1'), [2])
  for (const [index, maxev] of ['0', '-5', 'x', '', '1.9'].entries()) {
    assert.deepEqual(await one(`?maxev=${maxev}`), [3 + index])
  }
  assert.deepEqual(await some('?rid=8&maxev=2'), [8, 9])
  assert.deepEqual(await some('?maxev=2.7'), [10, 11])
  assert.deepEqual(await some('?maxev=1e9'), [12])
})

test('J-026 a poll without events is answered with a keepalive after 30 s', async () => {
  const { attached, get, pollClock, held, gateway } = await start()
  const { session } = await attached()
  const one = get(session)
  await held(1)
  pollClock.advance(HOLD_MS - 1)
  assert.equal(gateway.live().sessions, 1)
  const second = get(`${session}?maxev=2`)
  await held(2)
  pollClock.advance(1)
  assert.deepEqual((await one).json, { janus: 'keepalive' })
  await held(1)
  pollClock.advance(HOLD_MS)
  assert.deepEqual((await second).events, [{ janus: 'keepalive' }])
  assert.equal(pollClock.timers, 0)
})

test('J-027 a held poll is answered by the first event; the next ones wait for the next poll', async () => {
  const { attached, get, held, plugin, pollClock } = await start()
  const { session, sessionId, handleId } = await attached()
  const poll = get(`${session}?maxev=10`)
  await held(1)
  const { port } = plugin.handles[0]!
  port.webrtcup()
  port.push({ n: 1 })
  port.push({ n: 2 })
  assert.deepEqual((await poll).events, [{ janus: 'webrtcup', session_id: sessionId, sender: handleId }])
  assert.deepEqual(numbers((await get(`${session}?maxev=10`)).events), [1, 2])
  assert.equal(pollClock.timers, 0)
})

test('J-028 of several held polls the first gets the event, the others a keepalive', async () => {
  const { attached, get, held, plugin } = await start()
  const { session } = await attached()
  const first = get(session)
  await held(1)
  const second = get(`${session}?maxev=3`)
  await held(2)
  const third = get(session)
  await held(3)
  plugin.handles[0]!.port.push({ n: 1 })
  assert.deepEqual(numbers([(await first).json]), [1])
  assert.deepEqual((await second).events, [{ janus: 'keepalive' }])
  assert.deepEqual((await third).json, { janus: 'keepalive' })
})

test('J-029 J-030 the start of a poll keeps its session alive; a timeout ends it with `timeout`, then 404', async () => {
  const { create, get, held, clock } = await start()
  const id = await create()
  for (let i = 0; i < 3; i++) {
    clock.advance(50_000)
    void get(`/${id}`)
    await held(i + 1)
  }
  // Polls that only wait are no activity.
  clock.advance(58_000)
  const last = get(`/${id}?maxev=2`)
  await held(4)
  clock.advance(59_000)
  await held(4)
  clock.advance(3000)
  // The oldest has the event.
  assert.deepEqual((await last).events, [{ janus: 'keepalive' }])
  await held(0)
  assert.equal((await get(`/${id}`)).status, 404)

  const next = await create()
  const poll = get(`/${next}`)
  await held(1)
  clock.advance(62_000)
  assert.deepEqual((await poll).json, { janus: 'timeout', session_id: next })
})

test('J-029 a session that nobody polls times out, and what waited for it is gone', async () => {
  const { attached, get, plugin, clock, gateway } = await start()
  const { session } = await attached()
  plugin.handles[0]!.port.push({ n: 1 })
  clock.advance(62_000)
  assert.equal(gateway.live().sessions, 0)
  assert.equal((await get(session)).status, 404)
})

test('destroy and claim answer held polls at once', async () => {
  const { create, post, get, held, pollClock } = await start()
  const id = await create()
  const poll = get(`/${id}`)
  await held(1)
  await post(`/${id}`, { janus: 'claim', transaction: 'c' })
  assert.deepEqual((await poll).json, { janus: 'keepalive' })
  const next = get(`/${id}?maxev=2`)
  await held(1)
  await post(`/${id}`, { janus: 'destroy', transaction: 'd' })
  assert.deepEqual((await next).events, [{ janus: 'keepalive' }])
  assert.equal((await get(`/${id}`)).status, 404)
  assert.equal(pollClock.timers, 0)
})

test('a poll whose client goes away takes no event with it', async () => {
  const { attached, get, held, plugin, pollClock } = await start()
  const { session } = await attached()
  const gone = new AbortController()
  const poll = get(session, { signal: gone.signal })
  await held(1)
  gone.abort()
  await assert.rejects(poll)
  await held(0)
  assert.equal(pollClock.timers, 0)
  plugin.handles[0]!.port.push({ n: 1 })
  assert.deepEqual(numbers([(await get(session)).json]), [1])
})

test('a stop answers every poll that is held', async () => {
  const { create, get, held, rest } = await start()
  const id = await create()
  const polls = [get(`/${id}`), get(`/${id}`)]
  await held(2)
  rest.polls.close()
  for (const poll of polls) assert.deepEqual((await poll).json, { janus: 'keepalive' })
})

test('H-41 polls are bounded: of a session the oldest is answered, of an address the newest refused', async () => {
  const { create, get, held, rest } = await start({ limits: { pollsPerSession: 2, pollsPerAddress: 3 } })
  const [a, b] = [await create(), await create()]
  const oldest = get(`/${a}`)
  await held(1)
  void get(`/${a}`)
  await held(2)
  void get(`/${a}`)
  assert.deepEqual((await oldest).json, { janus: 'keepalive' })
  await held(2)
  void get(`/${b}`)
  await held(3)
  const refused = await get(`/${b}`)
  assert.deepEqual([refused.status, refused.text], [429, ''])
  assert.equal(refused.headers.get('access-control-allow-origin'), '*')
  rest.polls.close()
  await held(0)
  void get(`/${b}`)
  await held(1)
})

test('H-41 polls sent without waiting for replies are bounded as well', async () => {
  const { create, listener, held, rest, pollClock } = await start()
  const id = await create()
  const socket = connect(listener.port, '127.0.0.1')
  socket.write(`GET /janus/${id} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(500))
  await held(16)
  let text = ''
  socket.on('data', (data) => (text += data))
  while (text.split('{"janus":"keepalive"}').length <= 484) await new Promise(setImmediate)
  assert.equal(rest.polls.live, 16)
  socket.destroy()
  await held(0)
  assert.equal(pollClock.timers, 0)
})

test('a poll whose client left while it waited for its turn takes no event', async (t) => {
  const polls = new LongPolls(new Refusals(), unlimited())
  const nothing = () => {}
  const queue = new EventQueue({
    ...{ address: 'a', unsent: unlimited(), query: new URLSearchParams(), clock: new FakeClock(), holdMs: HOLD_MS },
    ...{ bytesMax: 1000, pollsMax: 16, onAnsweredEarly: nothing, onOverflow: nothing },
  })
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('GET /janus/1 HTTP/1.1\r\nHost: x\r\n\r\n')
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const closed = new Promise((resolve) => request.on('error', nothing).once('close', resolve))
  client.destroy()
  await closed
  polls.hold(new Exchange(request, response, new URL('http://x/janus/1'), anyOrigin), queue, 'a', 10)
  assert.equal(polls.live, 0)
  queue.event({ janus: 'event' })
  const answers: string[] = []
  queue.poll({ eventsMax: 1, answer: (body) => answers.push(body) })
  assert.deepEqual(answers, ['{"janus":"event"}'])
})

test('H-42 a client that does not fetch its events: its session ends past the bound, others are unaffected', async () => {
  const { attached, get, held, plugin, gateway, log } = await start({ limits: { queuedBytes: 100_000 } })
  const [slow, other] = [await attached(), await attached()]
  const [slowPort, otherPort] = plugin.handles.map(({ port }) => port)
  const pad = 'x'.repeat(1000)
  for (let n = 0; n < 80; n++) slowPort!.push({ pad, n })
  await new Promise(setImmediate)
  assert.equal(gateway.live().sessions, 2)
  const taken = await get(`${slow.session}?maxev=50`)
  assert.equal(taken.events.length, 50)
  for (let n = 0; n < 40; n++) slowPort!.push({ pad, n })
  await new Promise(setImmediate)
  assert.equal(gateway.live().sessions, 2)
  // A hundred at once: none of them may throw, though the session ends on the way.
  for (let n = 0; n < 100; n++) slowPort!.push({ pad, n })
  await new Promise(setImmediate)
  assert.deepEqual(plugin.handles[0]!.calls, ['detached'])
  assert.deepEqual(gateway.live(), { sessions: 1, handles: 1 })
  assert.equal((await get(slow.session)).status, 404)
  assert.deepEqual(log.lines, ['warn: a client does not fetch its events: its session ends'])
  const poll = get(other.session)
  await held(1)
  otherPort!.push({ n: 7 })
  assert.deepEqual(numbers([(await poll).json]), [7])
})
