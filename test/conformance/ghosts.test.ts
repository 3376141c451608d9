/** Ghosts: who vanishes without a word is gone for the others within 20 s; who comes back in time loses nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AUDIO_SSRC, openStage, publish, speak, subscribe } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { type JanusMessage, JanusSocket } from '../support/janus-socket.js'
import { readRemote } from '../support/media-client.js'

const GONE_MS = 20_000
/** A peer connection counts as silent after 15 s; the session of one who signals nothing either ends after 18. */
const RESTART_MS = 16_500
/** Consent lasts for 20 s. */
const ENDED_MS = 22_000

test('H-19 silent clients leave within 20 s; a claim, an ICE restart or a new peer connection in that time keeps the others', async (t) => {
  const flags = ['--workers', '1', '--reclaim-session-timeout', '60']
  const { server, clients, janus: observing } = await openStage(t, flags)
  const sessions: Record<string, JanusSocket> = {}
  for (const user of ['vanished', 'roamed', 'moved', 'claimed', 'revived', 'renewed']) {
    sessions[user] = await JanusSocket.open(server.webSocketUrl)
    t.after(() => sessions[user]!.close())
    await sessions[user].create()
  }
  const party = (user: string) => publish(sessions[user]!, clients, 'room', user)
  const [vanished, roamed, moved, claimed, revived, renewed] = [
    await party('vanished'),
    await party('roamed'),
    await party('moved'),
    await party('claimed'),
    await party('revived'),
    await party('renewed'),
  ]
  const witness = await publish(observing, clients, 'room', 'witness')
  const viewer = await subscribe(observing, clients, 'room', 'witness', 'moved')
  const voice = speak(moved.peer)
  t.after(() => voice.stop())
  await eventually('the witness hears who will move', () => viewer.peer.rtpPackets > 5)

  const roamedTalk = speak(roamed.peer)
  t.after(() => roamedTalk.stop())
  const roamedHearer = await subscribe(observing, clients, 'room', 'witness', 'roamed')
  await eventually('the witness hears who will roam', () => roamedHearer.peer.rtpPackets > 5)

  const late = speak(revived.peer)
  t.after(() => late.stop())
  const lateHearer = await subscribe(observing, clients, 'room', 'witness', 'revived')
  await eventually('the witness hears who will come back late', () => lateHearer.peer.rtpPackets > 5)

  for (const { peer } of [vanished, roamed, moved, claimed, revived, renewed]) peer.fallSilent()
  await Promise.all(Object.values(sessions).map((each) => each.request('keepalive')))
  const silentSinceMs = performance.now()
  const left = witness.handle.janus
    .next(({ plugindata }) => plugindata?.data.event === 'leave', GONE_MS)
    .then(({ plugindata }) => ({ userId: plugindata?.data.user_id, goneAfterMs: performance.now() - silentSinceMs }))

  // Another port, and nobody was told: the next check brings the call there.
  roamed.peer.changePort()
  roamedHearer.peer.rtpPackets = 0
  await eventually('the witness hears who roams', () => roamedHearer.peer.rtpPackets > 5)

  // Another network: the same peer connection goes on from a new address.
  moved.peer.moveToNewSocket()
  const offer = { type: 'offer', sdp: moved.peer.offer({ audio: AUDIO_SSRC, video: AUDIO_SSRC + 1 }) }
  const { jsep } = await moved.handle.message({}, offer)
  moved.peer.resume(readRemote(jsep!.sdp))
  const heard = viewer.peer.rtpPackets
  await eventually('the witness hears him again', () => viewer.peer.rtpPackets > heard + 5)

  // The socket is lost with the network: another takes the session over, media comes later.
  const claiming = await JanusSocket.open(server.webSocketUrl)
  t.after(() => claiming.close())
  claiming.sessionId = sessions.claimed!.sessionId
  assert.equal((await claiming.request('claim')).janus, 'success')
  const stays = setInterval(() => {
    for (const each of [claiming, sessions.renewed!]) void each.request('keepalive')
  }, 5_000)
  t.after(() => clearInterval(stays))

  // A browser restarts ICE when it has noticed, which is after the server has. Its next keepalive would be due at 25 s.
  await new Promise((resolve) => setTimeout(resolve, RESTART_MS - (performance.now() - silentSinceMs)))
  revived.peer.moveToNewSocket()
  const restart = { type: 'offer', sdp: revived.peer.offer({ audio: AUDIO_SSRC, video: AUDIO_SSRC + 1 }) }
  const restarted = await revived.handle.message({}, restart)
  revived.peer.resume(readRemote(restarted.jsep!.sdp))
  lateHearer.peer.rtpPackets = 0
  await eventually('the witness hears who came back late', () => lateHearer.peer.rtpPackets > 5)

  // The server has ended the peer connection; the client makes a new peer connection in time.
  const hangup = await renewed.handle.next('hangup', ENDED_MS - (performance.now() - silentSinceMs))
  assert.equal(hangup.reason, 'ICE failed')
  const again = clients.peer()
  const up = renewed.handle.next('webrtcup')
  const answer = await renewed.handle.message({}, { type: 'offer', sdp: again.offer({ audio: AUDIO_SSRC }) })
  await Promise.all([again.connect(readRemote(answer.jsep!.sdp)), up])

  const { userId, goneAfterMs } = await left
  assert.equal(userId, 'vanished')
  assert.ok(goneAfterMs < GONE_MS && goneAfterMs > 10_000, `gone after ${goneAfterMs} ms`)
  t.diagnostic(`gone after ${(goneAfterMs / 1000).toFixed(1)} s`)
  assert.equal(sessions.vanished!.messages.at(-1)!.janus, 'timeout')

  // Everybody else had the same time, and more.
  await new Promise((resolve) => setTimeout(resolve, GONE_MS + 1_000 - (performance.now() - silentSinceMs)))
  const stayed: Record<string, readonly JanusMessage[]> = {
    witness: observing.messages,
    roamed: sessions.roamed!.messages,
    moved: sessions.moved!.messages,
    claimed: [...sessions.claimed!.messages, ...claiming.messages],
    revived: sessions.revived!.messages,
    renewed: sessions.renewed!.messages,
  }
  for (const [user, messages] of Object.entries(stayed)) {
    const hangups = messages.filter(({ janus }) => janus === 'hangup').length
    assert.equal(hangups, user === 'claimed' || user === 'renewed' ? 1 : 0, `hangups of ${user}`)
    const leaves = messages.flatMap(({ plugindata }) => (plugindata?.data.event === 'leave' ? [plugindata.data] : []))
    assert.deepEqual(
      leaves.map(({ user_id }) => user_id),
      ['vanished'],
      `what ${user} is told`,
    )
  }
  const body = { kind: 'data', body: 'still here?' }
  for (const { handle } of [roamed, moved, revived, renewed]) {
    assert.equal((await handle.message(body)).plugindata?.data.success, true)
  }
  const reply = await claiming.request('message', { handle_id: claimed.handle.id, body })
  assert.equal(reply.plugindata?.data.success, true)
})
