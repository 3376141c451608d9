import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { RecordingLog } from '../testing/client.js'
import { HttpBackend, type HttpBackendOptions } from './http-backend.js'

const SECRET = 'only the two of us know'

interface Post {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  answer(status: number): void
}

/** Takes POSTs; the test answers them. */
class Sink {
  readonly #server = createServer()
  readonly posts: Post[] = []
  #wake = () => {}

  static async open(t: TestContext): Promise<Sink> {
    const sink = new Sink()
    sink.#server.on('request', async (request, response: ServerResponse) => {
      let body = ''
      for await (const chunk of request) body += chunk
      sink.posts.push({ headers: request.headers, body, answer: (status) => response.writeHead(status).end('thanks') })
      sink.#wake()
    })
    await once(sink.#server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => sink.close())
    return sink
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`)
  }

  async next(): Promise<Post> {
    while (this.posts.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.posts.shift()!
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

function open(t: TestContext, url: URL, options: Partial<HttpBackendOptions> = {}) {
  const log = new RecordingLog()
  const backend = new HttpBackend({
    url,
    secret: SECRET,
    grouping: true,
    batchEvents: 3,
    batchDelayMs: 20,
    queue: { events: 100, characters: 10_000 },
    timeoutMs: 5_000,
    retry: { firstMs: 5, longestMs: 20, attempts: 3 },
    log,
    ...options,
  })
  t.after(() => backend.close(0))
  return { backend, log }
}

const event = (n: number) => ({ emitter: 'me', type: 1, timestamp: n, event: { n } })
const numbers = (post: Post) => (JSON.parse(post.body) as { timestamp: number }[]).map(({ timestamp }) => timestamp)

/** As docs/events.md tells receivers to do it. */
function verified({ headers, body }: Post, secret: string, nowSeconds = Date.now() / 1_000): boolean {
  const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['rostra-signature'])) ?? []
  if (!seconds || !signature || Math.abs(nowSeconds - Number(seconds)) > 300) return false
  const signed = `${seconds}.${headers['rostra-delivery']}.${body}`
  const expected = createHmac('sha256', secret).update(signed).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}

test('J-130 events go in arrays, in order, a batch when it is full and the rest after the delay', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url)
  for (let n = 1; n <= 4; n++) backend.publish(event(n))
  const first = await sink.next()
  assert.equal(first.headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(first.body), [event(1), event(2), event(3)])
  assert.equal(sink.posts.length, 0, 'one POST at a time')
  first.answer(204)
  const second = await sink.next()
  assert.deepEqual(numbers(second), [4])
  second.answer(200)
  await backend.close(5_000)
  assert.equal(backend.counts.delivered, 4)
})

test('J-130 without grouping each event is a POST of its own', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url, { grouping: false })
  for (const n of [1, 2]) backend.publish(event(n))
  for (const n of [1, 2]) {
    const post = await sink.next()
    assert.deepEqual(JSON.parse(post.body), event(n))
    post.answer(200)
  }
})

test('a POST is signed; another secret, body, delivery or time does not fit', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url)
  backend.publish(event(1))
  const post = await sink.next()
  assert.ok(verified(post, SECRET))
  assert.ok(!verified(post, 'another'))
  assert.ok(!verified({ ...post, body: `${post.body} ` }, SECRET))
  assert.ok(!verified({ ...post, headers: { ...post.headers, 'rostra-delivery': 'other' } }, SECRET))
  assert.ok(!verified(post, SECRET, Date.now() / 1_000 + 600))
  post.answer(200)
})

test('500, then 200: the same batch comes again, with the same delivery; the log says so twice, not more', async (t) => {
  const sink = await Sink.open(t)
  const { backend, log } = open(t, sink.url)
  backend.publish(event(1))
  const failed = await sink.next()
  failed.answer(500)
  const again = await sink.next()
  again.answer(500)
  const third = await sink.next()
  third.answer(200)
  assert.equal(again.body, failed.body)
  assert.equal(third.headers['rostra-delivery'], failed.headers['rostra-delivery'])
  await backend.close(5_000)
  assert.deepEqual([backend.counts.delivered, backend.counts.retried], [1, 2])
  assert.deepEqual(log.lines, ['warn: events cannot be delivered', 'info: events are delivered again'])
})

test('a batch that the backend always fails on is given up, and the next gets its turn', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url)
  for (const n of [1, 2, 3, 4]) backend.publish(event(n))
  for (let attempt = 1; attempt <= 3; attempt++) (await sink.next()).answer(500)
  const next = await sink.next()
  assert.deepEqual(numbers(next), [4])
  next.answer(200)
  await backend.close(5_000)
  assert.deepEqual([backend.counts.dropped_given_up, backend.counts.delivered], [3, 1])
})

test('what is refused is not sent again; "later" is tried for as long as it takes', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url)
  backend.publish(event(1))
  ;(await sink.next()).answer(400)
  backend.publish(event(2))
  for (let attempt = 1; attempt <= 6; attempt++) {
    const post = await sink.next()
    assert.deepEqual(numbers(post), [2])
    post.answer(attempt % 2 ? 503 : 429)
  }
  ;(await sink.next()).answer(200)
  await backend.close(5_000)
  assert.deepEqual([backend.counts.dropped_rejected, backend.counts.delivered], [1, 1])
})

test('a backend that is slow holds up nothing: the oldest that wait go, are counted, and the backend is told', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url, { queue: { events: 5, characters: 10_000 } })
  for (const n of [1, 2, 3]) backend.publish(event(n))
  const slow = await sink.next()
  for (let n = 4; n <= 20; n++) backend.publish(event(n))
  assert.deepEqual([backend.queued, backend.counts.dropped_queue_full], [5, 12])
  slow.answer(200)
  const next = await sink.next()
  assert.deepEqual(numbers(next), [16, 17, 18])
  assert.equal(next.headers['rostra-events-dropped'], '12')
  next.answer(200)
  ;(await sink.next()).answer(200)
  await backend.close(5_000)
  assert.equal(backend.counts.delivered, 8)
})

test('a backend that never answers is asked again after the timeout', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url, { timeoutMs: 30 })
  backend.publish(event(1))
  await sink.next()
  const again = await sink.next()
  assert.deepEqual(numbers(again), [1])
  assert.ok(backend.counts.retried >= 1)
})

test('nobody listens: nothing is lost while there is room', async (t) => {
  const gone = await Sink.open(t)
  const { url } = gone
  gone.close()
  const { backend, log } = open(t, url)
  backend.publish(event(1))
  while (backend.counts.retried < 5) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(log.lines, ['warn: events cannot be delivered'])
  await backend.close(0)
  assert.equal(backend.counts.dropped_shutdown, 1)
})

test('close sends what waits at once, and gives up on a backend that does not answer', async (t) => {
  const sink = await Sink.open(t)
  const { backend } = open(t, sink.url, { batchDelayMs: 600_000 })
  backend.publish(event(1))
  const closing = backend.close(10_000)
  ;(await sink.next()).answer(200)
  await closing
  assert.equal(backend.counts.delivered, 1)
  backend.publish(event(2))
  assert.equal(backend.counts.dropped_shutdown, 1)

  const { backend: stuck } = open(t, sink.url)
  for (const n of [1, 2, 3, 4]) stuck.publish(event(n))
  await sink.next()
  await stuck.close(50)
  assert.equal(stuck.counts.dropped_shutdown, 4)
  await stuck.close(50)
  assert.equal(stuck.counts.dropped_shutdown, 4)
})
