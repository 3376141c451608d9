/** H-63: a media worker dies in the middle of a call. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStage, publish, speak, subscribe } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { readRemote } from '../support/media-client.js'

test('H-63 the only worker dies: the same handles reconnect on the first try, at once', async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '1'])
  const ann = await publish(janus, clients, 'alpha', 'ann')
  const bob = await subscribe(janus, clients, 'alpha', 'bob', 'ann')
  const hangups = [ann, bob].map(({ handle }) => handle.next('hangup', 1_000))
  process.kill(server.workerPids[0]!, 'SIGKILL')

  await hangups[0]
  const speaker = clients.peer()
  const { jsep } = await ann.handle.message({}, { type: 'offer', sdp: speaker.offer({ audio: 1 }) })
  assert.equal(jsep?.type, 'answer')
  await speaker.connect(readRemote(jsep.sdp))
  await hangups[1]
  const again = await bob.handle.message({ kind: 'subscribe', media: 'ann' })
  assert.equal(again.jsep?.type, 'offer')
  const listener = clients.peer()
  await bob.handle.message({}, { type: 'answer', sdp: listener.answer(again.jsep.sdp) })
  await listener.connect(readRemote(again.jsep.sdp))
  speaker.sendRtp({ ssrc: 1, pt: 111, extSeq: 9, timestamp: 0, marker: false }, new Uint8Array(50))
  speaker.flush()
  await eventually('sound again', () => listener.rtpPackets === 1)
})

test('H-63 its handles get hangup within 1 s, another room loses nothing, the same clients reconnect', async (t) => {
  const { server, clients, janus } = await openStage(t, ['--workers', '2'])
  // Joined before offering: each room is on one worker, the second room on the emptier one.
  const alpha = [await publish(janus, clients, 'alpha', 'ann'), await subscribe(janus, clients, 'alpha', 'bob', 'ann')]
  const beta = [await publish(janus, clients, 'beta', 'cid'), await subscribe(janus, clients, 'beta', 'dan', 'cid')]
  const ports = [alpha, beta].map((room) => new Set(room.map(({ peer }) => peer.remote!.port)))
  assert.deepEqual([ports[0]!.size, ports[1]!.size], [1, 1], 'a room is on one worker')
  assert.notDeepEqual(ports[0], ports[1], 'the rooms are on different workers')

  const voice = speak(beta[0]!.peer)
  t.after(() => voice.stop())
  await eventually('sound in beta', () => beta[1]!.peer.rtpPackets > 10)
  const victim = server.workerPids[(server.listening.rtcPorts as number[]).indexOf([...ports[0]!][0]!)]!
  const hangups = Promise.all(alpha.map(({ handle }) => handle.next('hangup', 1_000)))
  process.kill(victim, 'SIGKILL')
  for (const hangup of await hangups) assert.equal(typeof hangup.reason, 'string')

  const back = await eventually('ann publishes again on the same handle', async () => {
    const peer = clients.peer()
    const { handle } = alpha[0]!
    const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: 1 }) })
    if (!jsep) return false
    await peer.connect(readRemote(jsep.sdp))
    return peer
  })
  const listener = await subscribe(janus, clients, 'alpha', 'eve', 'ann')
  back.sendRtp({ ssrc: 1, pt: 111, extSeq: 9, timestamp: 0, marker: false }, new Uint8Array(50))
  back.flush()
  await eventually('sound in alpha again', () => listener.peer.rtpPackets === 1)

  voice.stop()
  await eventually('every packet of beta arrived', () => beta[1]!.peer.rtpPackets === voice.sent)
})
