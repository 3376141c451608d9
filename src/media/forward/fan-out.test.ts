/** Bugs of ours while a packet is handed out: each ends one peer, and no number is used for two packets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeSenderReport } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import type { SentRtp } from './testing/recording-io.js'
import { refuseRows } from './testing/refusing-io.js'
import { audioStream, PUBLISHER, Scene, sendAudio } from './testing/scene.js'
import { opus } from './testing/streams.js'

const BUG = new Error('made up')

/** Two publishers: of the first one there are three subscribers, of the other one there is one. */
function two(failed: number[]): { scene: Scene; publishers: Peer[]; subscribers: Peer[]; other: Peer } {
  const scene = new Scene({ failed })
  const publishers = [PUBLISHER, PUBLISHER + 1].map((endpoint) => scene.publisher([audioStream], endpoint))
  const subscribers = [10, 20, 30].map((ssrc) => scene.subscriber(publishers[0]!, [sendAudio(ssrc)]))
  const other = scene.subscriber(publishers[1]!, [sendAudio(40)])
  return { scene, publishers, subscribers, other }
}

/** Which stream got what, and under which number, counted from its first. */
function outline(sent: readonly SentRtp[]): string[] {
  const first = new Map<number, number>()
  return sent.map(({ ssrc, extSeq, payload }) => {
    if (!first.has(ssrc)) first.set(ssrc, extSeq)
    return `${ssrc} +${extSeq - first.get(ssrc)!}: ${payload.at(-1)}`
  })
}

test('a bug in one subscription ends its peer, and everybody else gets the packet', () => {
  const failed: number[] = []
  const { scene, publishers, subscribers } = two(failed)
  scene.rtp(publishers[0]!, opus(1))
  subscribers[1]!.feeds[0]!.subscription.decide = () => {
    throw BUG
  }
  scene.rtp(publishers[0]!, opus(2))
  scene.rtp(publishers[1]!, opus(7))
  scene.rtp(publishers[0]!, opus(3))
  assert.deepEqual(outline(scene.io.takeRtp()), [
    '10 +0: 1',
    '20 +0: 1',
    '30 +0: 1',
    '10 +1: 2',
    '30 +1: 2',
    '40 +0: 7',
    '10 +2: 3',
    '30 +2: 3',
  ])
  assert.deepEqual(failed, [subscribers[1]!.endpoint])
})

test('a row that the io refuses ends the peer that it was for; the rows behind it are lost, and none is sent twice', () => {
  const failed: number[] = []
  const { scene, publishers, subscribers } = two(failed)
  refuseRows(scene.io, subscribers[1]!.transport)
  scene.rtp(publishers[0]!, opus(1))
  scene.rtp(publishers[1]!, opus(7))
  scene.rtp(publishers[0]!, opus(2))
  assert.deepEqual(outline(scene.io.takeRtp()), ['10 +0: 1', '40 +0: 7', '10 +1: 2', '30 +0: 2'])
  assert.deepEqual(failed, [subscribers[1]!.endpoint])
})

test('what an io that fails altogether did not send does not go out with the next packet', () => {
  const { scene, publishers } = two([])
  const { io } = scene
  const fanout = io.fanout.bind(io)
  io.fanout = () => {
    throw BUG
  }
  assert.throws(() => scene.rtp(publishers[0]!, opus(1)), BUG)
  io.fanout = fanout
  scene.rtp(publishers[1]!, opus(2))
  assert.deepEqual(outline(io.takeRtp()), ['40 +0: 2'])
})

test('a bug in the report to one subscriber ends that one, and the others get theirs', () => {
  const failed: number[] = []
  const { scene, publishers, subscribers } = two(failed)
  scene.rtp(publishers[0]!, opus(1))
  const { io } = scene
  const rtcp = io.rtcp.bind(io)
  io.rtcp = (transport, offset, length) => {
    if (transport === subscribers[1]!.transport) throw BUG
    return rtcp(transport, offset, length)
  }
  scene.said()
  const bytes = new Uint8Array(64)
  const report = { ssrc: opus(1).ssrc, ntpSeconds: 1, ntpFraction: 2, rtpTimestamp: 3, packetCount: 4, octetCount: 5 }
  scene.rtcp(publishers[0]!, bytes.subarray(0, writeSenderReport(bytes, 0, report, [], 0)))
  assert.deepEqual(
    scene.said().map(({ transport }) => transport),
    [subscribers[0]!.transport, subscribers[2]!.transport],
  )
  assert.deepEqual(failed, [subscribers[1]!.endpoint])
})
