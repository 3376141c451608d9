/** What the program posts to an event handler, by the ids of the conformance list. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type Party, publish, speak, subscribe } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { EventReceiver, type ReceivedEvent } from '../support/event-receiver.js'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients, readRemote } from '../support/media-client.js'
import { startServer } from '../support/server-process.js'

const SECRET = 'of the two of us'

async function start(t: TestContext, flags: readonly string[] = []) {
  const receiver = await EventReceiver.open()
  t.after(() => receiver.close())
  const server = await startServer([
    ...['--workers', '1', '--event-url', receiver.url, '--event-secret', SECRET, '--event-batch-delay', '0.02'],
    ...flags,
  ])
  t.after(() => server.stop())
  return { receiver, server }
}

const hostCandidate = { type: 'host', transport: 'udp', family: 4 }

const is = (type: number, wanted: object) => (event: ReceivedEvent) =>
  event.type === type && Object.entries(wanted).every(([key, value]) => event.event[key] === value)

test('J-129 a user comes, publishes, blocks and goes; the server starts and stops: all of it is told', async (t) => {
  const { receiver, server } = await start(t)
  const janus = await JanusSocket.open(server.webSocketUrl)
  const session_id = await janus.create()
  const fields = { plugin: 'janus.plugin.sfu', opaque_id: 'mine' }
  const handle_id = (await janus.request('attach', fields)).data!.id
  const message = (body: object, jsep?: object) => janus.request('message', { handle_id, body, ...(jsep && { jsep }) })
  await message({ kind: 'join', room_id: 'room', user_id: 'ann' })
  const clients = new MediaClients()
  t.after(() => clients.close())
  const peer = clients.peer()
  const { jsep } = await message({}, { type: 'offer', sdp: peer.offer({ video: 0x10ad }) })
  await peer.connect(readRemote(jsep!.sdp))
  await message({ kind: 'block', whom: 'bob' })
  await message({ kind: 'unblock', whom: 'bob' })
  await receiver.find(is(16, { connection: 'webrtcup' }))
  const { event: pair } = await receiver.find((event) => event.type === 16 && event.subtype === 4)
  const { local, remote } = pair.candidates as Record<string, { address: string; port: number }>
  assert.deepEqual(pair.candidates, {
    local: { address: readRemote(jsep!.sdp).ip, port: readRemote(jsep!.sdp).port, ...hostCandidate },
    remote: { address: '127.0.0.1', port: peer.port, ...hostCandidate, type: 'prflx' },
  })
  const written = `${local!.address}:${local!.port} [host,udp] <-> ${remote!.address}:${remote!.port} [prflx,udp]`
  assert.equal(pair['selected-pair'], written)
  await janus.request('hangup', { handle_id })
  await receiver.find(is(16, { connection: 'hangup', reason: 'Janus API' }))
  await janus.request('destroy')
  await janus.close()
  await receiver.find((event) => event.type === 128 && (event.event.data as { event: string }).event === 'disconnected')
  assert.equal(await server.stop('SIGTERM'), 0)
  // Sent before the program ends, so it is here.
  const last = receiver.events.at(-1)!
  assert.deepEqual([last.type, last.subtype, last.event], [256, 2, { status: 'shutdown', signum: 15 }])

  const story = receiver.events.map(({ type, subtype, event }) => {
    const { name, status, owner, connection, ice, dtls } = event
    const data = event.data as { event?: string } | undefined
    const what = name ?? status ?? owner ?? connection ?? ice ?? dtls ?? data?.event ?? Object.keys(event)[0]
    return `${type}${subtype === undefined ? '' : `/${subtype}`} ${String(what)}`
  })
  const inOrder = [
    ['256/1 started', '128 connected', '1 created', '2 attached', '64 join', '8 remote', '16/3 remote-candidate'],
    [
      '64 published',
      '8 local',
      '16/2 local-candidate',
      '16/1 connected',
      '16/5 connected',
      '16/6 webrtcup',
      '16/4 selected-pair',
    ],
    ['64 unpublished', '16/6 hangup', '64 leave', '2 detached', '1 destroyed', '128 disconnected', '256/2 shutdown'],
  ].flat()
  const offered = peer.offer({ video: 0x10ad }).includes('a=candidate:')
  assert.deepEqual(
    story.filter((each) => inOrder.includes(each)).filter((each, index, all) => all.indexOf(each) === index),
    inOrder.filter((each) => offered || each !== '16/3 remote-candidate'),
  )
  assert.ok(story.includes('64 block') && story.includes('64 unblock'), story.join())
  for (const event of receiver.events) {
    assert.equal(typeof event.emitter, 'string')
    assert.ok(Math.abs(event.timestamp / 1_000 - Date.now()) < 60_000)
    if (event.type > 1 && event.type <= 64) {
      assert.deepEqual([event.session_id, event.handle_id, event.opaque_id], [session_id, handle_id, 'mine'])
    }
  }
  const created = receiver.events.find(({ type }) => type === 1)!
  const connected = receiver.events.find(({ type }) => type === 128)!
  const { transport, id } = connected.event
  assert.deepEqual(created.event, { name: 'created', transport: { transport, id } })
  assert.doesNotMatch(JSON.stringify(receiver.events), /ice-pwd:[^(]/)
})

/** A publisher who speaks, and somebody who listens. */
async function call(t: TestContext, webSocketUrl: string) {
  const janus = await JanusSocket.open(webSocketUrl)
  await janus.create()
  const clients = new MediaClients()
  t.after(async () => {
    await clients.close()
    await janus.close()
  })
  const alice = await publish(janus, clients, 'room', 'alice')
  const bob = await subscribe(janus, clients, 'room', 'bob', 'alice')
  const voice = speak(alice.peer)
  t.after(() => voice.stop())
  return { alice, bob, voice }
}

