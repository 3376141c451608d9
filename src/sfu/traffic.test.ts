import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamFigures } from '../media/control.js'
import { mlineOrder } from './mline-order.js'
import { stage } from './testing/peer.js'

const figures: StreamFigures = {
  ...{ packets: 1, bytes: 2, bytesLastSecond: 3, nacks: 4, retransmissions: 5, lost: 6 },
  ...{ lossShare: 0.7, unrepairedShare: 0.8, jitterMs: 9, rttMs: 10 },
}

test('positions are those of the description, whatever is refused in it', () => {
  const sdp = [
    ...['v=0', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:d'],
    ...['m=audio 0 UDP/TLS/RTP/SAVPF 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=sendrecv', 'a=mid:v'],
    ...['m=application 0 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:x', ''],
  ].join('\r\n')
  const { positions, dataMid } = mlineOrder(sdp)
  assert.deepEqual([...positions, dataMid], [['d', 0], ['v', 2], ['x', 3], 'd'])
  assert.deepEqual(mlineOrder(''), { positions: new Map(), dataMid: undefined })
})

test('figures of all handles: by endpoint, with positions, and without those that ended', async () => {
  const made = stage()
  const [alice, viewer] = [made.peer(), made.peer('', 1001)]
  await alice.join('alice', undefined, 'hall')
  await alice.publish()
  await viewer.join('viewer', { media: 'alice' }, 'hall')
  const [published, viewed] = made.pool.endpoints
  const traffic = { received: { packets: 1, bytes: 2 }, sent: { packets: 3, bytes: 4 } }
  made.pool.known = [
    {
      endpoint: published!.id,
      inbound: [{ mid: '1', kind: 'audio', clockRate: 48_000, codec: 'opus', figures }],
      outbound: [],
      data: traffic,
    },
    {
      endpoint: viewed!.id,
      inbound: [],
      outbound: [{ mid: '1', kind: 'video', clockRate: 90_000, figures }],
      estimateBps: 300_000,
    },
    { endpoint: 99, inbound: [], outbound: [] },
  ]
  const [ofAlice, ofViewer, ...others] = await made.plugin.figures!()
  assert.equal(others.length, 0)
  const { mid, mindex, ...data } = ofAlice!.data!
  assert.deepEqual(data, traffic)
  assert.deepEqual([mid, mindex], ['0', 0], 'browsers that ask for a channel first have it first')
  assert.deepEqual([ofAlice!.sessionId, ofAlice!.handleId, ofAlice!.media.length], [1001, 100_100, 1])
  const [heard] = ofAlice!.media
  assert.deepEqual(
    [heard!.mid, heard!.mindex, heard!.direction, heard!.codec, heard!.figures],
    ['1', 1, 'receive', 'opus', figures],
  )
  const [sent] = ofViewer!.media
  assert.deepEqual([sent!.mid, sent!.mindex, sent!.direction, sent!.codec], ['1', 1, 'send', ''])
  assert.equal(ofViewer!.data, undefined)
  assert.deepEqual([ofAlice!.estimateBps, ofViewer!.estimateBps], [undefined, 300_000])

  alice.handle.hangup('Janus API')
  assert.deepEqual(
    (await made.plugin.figures!()).map(({ handleId }) => handleId),
    [ofViewer!.handleId],
  )
  made.pool.known = []
  assert.deepEqual(await made.plugin.figures!(), [])
})
