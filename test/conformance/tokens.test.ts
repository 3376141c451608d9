/** Token auth against the program: H-44, H-45 and H-46, end to end. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AUDIO_SSRC, openStage, speak } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { JanusSocket, type JanusTestHandle } from '../support/janus-socket.js'
import { type MediaClients, readRemote } from '../support/media-client.js'
import { type Issuer, openIssuer } from '../support/tokens.js'

const everything = { notifications: true, data: true }
const good = { join_hub: true }
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function enter(handle: JanusTestHandle, user_id: string, token: string | undefined, room_id = 'room') {
  const reply = await handle.message({ kind: 'join', room_id, user_id, subscribe: everything, token: token ?? null })
  return reply.plugindata!.data
}

const codeOf = async (...join: Parameters<typeof enter>) => {
  const { success, error } = await enter(...join)
  return success ? 'joined' : error!.code
}

/** Publishes sound on a handle, before or after it joins. */
async function publishSound(handle: JanusTestHandle, clients: MediaClients) {
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC }) })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  return peer
}

const chat = { label: 'chat', protocol: '', ordered: true }

/** What whoever must not listen got to hear, of whatever kind. */
function overheard(t: TestContext, handle: JanusTestHandle, channels: DataChannels, rtpPackets: () => number) {
  t.after(() => channels.close())
  return () => ({
    events: ['join', 'leave', 'data', 'blocked'].flatMap((name) => handle.events(name)),
    offers: handle.janus.messages.filter(({ sender, jsep }) => sender === handle.id && jsep?.type === 'offer'),
    channels: channels.heard,
    rtpPackets: rtpPackets(),
  })
}
const nothing = { events: [], offers: [], channels: [], rtpPackets: 0 }

/** Two users of a room who talk in every way that there is. */
async function conversation(t: TestContext, janus: JanusSocket, clients: MediaClients, issuer: Issuer) {
  const [ann, bob] = [await janus.attach(), await janus.attach()]
  for (const [handle, user] of [
    [ann, 'ann'],
    [bob, 'bob'],
  ] as const)
    assert.equal(await codeOf(handle, user, await issuer.sign(good)), 'joined')
  const [annPeer, bobPeer] = [await publishSound(ann, clients), await publishSound(bob, clients)]
  const voice = speak(annPeer)
  const [annChannels, bobChannels] = [new DataChannels(annPeer), new DataChannels(bobPeer)]
  t.after(() => {
    voice.stop()
    annChannels.close()
    bobChannels.close()
  })
  return async () => {
    const before = bobChannels.heard.length
    annChannels.send(chat, Buffer.from('between us'))
    const heard = bob.next('event')
    await ann.message({ kind: 'data', body: 'between us' })
    await heard
    await eventually('bob hears what ann says', () => bobChannels.heard.length > before)
  }
}

test('H-44: each bad token is refused with its own code, and nothing is delivered on that handle', async (t) => {
  const issuer = openIssuer(t)
  const { janus, clients } = await openStage(t, ['--workers', '1', '--auth-key', issuer.file])
  const talk = await conversation(t, janus, clients, issuer)
  const pem = readFileSync(issuer.file)
  const hs256 = `${base64({ alg: 'HS256' })}.${base64({ ...good, exp: Date.now() / 1000 + 300 })}`
  const forged = `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`
  const unsigned = `${base64({ alg: 'none' })}.${base64({ ...good, exp: Date.now() / 1000 + 300 })}.`
  const past = Math.floor(Date.now() / 1000) - 60
  const stranger = openIssuer(t)
  const cases: [name: string, token: string | undefined, code: string][] = [
    ['no token', undefined, 'anonymous_join'],
    ['none', unsigned, 'token_algorithm'],
    ['HS256 with the public key', forged, 'token_algorithm'],
    ['RS256, which is not configured', await issuer.sign(good, 'RS256'), 'token_algorithm'],
    ['expired', await issuer.sign({ ...good, exp: past }), 'token_expired'],
    ['not yet valid', await issuer.sign({ ...good, nbf: past + 600 }), 'token_not_yet_valid'],
    ['other room', await issuer.sign({ ...good, room_ids: ['other'] }), 'room_not_permitted'],
    ['no join_hub', await issuer.sign({}), 'join_not_permitted'],
    ['a claim of the wrong type', await issuer.sign({ join_hub: 'true' }), 'token_claim_invalid'],
    ['no exp', await issuer.signWithoutExpiry(good), 'token_claim_invalid'],
    ["another's identity", await issuer.sign({ ...good, user_id: 'ann' }), 'identity_mismatch'],
    ["another issuer's", await stranger.sign(good), 'token_invalid'],
    ['rubbish', 'eyJ.x.y', 'token_invalid'],
  ]
  const spies = []
  for (const [name, token, code] of cases) {
    const handle = await janus.attach()
    await handle.message({ kind: 'subscribe', ...everything })
    const peer = await publishSound(handle, clients)
    assert.equal(await codeOf(handle, 'mallory', token), code, name)
    const media = await handle.message({ kind: 'subscribe', media: 'ann' })
    assert.equal(media.plugindata?.data.success, false, name)
    const channels = new DataChannels(peer)
    channels.send(chat, Buffer.from('let me in'))
    spies.push({ name, heard: overheard(t, handle, channels, () => peer.rtpPackets) })
  }
  for (let i = 0; i < 3; i++) await talk()
  for (const { name, heard } of spies) assert.deepEqual([name, heard()], [name, nothing])
})

