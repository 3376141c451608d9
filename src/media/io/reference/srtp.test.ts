import assert from 'node:assert/strict'
import { test } from 'node:test'
import { srtpSeam } from '../binding.js'
import { SrtpProfile } from '../io.js'
import { deriveKey, type PacketKind, protect, type SrtpMaster, unprotect } from './srtp.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

interface Implementation {
  name: string
  derive(key: Uint8Array, salt: Uint8Array, label: number, length: number): Uint8Array
  protect(master: SrtpMaster, kind: PacketKind, packet: Uint8Array, index: number): Uint8Array | null
  unprotect(master: SrtpMaster, kind: PacketKind, packet: Uint8Array, index: number): Uint8Array | null
}

const seam = srtpSeam()
const native: Implementation = {
  name: 'native',
  derive: seam.srtpDerive,
  protect: (m, kind, packet, index) => seam.srtpProtect(m.profile, m.key, m.salt, kind, packet, index),
  unprotect: (m, kind, packet, index) => seam.srtpUnprotect(m.profile, m.key, m.salt, kind, packet, index),
}
const reference: Implementation = { name: 'reference', derive: deriveKey, protect, unprotect }

/** xorshift32: the same packets in every run. */
function randomBytes(seed: number): (length: number) => Buffer {
  let state = seed
  return (length) => {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      bytes[i] = state
    }
    return bytes
  }
}

for (const impl of [native, reference]) {
  test(`${impl.name}: key derivation of RFC 3711 appendix B.3 and key stream of B.2`, () => {
    const key = hex('e1f97a0d3e018be0d64fa32c06de4139')
    const salt = hex('0ec675ad498afeebb6960b3aabe6')
    assert.deepEqual(Buffer.from(impl.derive(key, salt, 0, 16)), hex('c61e7a93744f39ee10734afe3ff7a087'))
    assert.deepEqual(Buffer.from(impl.derive(key, salt, 1, 20)), hex('cebe321f6ff7716b6fd4ab49af256a156d38baa4'))
    assert.deepEqual(Buffer.from(impl.derive(key, salt, 2, 14)), hex('30cbbc08863d8c85d49db34a9ae1'))
    const stream = impl.derive(hex('2b7e151628aed2a6abf7158809cf4f3c'), hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'), 0, 32)
    assert.deepEqual(Buffer.from(stream), hex('e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab'))
  })
}

/** A well-formed packet of random content: CSRCs and extension now and then. */
function randomPacket(random: (length: number) => Buffer, kind: PacketKind): Buffer {
  const dice = random(4)
  const body = random(dice.readUInt16BE(0) % 1200)
  if (kind === 'rtcp') return Buffer.concat([hex('80c90001'), random(4), body])
  const csrcs = dice[2]! % 3
  const header = Buffer.concat([random(12), random(csrcs * 4)])
  header[0] = 0x80 | csrcs | (dice[3]! & 0x10)
  const words = dice[3]! % 4
  const extension = dice[3]! & 0x10 ? Buffer.concat([hex('bede'), Buffer.from([0, words]), random(words * 4)]) : hex('')
  return Buffer.concat([header, extension, body])
}

const { none: _, ...profiles } = SrtpProfile

for (const [name, profile] of Object.entries(profiles)) {
  for (const kind of ['rtp', 'rtcp'] as const) {
    test(`native and reference agree on 500 random ${kind} packets under ${name}`, () => {
      const random = randomBytes(7 + profile)
      for (let i = 0; i < 500; i++) {
        const master = { profile, key: random(16), salt: random(profile === SrtpProfile.aeadAes128Gcm ? 12 : 14) }
        const packet = randomPacket(random, kind)
        const index = kind === 'rtp' ? random(6).readUIntBE(0, 6) : random(4).readUInt32BE() >>> 1
        const sealed = native.protect(master, kind, packet, index)
        assert.ok(sealed)
        assert.deepEqual(Buffer.from(sealed), reference.protect(master, kind, packet, index))
        for (const impl of [native, reference]) {
          const opened = impl.unprotect(master, kind, sealed, index)
          assert.ok(opened, impl.name)
          assert.deepEqual(Buffer.from(opened), packet)
          // AES-CM authenticates the ROC, and the sequence number as part of the packet.
          const other = index < 0x10000 ? index + 0x10000 : index - 0x10000
          assert.equal(impl.unprotect(master, kind, sealed, other), null)
          // The seam is told the SRTCP index, so the one in the packet is not looked at.
          const flippable: number = sealed.length - (kind === 'rtcp' ? 14 : 0)
          const at = random(2).readUInt16BE() % flippable
          const bad: Uint8Array = Uint8Array.from(sealed)
          bad[at]! ^= 1
          assert.equal(impl.unprotect(master, kind, bad, index), null)
        }
      }
    })
  }

  test(`native and reference refuse every prefix and short junk under ${name}`, () => {
    const random = randomBytes(3)
    const master = { profile, key: random(16), salt: random(profile === SrtpProfile.aeadAes128Gcm ? 12 : 14) }
    for (const kind of ['rtp', 'rtcp'] as const) {
      const sealed = reference.protect(master, kind, randomPacket(random, kind).subarray(0, 80), 5)
      assert.ok(sealed)
      for (const impl of [native, reference]) {
        for (let length = 0; length < sealed.length; length++) {
          assert.equal(impl.unprotect(master, kind, sealed.subarray(0, length), 5), null)
        }
        for (let length = 0; length <= 64; length++) {
          const junk = random(length)
          if (length > 0) junk[0] = 0x90
          assert.equal(impl.unprotect(master, kind, junk, 5), null)
        }
      }
    }
  })
}

test('the seam refuses what is not a key', () => {
  const bytes = new Uint8Array(16)
  assert.throws(() => seam.srtpProtect(7, bytes.subarray(1), bytes.subarray(4), 'rtp', bytes, 0), RangeError)
  assert.throws(() => seam.srtpProtect(2, bytes, bytes.subarray(4), 'rtp', bytes, 0), RangeError)
  assert.throws(() => seam.srtpProtect(7, bytes, bytes.subarray(4), 'rtp', new Uint8Array(1501), 0), RangeError)
  assert.throws(() => seam.srtpDerive(bytes, bytes, 0, 33), RangeError)
  assert.throws(() => seam.srtpDerive([] as unknown as Uint8Array, bytes, 0, 16), TypeError)
})
