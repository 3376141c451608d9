import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c, sctpChecksumHolds, writeSctpChecksum } from './crc32c.js'

const counting = (from: number, step: number) => Uint8Array.from({ length: 32 }, (_, i) => from + step * i)
const readCommand =
  '01c0000000000000000000000000000014000000000004000000001400000018280000000000000002000000000000000'.slice(0, 96)

// RFC 3720 appendix B.4: the addon's test has the same (native/test/crc32c_test.cc).
test('CRC-32C of the RFC 3720 vectors', () => {
  const vectors: [Uint8Array, number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [counting(0, 1), 0x46dd794e],
    [counting(31, -1), 0x113fdb5c],
    [Buffer.from(readCommand, 'hex'), 0xd9963a56],
    [Buffer.from('123456789'), 0xe3069283],
    [new Uint8Array(0), 0],
  ]
  for (const [bytes, crc] of vectors) {
    assert.equal(crc32c(bytes, 0, bytes.length), crc)
    const framed = Buffer.concat([Uint8Array.of(1), bytes, Uint8Array.of(2)])
    assert.equal(crc32c(framed, 1, framed.length - 1), crc)
  }
})

test('the checksum of an SCTP packet is found right, and wrong with any bit flipped', () => {
  const framed = Uint8Array.from({ length: 50 }, (_, i) => i * 7)
  writeSctpChecksum(framed, 3, 47)
  assert.ok(sctpChecksumHolds(framed, 3, 47))
  for (let at = 3; at < 47; at++) {
    framed[at]! ^= 0x40
    assert.ok(!sctpChecksumHolds(framed, 3, 47), `byte ${at}`)
    framed[at]! ^= 0x40
  }
  assert.ok(!sctpChecksumHolds(framed, 3, 14), 'shorter than a header')
})
