/** One publisher whose subscribers are too many for its worker: the others live on another one, and notice nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedbackMedia, firstRtcp, isPli, newRtcpCursor, nextRtcp } from '../../src/media/rtp/rtcp/index.js'
import { writePli } from '../../src/media/rtp/rtcp/pli.js'
import { writeReceiverReport } from '../../src/media/rtp/rtcp/rr.js'
import {
  AUDIO_SSRC,
  OPUS,
  openStage,
  type Party,
  publish,
  type Stage,
  speak,
  subscribe,
  VIDEO_SSRC,
} from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { type MediaPeer, readRemote } from '../support/media-client.js'

const flags = ['--workers', '2', '--max-peer-connections-per-worker', '3']

type Listener = Party & { user: string }

/**
 * A publisher, two subscribers on its worker, which has no place for more, and two or three on the other one: who comes where
 * depends on what the workers have used so far.
 */
async function openAudience({ janus, clients }: Stage): Promise<{ ann: Party; near: Listener[]; far: Listener[] }> {
  const ann = await publish(janus, clients, 'hall', 'ann')
  const home = ann.peer.remote!.port
  const [near, far]: [Listener[], Listener[]] = [[], []]
  for (const user of ['bob', 'cid', 'dan', 'eve', 'fay']) {
    if (near.length === 2 && far.length >= 2) break
    const party = await subscribe(janus, clients, 'hall', user, 'ann')
    if (party.peer.remote!.port === home) near.push({ user, ...party })
    else far.push({ user, ...party })
  }
  assert.equal(near.length, 2)
  assert.ok(far.length >= 2)
  return { ann, near, far }
}

const heard = (parties: readonly Party[]) => parties.map(({ peer }) => peer.rtpPackets)
const workerAt = ({ server }: Stage, { peer }: Party) =>
  server.workerPids[(server.listening.rtcPorts as number[]).indexOf(peer.remote!.port)]!

/** SSRCs that the peer is asked for keyframes of. */
function watchKeyframeRequests(peer: MediaPeer): number[] {
  const asked: number[] = []
  const c = newRtcpCursor()
  peer.onRtcp = (bytes, offset, length) => {
    for (let ok = firstRtcp(c, bytes, offset, length); ok; ok = nextRtcp(c)) if (isPli(c)) asked.push(feedbackMedia(c))
  }
  return asked
}

/** A receiver report and a PLI. */
function keyframeRequest(mediaSsrc: number): Uint8Array {
  const bytes = new Uint8Array(64)
  const at = writeReceiverReport(bytes, 0, 1, [], 0)
  return bytes.subarray(0, at + writePli(bytes, at, 1, mediaSsrc))
}

test('everybody hears everything once, keyframes are asked for from afar, and the mirror ends with its audience', async (t) => {
  const stage = await openStage(t, flags)
  const { ann, near, far } = await openAudience(stage)
  const asked = watchKeyframeRequests(ann.peer)
  const video = (extSeq: number, keyframe: boolean) => {
    const packet = { ssrc: VIDEO_SSRC, pt: 96, extSeq, timestamp: extSeq * 3000, marker: true }
    ann.peer.sendRtp(packet, Uint8Array.of(0x10, keyframe ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0))
    ann.peer.flush()
  }
  let ssrc = 0
  far[1]!.peer.onRtp = (view) => {
    if (view.pt !== OPUS) ssrc = view.ssrc
  }
  video(1, false)
  await eventually('a keyframe is wanted', () => asked.includes(VIDEO_SSRC))
  video(2, true)
  await eventually('the picture is there', () => heard([...near, ...far]).every((count) => count === 1))
  const before = asked.length
  far[1]!.peer.sendRtcp(keyframeRequest(ssrc))
  await eventually('the request has crossed', () => asked.length > before)
  const voice = speak(ann.peer)
  await eventually('sound', () => voice.sent > 50)
  voice.stop()
  await eventually('everything arrived', () => heard([...near, ...far]).every((count) => count === 1 + voice.sent))
  assert.ok(asked.every((wanted) => wanted === VIDEO_SSRC))
  assert.equal((await stage.server.live()).mirrors, 1)
  for (const { handle } of far) await handle.request('detach')
  await eventually('no mirror is left', async () => (await stage.server.live()).mirrors === 0)
})