test('H-45: who never joined, or joined another room, hears nothing of this one', async (t) => {
  const { janus, clients } = await openStage(t, ['--workers', '1'])
  const issuer = openIssuer(t)
  const never = await janus.attach()
  const elsewhere = await janus.attach()
  assert.equal(await codeOf(elsewhere, 'eve', undefined, 'elsewhere'), 'joined')
  const spies = []
  for (const handle of [never, elsewhere]) {
    await handle.message({ kind: 'subscribe', data: true, notifications: false })
    const peer = await publishSound(handle, clients)
    const channels = new DataChannels(peer)
    channels.send(chat, Buffer.from('anybody?'))
    spies.push(overheard(t, handle, channels, () => peer.rtpPackets))
  }
  const talk = await conversation(t, janus, clients, issuer)
  for (const handle of [never, elsewhere]) {
    const { data } = (await handle.message({ kind: 'subscribe', media: 'ann' })).plugindata!
    assert.equal(data.error?.code, 'nonexistent_publisher')
    const sneaky = await janus.attach()
    const body = { kind: 'join', room_id: 'elsewhere', user_id: 'eve', subscribe: { media: 'ann' } }
    assert.equal((await sneaky.message(body)).plugindata?.data.error?.code, 'nonexistent_publisher')
  }
  for (let i = 0; i < 3; i++) await talk()
  for (const heard of spies) assert.deepEqual(heard(), nothing)
})

test('with tokens, who comes and goes is told only to those whose token is for that room', async (t) => {
  const issuer = openIssuer(t)
  const { janus } = await openStage(t, ['--workers', '1', '--auth-key', issuer.file])
  const [stranger, confined, everywhere] = [await janus.attach(), await janus.attach(), await janus.attach()]
  await stranger.message({ kind: 'subscribe', notifications: true })
  await enter(confined, 'con', await issuer.sign({ ...good, room_ids: ['lobby'] }), 'lobby')
  await enter(everywhere, 'eve', await issuer.sign(good), 'lobby')
  const comer = await janus.attach()
  const left = everywhere.janus.next(({ plugindata }) => plugindata?.data.event === 'leave')
  await enter(comer, 'new', await issuer.sign(good), 'room')
  await comer.request('detach')
  await left
  const heard = (handle: JanusTestHandle) =>
    [...handle.events('join'), ...handle.events('leave')].map(({ user_id, room_id }) => `${user_id} ${room_id}`)
  assert.deepEqual(heard(stranger), [])
  assert.deepEqual(heard(confined), ['eve lobby'])
  assert.deepEqual(heard(everywhere), ['new room', 'new room'])
})

test('H-46: without identity two clients of the same name live side by side', async (t) => {
  const issuer = openIssuer(t)
  const { server, janus, clients } = await openStage(t, ['--workers', '1', '--auth-key', issuer.file])
  const other = await JanusSocket.open(server.webSocketUrl)
  t.after(() => other.close())
  await other.create()
  const witness = await janus.attach()
  await enter(witness, 'witness', await issuer.sign(good))
  const [first, second] = [await janus.attach(), await other.attach()]
  for (const handle of [first, second]) {
    assert.equal(await codeOf(handle, 'ann', await issuer.sign(good)), 'joined')
    await publishSound(handle, clients)
  }
  for (const handle of [first, second]) {
    assert.equal((await handle.message({ kind: 'data', body: 'here' })).plugindata?.data.success, true)
  }
  assert.deepEqual([witness.events('join').length, witness.events('leave').length], [1, 0])
})

