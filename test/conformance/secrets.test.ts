/** H-47: what is secret stays out of the log, whatever its level, out of errors, metrics, health, and what event handlers get. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { EventReceiver } from '../support/event-receiver.js'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients, readRemote } from '../support/media-client.js'
import { ADMIN_SECRET, HttpOperator } from '../support/operator.js'
import { startServer } from '../support/server-process.js'
import { openIssuer } from '../support/tokens.js'

const API_SECRET = 'api-secret-7f3a'
const SIGNING_SECRET = 'signing-secret-c04d'
const EVENT_SECRET = 'event-secret-91be'
const WRONG = ['wrong-api-secret-5e', 'wrong-admin-secret-6f', 'wrong-token-aa71', 'wrong-jwt-aa.bb.cc']

/** Clients and operators, right and wrong ones. @returns what each reply said, and what has to stay secret */
async function everybody(t: TestContext) {
  const issuer = openIssuer(t)
  const receiver = await EventReceiver.open()
  const server = await startServer([
    ...['--workers', '1', '--log-level', 'trace', '--admin-secret', ADMIN_SECRET, '--auth-key', issuer.file],
    ...['--api-secret', API_SECRET, '--token-auth', '--token-auth-secret', SIGNING_SECRET],
    ...['--event-url', receiver.url, '--event-secret', EVENT_SECRET],
  ])
  const clients = new MediaClients()
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(async () => {
    await clients.close()
    await janus.close()
    await server.stop()
    receiver.close()
  })
  const operator = new HttpOperator(server)
  const replies: unknown[] = []
  const apisecret = API_SECRET
  replies.push(await janus.request('create', { apisecret: WRONG[0], token: WRONG[2] }))
  janus.sessionId = (await janus.request('create', { apisecret })).data!.id
  const { data } = await janus.request('attach', { apisecret, plugin: 'janus.plugin.sfu' })
  const message = (body: object, jsep?: object) =>
    janus.request('message', { apisecret, handle_id: data!.id, body, ...(jsep && { jsep }) })
  const tokens = [await issuer.sign({ join_hub: true, exp: 1 }), await issuer.sign({ join_hub: true })]
  for (const token of [WRONG[3], ...tokens])
    replies.push(await message({ kind: 'join', room_id: 'room', user_id: 'ann', token }))
  const peer = clients.peer()
  const up = janus.next(({ janus }) => janus === 'webrtcup')
  const offer = peer.offer({ audio: 1 })
  const { jsep } = await message({}, { type: 'offer', sdp: offer })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  replies.push(await message({}, { type: 'offer', sdp: offer.replace('a=ice-ufrag', 'a=no-ufrag') }))
  replies.push(await operator.send('list_sessions', { admin_secret: WRONG[1] }))
  for (const path of ['/metrics', '/health']) replies.push(await (await operator.get(path, WRONG[1])).text())
  for (const path of ['/metrics', '/health']) replies.push(await (await operator.get(path, ADMIN_SECRET)).text())
  // Long polls have them in their URLs.
  const poll = (query: object) => fetch(`${server.url}/janus/1?${new URLSearchParams({ ...query })}`)
  for (const query of [{ apisecret: WRONG[0], token: WRONG[2] }, { apisecret }]) {
    const response = await poll(query)
    replies.push([response.status, [...response.headers], await response.text()])
  }
  await janus.request('destroy', { apisecret })
  const passwords = { 'our ICE password': readRemote(jsep!.sdp).pwd, "the client's ICE password": peer.pwd }
  const named: Record<string, string> = { API_SECRET, ADMIN_SECRET, SIGNING_SECRET, EVENT_SECRET, ...passwords }
  const secrets = [...Object.entries(named), ...[...WRONG, ...tokens].map((secret) => [secret, secret] as const)]
  return { server, receiver, replies, secrets }
}

test('H-47 secrets, tokens and ICE passwords are in no log line, error, metric, report of health or event', async (t) => {
  const { server, receiver, replies, secrets } = await everybody(t)
  // The last events are posted before it ends.
  assert.equal(await server.stop(), 0)
  const posts = receiver.posts.map(({ headers, body }) => JSON.stringify(headers) + body).join('\n')
  for (const told of ['"name":"attached"', '"connection":"webrtcup"', 'ice-pwd:(redacted)', '"status":"shutdown"'])
    assert.ok(posts.includes(told), `${told} is in no event`)
  const events = posts.replaceAll('ice-pwd:(redacted)', '')
  const said = { log: server.log.join('\n'), replies: JSON.stringify(replies), events }
  assert.ok(server.log.length >= 2 && replies.length >= 9)
  for (const [where, text] of Object.entries(said)) {
    for (const [what, secret] of secrets) {
      assert.ok(secret.length >= 11)
      assert.ok(!text.includes(secret), `${what} is in the ${where}`)
    }
    assert.doesNotMatch(text, /PRIVATE KEY|ice-pwd/)
  }
})
