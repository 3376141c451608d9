import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../../../test/support/hex.js'
import { descriptor, type Structure } from '../../forward/testing/layers.js'
import { newDependencyFrame, newDependencyStructure, readDependencyFrame } from './dependency-structure.js'

/** L2T2: two spatial layers, two temporal ones; targets in the order S0T0, S0T1, S1T0, S1T1. */
const l2t2: Structure = {
  offset: 60,
  templates: [
    { spatial: 0, temporal: 0, dtis: 'SSSS', fdiffs: [] },
    { spatial: 0, temporal: 0, dtis: 'SSRR', fdiffs: [4] },
    { spatial: 0, temporal: 1, dtis: '-D-R', fdiffs: [2] },
    { spatial: 1, temporal: 0, dtis: '--SS', fdiffs: [1] },
    { spatial: 1, temporal: 0, dtis: '--RR', fdiffs: [4, 1] },
    { spatial: 1, temporal: 1, dtis: '---D', fdiffs: [2, 1] },
  ],
  sizes: [
    [640, 360],
    [1280, 720],
  ],
}

function read(bytes: Uint8Array, structure = newDependencyStructure()) {
  const frame = newDependencyFrame()
  const padded = Uint8Array.from([0xff, 0xff, ...bytes, 0xff, 0xff])
  return { sound: readDependencyFrame(padded, 2, bytes.length, structure, frame), frame, structure }
}

test('dependency structure: templates, targets, sizes, and the frame that it came with', () => {
  const { sound, frame, structure } = read(descriptor({ template: 60, frame: 7, structure: l2t2 }))
  assert.ok(sound)
  assert.deepEqual([structure.templates, structure.targets, structure.chains], [6, 4, 1])
  assert.deepEqual([...structure.targetSpatial.subarray(0, 4)], [0, 0, 1, 1])
  assert.deepEqual([...structure.targetTemporal.subarray(0, 4)], [0, 1, 0, 1])
  assert.deepEqual([...structure.present.subarray(0, 6)], [15, 15, 10, 12, 12, 8])
  assert.deepEqual([...structure.switches.subarray(0, 6)], [15, 3, 0, 12, 0, 0])
  assert.deepEqual([...structure.references.subarray(0, 6)], [0, 1, 1, 1, 2, 2])
  assert.deepEqual([...structure.widths], [640, 1280, 0, 0])
  assert.deepEqual([...structure.heights], [360, 720, 0, 0])
  const { startOfFrame, hasStructure, independent, frameNumber } = frame
  assert.deepEqual([startOfFrame, hasStructure, independent, frameNumber], [true, true, true, 7])
})

test('dependency structure: later frames refer to templates, whose ids wrap, or say something of their own', () => {
  const { structure } = read(descriptor({ template: 60, frame: 7, structure: l2t2 }))
  const wrapped = read(descriptor({ template: 60 + 5, frame: 8, end: false }), structure)
  assert.ok(wrapped.sound)
  const { spatial, temporal, present, switches, independent, endOfFrame } = wrapped.frame
  assert.deepEqual([spatial, temporal, present, switches, independent, endOfFrame], [1, 1, 8, 0, false, false])
  const own = read(descriptor({ template: 61, frame: 9, dtis: 'S-DR', fdiffs: [] }), structure)
  assert.ok(own.sound)
  assert.deepEqual([own.frame.present, own.frame.switches, own.frame.independent], [13, 1, true])
  assert.equal(read(descriptor({ template: 61, frame: 9, fdiffs: [3, 16] }), structure).frame.independent, false)
})

test('dependency structure: what refers to no template, or is cut off, is not sound and changes nothing', () => {
  assert.equal(read(descriptor({ template: 0, frame: 1 })).sound, false, 'no structure yet')
  const whole = descriptor({ template: 60, frame: 7, structure: l2t2 })
  const { structure } = read(whole)
  const before = JSON.stringify(structure)
  assert.equal(read(descriptor({ template: 59, frame: 8 }), structure).sound, false)
  assert.equal(read(descriptor({ template: 60 + 6, frame: 8 }), structure).sound, false)
  for (let length = 0; length < whole.length; length++) {
    const { sound } = read(whole.subarray(0, length), structure)
    assert.equal(sound, length === 3, `${length}`)
  }
  assert.equal(JSON.stringify(structure), before)
})

test('dependency structure: hostile bytes are read to their end and no further', () => {
  const whole = descriptor({ template: 60, frame: 7, structure: l2t2, dtis: 'SSSS', fdiffs: [1] })
  for (let at = 3; at < whole.length; at++) {
    for (let value = 0; value < 256; value++) {
      const broken = whole.slice()
      broken[at] = value
      const { sound, structure } = read(broken)
      assert.ok(!sound || (structure.templates <= 64 && structure.targets <= 32))
    }
  }
  assert.equal(read(hex(`c00000 80 00 ${'55'.repeat(250)}`)).sound, false, 'templates without end')
})
