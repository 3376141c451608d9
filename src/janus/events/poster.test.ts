import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Poster } from './poster.js'

async function open(t: TestContext, answer: RequestListener, timeoutMs: number) {
  const server = createServer(answer)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const stop = new AbortController()
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const poster = new Poster(url, 'secret', timeoutMs, stop.signal)
  t.after(() => {
    poster.close()
    server.close()
    server.closeAllConnections()
  })
  return { poster, stop }
}

test('nothing is kept of a POST that is over', async (t) => {
  const { poster, stop } = await open(t, (request, response) => request.resume().on('end', () => response.end()), 5_000)
  for (let n = 0; n < 20; n++) assert.equal((await poster.post('[]', String(n), 0)).kind, 'taken')
  while (getEventListeners(stop.signal, 'abort').length > 0) await new Promise(setImmediate)
  stop.abort()
  assert.equal((await poster.post('[]', 'late', 0)).kind, 'unavailable')
})

test('an answer that never ends holds the connection no longer than a POST may take', async (t) => {
  let posts = 0
  const answer: RequestListener = (_, response) => {
    posts++
    response.writeHead(200).write('x')
  }
  const { poster, stop } = await open(t, answer, 1_000)
  for (let n = 1; n <= 2; n++) {
    assert.equal((await poster.post('[]', String(n), 0)).kind, 'taken')
    assert.equal(posts, n)
    while (getEventListeners(stop.signal, 'abort').length > 0) await new Promise(setImmediate)
  }
})
