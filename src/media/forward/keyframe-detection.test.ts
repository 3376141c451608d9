import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyframeDetection } from './keyframe-detection.js'
import { newPacket } from './packet.js'

/** What a packet is taken for. @param readable it says itself that it begins a keyframe */
function isKeyframe(detection: KeyframeDetection, timestamp: number, readable = false): boolean {
  const packet = newPacket()
  packet.keyframe = readable
  packet.view.timestamp = timestamp
  detection.take(packet)
  return packet.keyframe
}

/** As many requests without a keyframe. */
function ask(detection: KeyframeDetection, times: number): void {
  for (let inVain = 1; inVain <= times; inVain++) detection.asked(inVain)
}

test('a payload that shows no keyframe after six requests is taken to be encrypted: then each frame begins one', () => {
  const detection = new KeyframeDetection()
  ask(detection, 5)
  assert.deepEqual([detection.encrypted, isKeyframe(detection, 3000)], [false, false])
  ask(detection, 6)
  assert.equal(detection.encrypted, true)
  const frames = [6000, 6000, 9000, 9000, 12_000].map((timestamp) => isKeyframe(detection, timestamp))
  assert.deepEqual(frames, [true, false, true, false, true], 'with its first packet')
})

test('a stream that ever showed a keyframe is not encrypted, until another one goes on in its place', () => {
  const detection = new KeyframeDetection()
  assert.equal(isKeyframe(detection, 3000, true), true)
  ask(detection, 100)
  assert.equal(detection.encrypted, false)
  detection.reset()
  ask(detection, 6)
  assert.equal(detection.encrypted, true)
  isKeyframe(detection, 6000, true)
  assert.equal(isKeyframe(detection, 9000), false, 'it can be read after all')
})