test('H-46: with identity the older client ends at once, and the others see leave, then join', async (t) => {
  const issuer = openIssuer(t)
  const flags = ['--workers', '1', '--auth-key', issuer.file, '--auth-bind-sub', 'true']
  const { server, janus, clients } = await openStage(t, flags)
  const other = await JanusSocket.open(server.webSocketUrl)
  t.after(() => other.close())
  await other.create()
  const token = (sub: string) => issuer.sign({ ...good, sub })
  const witness = await janus.attach()
  await enter(witness, 'witness', await token('witness'))
  const old = await other.attach()
  assert.equal(await codeOf(old, 'bob', await token('ann')), 'identity_mismatch')
  assert.equal(await codeOf(old, 'ann', await issuer.sign(good)), 'token_claim_invalid')
  assert.equal(await codeOf(old, 'ann', await token('ann')), 'joined')
  const oldPeer = await publishSound(old, clients)
  const detached = old.next('detached')
  // As clients do: first media, then the room.
  const recent = await janus.attach()
  await publishSound(recent, clients)
  assert.equal(await codeOf(recent, 'ann', await token('ann')), 'joined')
  await Promise.all([detached, oldPeer.closed])
  assert.equal((await old.message({ kind: 'data', body: 'still me' })).error?.code, 459)
  assert.equal((await other.request('keepalive')).janus, 'ack')
  const told = janus.messages
    .filter(({ sender, plugindata }) => sender === witness.id && plugindata?.data.user_id === 'ann')
    .map(({ plugindata }) => plugindata!.data.event)
  assert.deepEqual(told, ['join', 'leave', 'join'])
})

test('a late joiner subscribes to whoever joined with a token that has expired since', async (t) => {
  const issuer = openIssuer(t)
  const { janus, clients } = await openStage(t, ['--workers', '1', '--auth-key', issuer.file])
  const ann = await janus.attach()
  // The server is patient for five seconds, so for two more.
  const soon = Math.floor(Date.now() / 1000) - 3
  assert.equal(await codeOf(ann, 'ann', await issuer.sign({ ...good, exp: soon })), 'joined')
  await publishSound(ann, clients)
  await eventually('the token has expired', async () => {
    const handle = await janus.attach()
    return (await codeOf(handle, 'x', await issuer.sign({ ...good, exp: soon }))) === 'token_expired'
  })
  const late = await janus.attach()
  const body = { kind: 'join', room_id: 'room', user_id: 'late', token: await issuer.sign(good) }
  const reply = await late.message({ ...body, subscribe: { media: 'ann' } })
  assert.equal(reply.jsep?.type, 'offer')
})

test('SIGHUP reads the key anew: tokens of the old one are refused, who is in stays in', async (t) => {
  const issuer = openIssuer(t)
  const flags = ['--workers', '1', '--auth-key', issuer.file, '--auth-algorithms', 'RS256,PS256']
  const { server, janus } = await openStage(t, flags)
  const before = await janus.attach()
  assert.equal(await codeOf(before, 'ann', await issuer.sign(good)), 'token_algorithm')
  assert.equal(await codeOf(before, 'ann', await issuer.sign(good, 'PS256')), 'joined')
  const renewed = issuer.renew()
  const handle = await janus.attach()
  assert.equal(await codeOf(handle, 'bob', await renewed.sign(good, 'RS256')), 'token_invalid')
  assert.equal((await server.reload()).event, 'reloaded')
  assert.equal(await codeOf(handle, 'bob', await issuer.sign(good, 'RS256')), 'token_invalid')
  assert.equal(await codeOf(handle, 'bob', await renewed.sign(good, 'RS256')), 'joined')
  assert.equal((await before.message({ kind: 'data', body: 'here' })).plugindata?.data.success, true)
})

test('no token is ever logged', async (t) => {
  const issuer = openIssuer(t)
  const { server, janus } = await openStage(t, ['--workers', '1', '--log-level', 'trace', '--auth-key', issuer.file])
  const tokens = [await issuer.sign(good), await issuer.sign({}), 'not-a-token-at-all']
  for (const token of tokens) await enter(await janus.attach(), 'ann', token)
  for (const token of tokens) assert.ok(!server.log.join('\n').includes(token))
})

test('the examples of docs/tokens.md make keys, and tokens that the server takes', async (t) => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'rostra-example-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const page = readFileSync(join(root, 'docs/tokens.md'), 'utf8')
  for (const [, script, name] of page.matchAll(/```js\n(\/\/ (\w+\.mjs)[\s\S]*?)```/g)) {
    writeFileSync(join(folder, name!), script!)
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const run = (name: string) => spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8' })
  const made = run('keys.mjs')
  assert.deepEqual([made.status, made.stdout, made.stderr], [0, '', ''])
  assert.equal(statSync(join(folder, 'private.pem')).mode & 0o777, 0o600)
  assert.notEqual(run('keys.mjs').status, 0, 'keys that exist stay')
  const { janus } = await openStage(t, ['--workers', '1', '--auth-key', join(folder, 'public.pem')])
  for (const visit of [1, 2]) {
    const { stdout, stderr } = run('token.mjs')
    assert.equal(stderr, '')
    assert.equal(await codeOf(await janus.attach(), 'ann', stdout.trim(), 'lobby'), 'joined', `token ${visit}`)
  }
})