test('H-62 a block holds on the other worker too, and what comes after it has the next number', async (t) => {
  const stage = await openStage(t, flags)
  const { ann, near, far } = await openAudience(stage)
  const [blocked, other] = far as [Listener, Listener]
  const numbers: number[] = []
  blocked.peer.onRtp = ({ pt, seq }) => {
    if (pt === OPUS) numbers.push(seq)
  }
  const voice = speak(ann.peer)
  t.after(() => voice.stop())
  const goesOn = async (party: Party, packets: number) => {
    const before = party.peer.rtpPackets
    await eventually('sound', () => party.peer.rtpPackets >= before + packets)
  }
  await Promise.all([...near, ...far].map((party) => goesOn(party, 5)))
  await ann.handle.message({ kind: 'block', whom: blocked.user })
  await goesOn(other, 3)
  const heardBefore = numbers.length
  await Promise.all([...near, other].map((party) => goesOn(party, 25)))
  assert.equal(numbers.length, heardBefore)
  await ann.handle.message({ kind: 'unblock', whom: blocked.user })
  await goesOn(blocked, 25)
  const steps = numbers.slice(1).map((seq, i) => (seq - numbers[i]!) & 0xffff)
  assert.deepEqual([...new Set(steps)], [1])
})

test('the audience’s worker dies: its subscribers come back, the others lose nothing', async (t) => {
  const stage = await openStage(t, flags)
  const { ann, near, far } = await openAudience(stage)
  const voice = speak(ann.peer)
  t.after(() => voice.stop())
  await eventually('sound', () => heard(far).every((count) => count > 5))
  const hangups = far.map(({ handle }) => handle.next('hangup', 10_000))
  process.kill(workerAt(stage, far[0]!), 'SIGKILL')
  await Promise.all(hangups)
  await eventually('there are two workers again', async () => {
    const ups = (await stage.server.metrics()).match(/^rostra_worker_up\{.*\} 1$/gm)
    return ups?.length === 2
  })
  for (const { handle } of far) {
    const listener = stage.clients.peer()
    const { jsep } = await handle.message({ kind: 'subscribe', media: 'ann' })
    assert.notEqual(readRemote(jsep!.sdp).port, ann.peer.remote!.port, 'there is still no place at home')
    await handle.message({}, { type: 'answer', sdp: listener.answer(jsep!.sdp) })
    await listener.connect(readRemote(jsep!.sdp))
    await eventually('sound again', () => listener.rtpPackets > 5)
  }
  voice.stop()
  await eventually('nothing was lost elsewhere', () => heard(near).every((count) => count === voice.sent))
})

test('the publisher’s worker dies: those who listen from afar stay, and hear it when it is back', async (t) => {
  const stage = await openStage(t, flags)
  const { ann, near, far } = await openAudience(stage)
  const hangups = [ann, ...near].map(({ handle }) => handle.next('hangup', 10_000))
  process.kill(workerAt(stage, ann), 'SIGKILL')
  await Promise.all(hangups)
  await eventually('no mirror is left', async () => (await stage.server.live()).mirrors === 0)
  const speaker = await eventually('ann publishes again', async () => {
    const peer = stage.clients.peer()
    const { jsep } = await ann.handle.message({}, { type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC }) })
    if (!jsep) return false
    await peer.connect(readRemote(jsep.sdp))
    return peer
  })
  const voice = speak(speaker)
  t.after(() => voice.stop())
  await eventually('sound', () => heard(far).every((count) => count > 5))
})
