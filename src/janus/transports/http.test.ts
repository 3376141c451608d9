import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { RecordingLog, world } from '../testing/client.js'
import { createHttpListener, type HttpListener } from './http.js'
import { createRest } from './rest.js'
import { createStaticFiles } from './static-files.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-http-'))
const log = new RecordingLog()
const { gateway } = world()
let listener: HttpListener

before(async () => {
  const page = join(folder, 'page')
  mkdirSync(join(page, 'sub'), { recursive: true })
  mkdirSync(join(folder, 'page-secret'))
  writeFileSync(join(page, 'index.html'), '<!doctype html>')
  writeFileSync(join(page, 'app.js'), 'export {}')
  writeFileSync(join(page, 'empty.css'), '')
  writeFileSync(join(page, 'a b.txt'), 'spaced')
  writeFileSync(join(page, '.hidden'), 'secret')
  writeFileSync(join(page, 'sub', 'index.html'), 'sub')
  writeFileSync(join(folder, 'page-secret', 'x.txt'), 'secret')
  symlinkSync(join(folder, 'page-secret', 'x.txt'), join(page, 'link.txt'))
  const routes = [createStaticFiles({ base: '/', directory: page }), createRest({ gateway, log })]
  listener = await createHttpListener({ host: '127.0.0.1', port: 0, routes, log })
})

after(async () => {
  await listener.close()
  await listener.close()
  rmSync(folder, { recursive: true })
  gateway.close()
})

/** Sends a request as it is written, which `fetch` would tidy up. @returns the whole response */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let response = ''
    const socket = connect(listener.port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => (response += data))
    socket.on('end', () => resolve(response))
    socket.on('error', reject)
  })
}

const rawGet = (target: string) => raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)

test('the page and its files, with types and safe headers', async () => {
  const cases: [string, string, string][] = [
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/?room=1', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/app.js', 'text/javascript; charset=utf-8', 'export {}'],
    ['/empty.css', 'text/css; charset=utf-8', ''],
    ['/a%20b.txt', 'text/plain; charset=utf-8', 'spaced'],
    ['/sub/', 'text/html; charset=utf-8', 'sub'],
  ]
  for (const [path, type, body] of cases) {
    const response = await fetch(listener.url + path)
    assert.equal(response.status, 200, path)
    assert.equal(response.headers.get('content-type'), type)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'self'/)
    assert.equal(response.headers.get('cache-control'), 'no-cache')
    assert.equal(await response.text(), body)
  }
})

test('HEAD has the headers only; unchanged files are 304', async () => {
  const head = await fetch(`${listener.url}/app.js`, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('content-length'), '9')
  assert.equal(await head.text(), '')
  const etag = head.headers.get('etag')!
  const modified = head.headers.get('last-modified')!
  const statusFor = async (headers: Record<string, string>) =>
    (await fetch(`${listener.url}/app.js`, { headers })).status
  assert.equal(await statusFor({ 'if-none-match': etag }), 304)
  assert.equal(await statusFor({ 'if-none-match': `"x", ${etag}` }), 304)
  assert.equal(await statusFor({ 'if-none-match': '"x"', 'if-modified-since': modified }), 200)
  assert.equal(await statusFor({ 'if-modified-since': modified }), 304)
  assert.equal(await statusFor({ 'if-modified-since': new Date(0).toUTCString() }), 200)
  assert.equal(await statusFor({ 'if-modified-since': 'rubbish' }), 200)
})

test('nothing outside the folder, and nothing hidden', async () => {
  const targets = [
    '/../page-secret/x.txt',
    '/%2e%2e/page-secret/x.txt',
    '/..%2fpage-secret%2fx.txt',
    '/sub/..%5c..%5cpage-secret/x.txt',
    '/.hidden',
    '/%2ehidden',
    '/link.txt',
    '/sub',
    '/app.js%00.html',
    '/app.js/',
    '/%',
    '//etc/passwd',
    '/nothing.html',
    '/-secret/x.txt',
  ]
  for (const target of targets) {
    const response = await rawGet(target)
    assert.match(response, /^HTTP\/1\.1 404 /, target)
    assert.ok(!response.includes('secret\n') && !response.endsWith('secret'), target)
  }
  assert.match(await rawGet('http://x/app.js'), /^HTTP\/1\.1 200 /)
  assert.match(await raw('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

test('other methods are 405; a missing favicon is no error', async () => {
  const post = await fetch(listener.url, { method: 'POST', body: 'x' })
  assert.equal(post.status, 405)
  assert.equal(post.headers.get('allow'), 'GET, HEAD')
  assert.equal((await fetch(`${listener.url}/favicon.ico`)).status, 204)
})

test('J-018 J-022 GET /janus/info; CORS on everything under /janus', async () => {
  const info = await fetch(`${listener.url}/janus/info`)
  assert.equal(info.headers.get('content-type'), 'application/json')
  assert.equal(info.headers.get('access-control-allow-origin'), '*')
  const body = (await info.json()) as Record<string, unknown>
  assert.equal(body.janus, 'server_info')
  assert.equal(String(body.transaction).length, 11)
  assert.equal(body.name, 'rostra')
  const post = await fetch(`${listener.url}/janus/info`, { method: 'POST', body: '{}' })
  assert.deepEqual([post.status, await post.text()], [400, ''])
  for (const path of ['/janus', '/janus/', '/janus/0', '/janus/abc']) {
    const response = await fetch(listener.url + path)
    assert.deepEqual([response.status, await response.text()], [404, ''], path)
    assert.equal(response.headers.get('access-control-max-age'), '86400')
  }
  const headers = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
  const options = await fetch(`${listener.url}/janus/1`, { method: 'OPTIONS', headers })
  assert.equal(options.status, 200)
  assert.equal(options.headers.get('access-control-allow-methods'), 'POST')
  assert.equal(options.headers.get('access-control-allow-headers'), 'content-type')
  assert.equal((await fetch(`${listener.url}/janusx`)).status, 404)
})

test('an upgrade without anybody to take it is refused', async () => {
  const response = await raw('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  assert.match(response, /^HTTP\/1\.1 404 /)
})

test('H-66 a taken port rejects', async () => {
  const taken = createHttpListener({ host: '127.0.0.1', port: listener.port, routes: [], log })
  await assert.rejects(taken, { code: 'EADDRINUSE' })
})

test('H-66 PEM texts that are none reject', async () => {
  const tls = { cert: 'no certificate', key: 'no key' }
  await assert.rejects(createHttpListener({ host: '127.0.0.1', port: 0, tls, routes: [], log }))
})

test('a route that throws ends its request, loudly; the listener lives', async () => {
  const broken = { base: '/', handle: () => assert.fail('broken') }
  const other = await createHttpListener({ host: '127.0.0.1', port: 0, routes: [broken], log })
  await assert.rejects(fetch(other.url))
  assert.equal(log.lines.at(-1), 'error: an HTTP route threw: this is a bug')
  await other.close()
})
