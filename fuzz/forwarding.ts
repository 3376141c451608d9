/**
 * Bytes as RTP and as RTCP, of a publisher and of a subscriber, into a router that forwards: nothing throws, nothing
 * reaches a subscriber that is not its own, and afterwards the stream goes on without a gap.
 */
import assert from 'node:assert/strict'
import type { Peer } from '../src/media/forward/router.js'
import { vp8 } from '../src/media/forward/testing/packets.js'
import {
  AUDIO_SSRC,
  audioStream,
  Scene,
  sendAudio,
  sendVideo,
  VIDEO_RTX_SSRC,
  VIDEO_SSRC,
  videoStream,
} from '../src/media/forward/testing/scene.js'
import type { Ssrcs } from './rtcp-grammar.js'

const SUBSCRIBER_AUDIO = 20
const SUBSCRIBER_VIDEO = 30

/** SSRCs of the scene, of both sides. */
export const sceneSsrcs: Ssrcs = [
  ...[AUDIO_SSRC, VIDEO_SSRC, VIDEO_RTX_SSRC],
  ...[SUBSCRIBER_AUDIO, SUBSCRIBER_VIDEO, SUBSCRIBER_VIDEO + 1],
]

interface Stage {
  scene: Scene
  publisher: Peer
  subscriber: Peer
  seq: number
}

let stage: Stage | undefined
let uses = 0

/** One stage for many inputs, so that what an earlier one left behind is met by later ones. */
function open(): Stage {
  if (stage && uses++ < 200) return stage
  uses = 0
  const scene = new Scene()
  const publisher = scene.publisher([audioStream, videoStream])
  const subscriber = scene.subscriber(publisher, [sendAudio(SUBSCRIBER_AUDIO), sendVideo(SUBSCRIBER_VIDEO)])
  stage = { scene, publisher, subscriber, seq: 100 }
  return stage
}

export function fuzz(bytes: Uint8Array): void {
  if (bytes.length > 1472) return
  const { scene, publisher, subscriber } = open()
  for (const kind of ['rtp', 'rtcp'] as const) {
    for (const peer of [publisher, subscriber]) {
      scene.bytes(peer, bytes, kind)
      scene.advance(7)
    }
  }
  for (const { transport, ssrc } of scene.io.takeRtp()) {
    assert.equal(transport, subscriber.transport, 'media goes to the subscriber only')
    assert.ok([SUBSCRIBER_AUDIO, SUBSCRIBER_VIDEO, SUBSCRIBER_VIDEO + 1].includes(ssrc), `SSRC ${ssrc}`)
  }
  // What we say ourselves is RTCP: `said` throws otherwise.
  scene.said()
}

/** The stream goes on: a keyframe of the publisher arrives. */
export function goesOn(): void {
  const { scene, publisher, subscriber } = open()
  const before = scene.io.rtpSent.length
  // Bytes may have announced another number or SSRC: two packets in order are believed.
  for (let i = 0; i < 3; i++) {
    const seq = ((stage!.seq += 1) + 30_000) & 0xffff
    scene.rtp(publisher, {
      pt: 96,
      seq,
      timestamp: seq * 3000,
      ssrc: VIDEO_SSRC,
      extensions: { 4: '1' },
      payload: vp8(true),
    })
    scene.advance(1100)
  }
  const after = scene.io.takeRtp().slice(before)
  assert.ok(
    after.some(({ transport, ssrc }) => transport === subscriber.transport && ssrc === SUBSCRIBER_VIDEO),
    'a keyframe arrives',
  )
  scene.said()
}