test('J-129 statistics of each m-line: what a publisher sends and a subscriber gets grows', async (t) => {
  const { receiver, server } = await start(t, ['--events', 'media'])
  const { alice, bob } = await call(t, server.webSocketUrl)
  const channels = new DataChannels(alice.peer)
  t.after(() => channels.close())
  channels.send({ label: 'reliable', protocol: '', ordered: true }, new Uint8Array(10))
  /** The first statistics of an m-line with more than so many packets. */
  const beyond = async ({ handle }: Party, media: string, key: string, packets: number) => {
    const wanted = ({ type, subtype, handle_id, event }: ReceivedEvent) =>
      type === 32 && subtype === 3 && handle_id === handle.id && event.media === media && Number(event[key]) > packets
    return (await receiver.find(wanted)).event as Record<string, number>
  }
  for (const [party, key] of [
    [alice, 'packets-received'],
    [bob, 'packets-sent'],
  ] as const) {
    const first = await beyond(party, 'audio', key, 0)
    const later = await beyond(party, 'audio', key, first[key]!)
    const [there, back] = key === 'packets-received' ? ['received', 'sent'] : ['sent', 'received']
    assert.equal(later[`bytes-${there}`], later[key]! * 100)
    assert.deepEqual([later[`packets-${back}`], later[`bytes-${back}`]], [0, 0])
    assert.deepEqual([later.codec, later.base, later['in-link-quality']], ['opus', 48_000, 100])
    const lastSecond = (await beyond(party, 'audio', key, 75))[`bytes-${there}-lastsec`]!
    assert.ok(lastSecond > 2_500 && lastSecond < 7_500, `${lastSecond} bytes in a second of 50 packets`)
  }
  const data = await beyond(alice, 'data', 'packets-received', 0)
  // The client's data m-line is the first one.
  assert.deepEqual([data.mid, data.mindex, 'codec' in data], ['0', 0, false])
  assert.equal((await beyond(alice, 'audio', 'packets-received', 0)).mindex, 1)
})

test('J-129 without a period there are no statistics', async (t) => {
  const { receiver, server } = await start(t, ['--stats-period', '0'])
  const { voice } = await call(t, server.webSocketUrl)
  await receiver.find(is(32, { media: 'audio', receiving: true }))
  voice.stop()
  // A second of silence later at the earliest: by default statistics would have come before.
  await receiver.find(is(32, { media: 'audio', receiving: false }))
  assert.deepEqual(
    receiver.events.filter(({ type, subtype }) => type === 32 && subtype === 3),
    [],
  )
})

test('J-130 arrays by default, objects without grouping; types that are not wanted stay away', async (t) => {
  const { receiver, server } = await start(t, ['--events', 'sessions', '--event-grouping', 'false'])
  const janus = await JanusSocket.open(server.webSocketUrl)
  await janus.create()
  await janus.attach()
  await janus.close()
  await receiver.find(is(1, { name: 'destroyed' }))
  assert.ok(receiver.posts.every(({ body }) => body.startsWith('{')))
  assert.deepEqual([...new Set(receiver.events.map(({ type }) => type))], [1])

  const { receiver: grouped } = await start(t)
  await grouped.find(is(256, { status: 'started' }))
  assert.ok(grouped.posts.every(({ body }) => body.startsWith('[{')))
})

test('a POST that failed is sent again; every POST is signed; server_info and metrics know', async (t) => {
  const { receiver, server } = await start(t, ['--events', 'core,sessions'])
  await receiver.find(is(256, { status: 'started' }))
  receiver.statuses.push(500)
  const janus = await JanusSocket.open(server.webSocketUrl)
  await janus.create()
  await receiver.find(is(1, { name: 'created' }))
  const { headers, body } = receiver.posts.at(-1)!
  const [, seconds, signature] = /^t=(\d+),v1=(\w+)$/.exec(String(headers['rostra-signature']))!
  const signed = `${seconds}.${headers['rostra-delivery']}.${body}`
  assert.equal(signature, createHmac('sha256', SECRET).update(signed).digest('hex'))
  const info = (await (await fetch(`${server.url}/janus/info`)).json()) as Record<string, unknown>
  assert.equal(info.event_handlers, true)
  assert.deepEqual(Object.keys(info.events as object), ['rostra.eventhandler.http'])
  const metrics = await server.metrics()
  assert.match(metrics, /^rostra_events_total\{outcome="delivered"\} [1-9]/m)
  assert.match(metrics, /^rostra_events_total\{outcome="retried"\} 1$/m)
  await janus.close()
  assert.doesNotMatch(server.log.join('\n'), new RegExp(SECRET))
})

test('a request over HTTP is told of, and the session that it creates names it', async (t) => {
  const { receiver, server } = await start(t, ['--events', 'transports,sessions'])
  const body = JSON.stringify({ janus: 'create', transaction: 'c' })
  assert.equal((await fetch(`${server.url}/janus`, { method: 'POST', body })).status, 200)
  const created = await receiver.find(is(1, { name: 'created' }))
  const request = receiver.events[0]!.event as { transport: string; id: string; data: { event: string; ip: string } }
  assert.deepEqual([request.data.event, request.data.ip], ['request', '127.0.0.1'])
  const { transport, id } = request
  assert.deepEqual([transport, created.event.transport], ['janus.transport.http', { transport, id }])
})

test('off without a URL: nothing is announced, and nothing counted', async (t) => {
  const server = await startServer(['--workers', '1'])
  t.after(() => server.stop())
  const info = (await (await fetch(`${server.url}/janus/info`)).json()) as Record<string, unknown>
  assert.deepEqual([info.event_handlers, info.events], [false, {}])
  assert.doesNotMatch(await server.metrics(), /^rostra_events_total\{/m)
})
