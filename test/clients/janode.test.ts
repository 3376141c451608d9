/** Unmodified janode with the Handle class of examples/janode, against the program. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Janode, { type JanodeConnection, type JanodeHandle } from 'janode'
import { AUDIO_SSRC, speak } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { MediaClients, readRemote } from '../support/media-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

type Jsep = { type: 'offer' | 'answer'; sdp: string }
type Reply = { users: Record<string, string[]>; jsep?: Jsep }

interface SfuHandle extends JanodeHandle {
  join(fields: object): Promise<Reply>
  subscribe(what: object): Promise<Partial<Reply>>
  publish(jsep: Jsep): Promise<{ jsep: Jsep }>
  answer(jsep: Jsep): Promise<object>
  data(body: string, whom?: string): Promise<object>
  block(whom: string): Promise<object>
  unblock(whom: string): Promise<object>
  kick(fields: object): Promise<object>
}

interface SfuDescriptor {
  id: string
  Handle: new () => SfuHandle
  EVENT: Record<'JOIN' | 'LEAVE' | 'BLOCKED' | 'UNBLOCKED' | 'DATA' | 'OFFER', string>
}

const examples = new URL('../../../examples/janode/', import.meta.url)
const { default: sfu } = (await import(new URL('sfu-handle.js', examples).href)) as { default: SfuDescriptor }

const ADMIN_SECRET = 'of the operators'
let server: ServerProcess
const clients = new MediaClients()
const connections: JanodeConnection[] = []
Janode.Logger.setLevel('none')

before(async () => {
  server = await startServer(['--workers', '1', '--admin-secret', ADMIN_SECRET])
})

after(async () => {
  for (const connection of connections) await connection.close()
  await clients.close()
  await server.stop()
})

async function connect(): Promise<JanodeConnection> {
  const connection = await Janode.connect({ address: { url: server.webSocketUrl } })
  connections.push(connection)
  return connection
}

const attach = async () => (await (await connect()).create()).attach(sfu)

const told = async (handle: SfuHandle, event: string) => (await once(handle, event))[0]

const failure = (code: string) => (error: Error & { code?: string }) => error.code === code

test('join, notifications, data, blocks and failures', async () => {
  const [ann, bob] = [await attach(), await attach()]
  const subscribe = { notifications: true, data: true }
  const room_id = 'janode'
  assert.deepEqual(await ann.join({ room_id, user_id: 'ann', subscribe }), { users: { janode: ['ann'] } })
  const joined = told(ann, sfu.EVENT.JOIN)
  assert.deepEqual(await bob.join({ room_id, user_id: 'bob', subscribe }), { users: { janode: ['ann', 'bob'] } })
  assert.deepEqual(await joined, { event: 'join', user_id: 'bob', room_id })

  const heard = told(bob, sfu.EVENT.DATA)
  assert.deepEqual(await ann.data('hello'), {})
  assert.deepEqual(await heard, { event: 'data', body: 'hello', from: 'ann' })

  const blocked = told(bob, sfu.EVENT.BLOCKED)
  await ann.block('bob')
  assert.deepEqual(await blocked, { event: 'blocked', by: 'ann' })
  const unblocked = told(bob, sfu.EVENT.UNBLOCKED)
  const next = told(bob, sfu.EVENT.DATA)
  await ann.data('unheard')
  await ann.unblock('bob')
  assert.deepEqual(await unblocked, { event: 'unblocked', by: 'ann' })
  await ann.data('heard again')
  assert.equal((await next).body, 'heard again')

  await assert.rejects(bob.join({ room_id, user_id: 'bob' }), failure('already_joined'))
  await assert.rejects(bob.subscribe({ media: 'nobody' }), failure('nonexistent_publisher'))
  await assert.rejects(bob.kick({ room_id, user_id: 'ann' }), failure('kick_not_permitted'))

  const left = told(ann, sfu.EVENT.LEAVE)
  // Rejects when `detached` overtakes its `success`.
  await bob.detach()
  assert.deepEqual(await left, { event: 'leave', user_id: 'bob', room_id })
})

test('publish, subscribe, media events, hangup', async () => {
  const [publisher, viewer] = [await attach(), await attach()]
  const room_id = 'janode-media'
  await publisher.join({ room_id, user_id: 'publisher' })
  const peer = clients.peer()
  const up = told(publisher, 'handle_webrtcup')
  const { jsep } = await publisher.publish({ type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC }) })
  await publisher.trickle({ candidate: 'candidate:1 1 udp 1 192.0.2.7 9 typ host', sdpMid: '0', sdpMLineIndex: 0 })
  await publisher.trickleComplete()
  await Promise.all([peer.connect(readRemote(jsep.sdp)), up])

  const receiving = told(publisher, 'handle_media')
  const voice = speak(peer)
  assert.deepEqual(await receiving, { type: 'audio', receiving: true, mid: '1' })

  const { jsep: offer } = await viewer.join({ room_id, user_id: 'viewer', subscribe: { media: 'publisher' } })
  const other = clients.peer()
  const otherUp = told(viewer, 'handle_webrtcup')
  await viewer.answer({ type: 'answer', sdp: other.answer(offer!.sdp) })
  await Promise.all([other.connect(readRemote(offer!.sdp)), otherUp])
  await eventually('sound', () => other.rtpPackets > 10)
  voice.stop()

  const hungUp = told(viewer, 'handle_hangup')
  await viewer.hangup()
  assert.deepEqual(await hungUp, { reason: 'Janus API' })
})

test('an offer that is pushed', async () => {
  const [publisher, viewer] = [await attach(), await attach()]
  const room_id = 'janode-pushed'
  await publisher.join({ room_id, user_id: 'publisher' })
  const joined = await viewer.join({ room_id, user_id: 'viewer', subscribe: { media: 'publisher' } })
  assert.equal(joined.jsep, undefined)
  const offered = told(viewer, sfu.EVENT.OFFER)
  await publisher.publish({ type: 'offer', sdp: clients.peer().offer({ audio: AUDIO_SSRC }) })
  const { jsep } = (await offered) as { jsep: Jsep }
  assert.equal(jsep.type, 'offer')
  await viewer.answer({ type: 'answer', sdp: clients.peer().answer(jsep.sdp) })
})

test('without a Handle class a message rejects: hence the class', async () => {
  const handle = await (await (await connect()).create()).attach({ id: sfu.id })
  assert.ok(handle instanceof EventEmitter)
  await assert.rejects(handle.message({ kind: 'subscribe', notifications: true }), /unmanaged event/)
})

test('as an operator: sessions, handles, and what a handle does', async () => {
  const session = await (await connect()).create()
  const handle = await session.attach(sfu)
  const url = String(server.listening.admin).replace(/^http/, 'ws')
  const admin = await Janode.connect({ address: { url, apisecret: ADMIN_SECRET }, is_admin: true })
  connections.push(admin)
  assert.ok((await admin.listSessions()).sessions.includes(session.id))
  assert.deepEqual((await admin.listHandles(session.id)).handles, [handle.id])
  assert.equal((await admin.handleInfo(session.id, handle.id)).info.plugin, sfu.id)
})

test('the greeter of the examples says hello', async () => {
  const file = fileURLToPath(new URL('greeter.js', examples))
  const greeter = spawn(process.execPath, [file, server.webSocketUrl, 'greeted'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    for await (const line of createInterface({ input: greeter.stdout })) if (line === 'in greeted: greeter') break
    const ann = await attach()
    const heard = told(ann, sfu.EVENT.DATA)
    await ann.join({ room_id: 'greeted', user_id: 'ann', subscribe: { data: true } })
    assert.deepEqual(await heard, { event: 'data', body: 'hello ann', from: 'greeter' })
  } finally {
    greeter.kill()
    await once(greeter, 'exit')
  }
})
