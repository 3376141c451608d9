/** The listener over TLS: wss, https, and a certificate that is renewed under live sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { makeCertificate, type TestCertificate } from '../support/certificate.js'
import { JanusSocket } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]

function store(certificate: TestCertificate): void {
  writeFileSync(cert, certificate.cert)
  writeFileSync(key, certificate.key)
}

/** A GET that trusts one certificate. @returns what came, and the certificate it came under */
async function get(url: string, ca: string): Promise<{ status: number; body: string; fingerprint256: string }> {
  const sent = request(url, { ca, agent: false, servername: 'localhost' }).end()
  const [response] = await once(sent, 'response')
  let body = ''
  for await (const part of response) body += part
  return {
    status: response.statusCode,
    body,
    fingerprint256: (response.socket as TLSSocket).getPeerCertificate().fingerprint256,
  }
}

test('wss, REST and pages over TLS; SIGHUP takes a renewed certificate, and open sockets go on', async (t) => {
  const first = makeCertificate('first')
  store(first)
  const server = await startServer(['--workers', '1', '--http-port', '0', '--tls-cert', cert, '--tls-key', key])
  t.after(() => server.stop())
  assert.match(server.url, /^https:/)
  const httpOnly = `${String(server.listening.http)}/janus/ping`
  assert.equal((await get(httpOnly, first.cert)).fingerprint256, first.fingerprint256)
  const info = await get(`${server.url}/janus/info`, first.cert)
  assert.equal(info.fingerprint256, first.fingerprint256)
  assert.equal(JSON.parse(info.body).janus, 'server_info')
  assert.equal((await get(server.url, first.cert)).status, 200)
  const janus = await JanusSocket.open(server.webSocketUrl, { ca: first.cert })
  t.after(() => janus.close())
  await janus.create()

  const second = makeCertificate('second')
  store(second)
  await server.reload()
  assert.equal((await get(`${server.url}/janus/info`, second.cert)).fingerprint256, second.fingerprint256)
  assert.equal((await get(httpOnly, second.cert)).fingerprint256, second.fingerprint256)
  await assert.rejects(get(server.url, first.cert), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  assert.equal((await janus.request('keepalive')).janus, 'ack')
  const other = await JanusSocket.open(server.webSocketUrl, { ca: second.cert })
  await other.close()

  writeFileSync(key, first.key)
  const refused = await server.reload()
  assert.equal(refused.event, 'reload-refused')
  assert.match(String(refused.msg), /--tls-cert, --tls-key: .*mismatch/)
  assert.equal((await get(server.url, second.cert)).fingerprint256, second.fingerprint256)
})

test('plain HTTP on a TLS port gets nothing, and harms nobody', async (t) => {
  const certificate = makeCertificate()
  store(certificate)
  const server = await startServer(['--workers', '1', '--tls-cert', cert, '--tls-key', key])
  t.after(() => server.stop())
  await assert.rejects(fetch(server.url.replace('https:', 'http:')))
  assert.equal((await get(`${server.url}/janus/info`, certificate.cert)).status, 200)
})
