/**
 * Dependency descriptors, one after the other, each behind a byte with its length: a structure that one brings is what
 * those after it refer to. What is read depends on the element alone and stays within the limits; a structure that is
 * repeated is passed over, and says the same.
 */
import assert from 'node:assert/strict'
import { receiveTypes } from '../src/media/forward/codec-table.js'
import { LayerReader } from '../src/media/forward/layer-reader.js'
import { newPacket } from '../src/media/forward/packet.js'
import { wide } from '../src/media/forward/testing/layered-stream.js'
import {
  type DependencyStructure,
  hasStructure,
  newDependencyFrame,
  newDependencyStructure,
  readDependencyFrame,
  repeatsStructure,
} from '../src/media/rtp/extensions/index.js'
import { RtpFault, readRtp } from '../src/media/rtp/packet.js'

const ID = 9
const AV1 = receiveTypes([{ codec: 'AV1', pt: 45 }]).codec[45]!
const payload = Uint8Array.of(0x5a)

export function fuzz(bytes: Uint8Array): void {
  const structure = newDependencyStructure()
  const reader = new LayerReader({ structures_refused: 0 })
  for (let at = 0, seq = 0; at < bytes.length; at += 1 + bytes[at]!, seq++) {
    const element = bytes.subarray(at + 1, at + 1 + bytes[at]!)
    descriptor(element, structure)
    layers(element, reader, seq)
  }
}

function descriptor(element: Uint8Array, structure: DependencyStructure): void {
  const { length } = element
  const larger = new Uint8Array(length + 20).fill(0xff)
  larger.set(element, 5)
  const [frame, same, again] = [newDependencyFrame(), newDependencyFrame(), newDependencyFrame()]
  const own = hasStructure(element, 0, length)
  const other = own ? structuredClone(structure) : structure
  const sound = readDependencyFrame(element, 0, length, structure, frame)
  assert.equal(readDependencyFrame(larger, 5, length, other, same), sound)
  if (own) assert.ok(contents(other).equals(contents(structure)))
  const { targets, templates, rawBits } = structure
  assert.ok(templates <= 64 && targets <= 32 && rawBits <= 8 * 252)
  if (!sound) return
  assert.deepEqual(same, frame)
  const mask = targets === 32 ? -1 : (1 << targets) - 1
  assert.equal(frame.present & ~mask, 0)
  assert.equal(frame.switches & ~frame.present, 0)
  assert.ok(frame.spatial < 64 && frame.temporal < 64)
  if (!frame.hasStructure) return
  assert.ok(repeatsStructure(element, 0, length, structure))
  assert.ok(readDependencyFrame(element, 0, length, structure, again))
  assert.deepEqual(again, frame)
  assert.ok(contents(other).equals(contents(structure)))
}

const contents = (structure: DependencyStructure) =>
  Buffer.concat(
    Object.values(structure).map((value: number | Uint8Array | Int32Array | Uint32Array) =>
      typeof value === 'number' ? Buffer.from([value & 0xff, value >> 8]) : Buffer.from(value.buffer),
    ),
  )

/** Every third packet comes before the one before it. */
function layers(element: Uint8Array, reader: LayerReader, seq: number): void {
  const bytes = wide({
    ...{ pt: 45, seq: 1000 + seq - (seq % 3 === 2 ? 2 : 0), timestamp: 0, ssrc: 1, payload },
    ...{ marker: false, extensions: { [ID]: element } },
  })
  const packet = newPacket()
  assert.equal(readRtp(bytes, 0, bytes.length, packet.view), RtpFault.none)
  Object.assign(packet, { bytes, codec: AV1, extSeq: packet.view.seq, payloadLength: payload.length })
  reader.read(packet, bytes.length - payload.length, ID)
  if (!packet.layered) return
  assert.ok(reader.described)
  for (const targets of [packet.present, packet.begins, packet.continues, packet.ends]) {
    assert.equal(targets, targets | 0)
  }
  const target = reader.target(packet.spatial, packet.temporal)
  assert.ok(target < 32 && reader.spatialOf(target) >= 0)
}
