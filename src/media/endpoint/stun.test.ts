import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readStun, readUfrag, StunAttribute, StunClass, StunView, verifyFingerprint, verifyIntegrity } from './stun.js'
import { MAX_STUN_RESPONSE_BYTES, writeBindingError, writeBindingSuccess, writeXorMappedAddress } from './stun-write.js'
import { addressRow, buildBindingRequest, findAttribute, readMappedAddress } from './testing/stun-client.js'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))

/** RFC 5769 §2: one password for all three. */
const password = 'VOkJxbRl1RmTxUk/WvJxBt'
const sampleRequest = bytes(`
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff
  80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf`)
const sampleIpv4Response = bytes(`
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
  80 28 00 04 c0 7d 4c 96`)
const sampleIpv6Response = bytes(`
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
  80 28 00 04 c8 fb 0b 4c`)
const ipv6 = [0x20, 1, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]

test('reads the RFC 5769 sample request at any offset', () => {
  for (const offset of [0, 1, 37]) {
    const buffer = new Uint8Array(offset + sampleRequest.length + 9).fill(0xff)
    buffer.set(sampleRequest, offset)
    const view = new StunView()
    assert.ok(readStun(buffer, offset, sampleRequest.length, view))
    assert.equal(view.class, StunClass.request)
    assert.equal(view.method, 1)
    assert.equal(view.transactionIdOffset, offset + 8)
    const username = buffer.subarray(view.usernameOffset, view.usernameOffset + view.usernameLength)
    assert.equal(Buffer.from(username).toString('latin1'), 'evtj:h6vY')
    assert.deepEqual([view.hasRole, view.iceControlled, view.useCandidate], [true, true, false])
    assert.equal(view.unknownCount, 0)
    assert.equal(view.badAttribute, false)
    assert.ok(verifyIntegrity(buffer, offset, view, password))
    assert.ok(verifyFingerprint(buffer, offset, view))
    assert.ok(!verifyIntegrity(buffer, offset, view, 'another password'))
    assert.equal(readUfrag(buffer, offset, sampleRequest.length), 'evtj')
  }
})

test('verifies the RFC 5769 sample responses', () => {
  const rows = [
    { sample: sampleIpv4Response, ip: [192, 0, 2, 1] },
    { sample: sampleIpv6Response, ip: ipv6 },
  ]
  for (const { sample, ip } of rows) {
    const view = new StunView()
    assert.ok(readStun(sample, 0, sample.length, view))
    assert.equal(view.class, StunClass.success)
    assert.ok(verifyIntegrity(sample, 0, view, password))
    assert.ok(verifyFingerprint(sample, 0, view))
    assert.deepEqual(readMappedAddress(sample), { ip, port: 32853 })
  }
})

test('writes XOR-MAPPED-ADDRESS as in the RFC 5769 responses', () => {
  const rows = [
    { sample: sampleIpv4Response, ip: [192, 0, 2, 1], length: 12 },
    { sample: sampleIpv6Response, ip: ipv6, length: 24 },
  ]
  for (const { sample, ip, length } of rows) {
    const out = new Uint8Array(64)
    out.set(sample.subarray(0, 20), 5)
    assert.equal(writeXorMappedAddress(out, 5, 25, addressRow(ip, 32853), 0), 25 + length)
    assert.deepEqual(out.slice(25, 25 + length), sample.slice(36, 36 + length))
  }
})

test('a success response carries address, integrity and fingerprint', () => {
  for (const [ip, length] of [
    [[192, 0, 2, 1], 64],
    [ipv6, 76],
  ] as const) {
    const view = new StunView()
    assert.ok(readStun(sampleRequest, 0, sampleRequest.length, view))
    const out = new Uint8Array(200).fill(0xee)
    const addrs = new Uint8Array(48)
    addrs.set(addressRow(ip, 32853), 24)
    assert.equal(writeBindingSuccess(out, 11, sampleRequest, view, addrs, 24, password), length)
    const response = out.slice(11, 11 + length)
    const read = new StunView()
    assert.ok(readStun(response, 0, length, read))
    assert.equal(read.class, StunClass.success)
    assert.deepEqual(response.slice(8, 20), sampleRequest.slice(8, 20))
    assert.ok(verifyIntegrity(response, 0, read, password))
    assert.ok(verifyFingerprint(response, 0, read))
    assert.deepEqual(readMappedAddress(response), { ip: [...ip], port: 32853 })
    assert.ok(
      out.subarray(11 + length).every((byte) => byte === 0xee),
      'nothing is written behind it',
    )
  }
})

test('error responses', () => {
  const unknown = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ attribute: 0x7f00 + n, value: new Uint8Array(n) }))
  const request = buildBindingRequest({ username: 'abcd:efgh', pwd: password, extra: unknown })
  const view = new StunView()
  assert.ok(readStun(request, 0, request.length, view))
  assert.equal(view.unknownCount, 9)
  for (const code of [400, 420, 487] as const) {
    const out = new Uint8Array(MAX_STUN_RESPONSE_BYTES)
    const length = writeBindingError(out, 0, request, view, code, password)
    const response = out.slice(0, length)
    const read = new StunView()
    assert.ok(readStun(response, 0, length, read), `${code} is readable`)
    assert.equal(read.class, StunClass.error)
    const value = findAttribute(response, StunAttribute.errorCode)!
    assert.equal(value[2]! * 100 + value[3]!, code)
    assert.ok(verifyIntegrity(response, 0, read, password))
    assert.ok(verifyFingerprint(response, 0, read))
    const listed = findAttribute(response, StunAttribute.unknownAttributes)
    assert.deepEqual(listed, code === 420 ? bytes('7f01 7f02 7f03 7f04 7f05 7f06 7f07 7f08') : undefined)
  }
})

test('a single unknown attribute is listed and padded', () => {
  const request = buildBindingRequest({ pwd: password, extra: [{ attribute: 0x0003, value: new Uint8Array(4) }] })
  const view = new StunView()
  assert.ok(readStun(request, 0, request.length, view))
  const out = new Uint8Array(MAX_STUN_RESPONSE_BYTES)
  const length = writeBindingError(out, 0, request, view, 420, password)
  assert.deepEqual(findAttribute(out.slice(0, length), StunAttribute.unknownAttributes), bytes('0003'))
  assert.ok(readStun(out, 0, length, view))
})

test('every prefix and every wrong length is refused', () => {
  const view = new StunView()
  for (let length = 0; length < sampleRequest.length; length++) {
    assert.equal(readStun(sampleRequest, 0, length, view), false, `prefix of ${length}`)
    assert.equal(readStun(sampleRequest.slice(0, length), 0, sampleRequest.length, view), false)
    assert.equal(readUfrag(sampleRequest, 0, length), undefined)
    // The same prefix with a header that claims to be complete: never a read past the end.
    const claimed = sampleRequest.slice(0, length)
    if (length >= 20) {
      claimed[2] = (length - 20) >> 8
      claimed[3] = length - 20
    }
    readStun(claimed, 0, length, view)
    readUfrag(claimed, 0, length)
  }
  assert.equal(readStun(sampleRequest, -1, 20, view), false)
})

test('malformed messages', () => {
  const header = (length: number) => bytes(`0001 ${length.toString(16).padStart(4, '0')} 2112a442 ${'07'.repeat(12)}`)
  const message = (attributes: string) => {
    const value = bytes(attributes)
    return Uint8Array.from([...header(value.length), ...value])
  }
  const rows: [string, Uint8Array, boolean][] = [
    ['no attributes', message(''), true],
    ['first bits 01', Uint8Array.from([0x40, ...message('').slice(1)]), false],
    ['wrong cookie', Uint8Array.from(message('').map((byte, i) => (i === 4 ? 0x22 : byte))), false],
    ['attribute header cut', Uint8Array.from([...header(2), 0, 6]), false],
    ['value past the end', message('0006 0005 61626364'), false],
    ['length 65535', message('0006 ffff 61626364'), false],
    ['integrity of 16 bytes', message(`0008 0010 ${'00'.repeat(16)}`), false],
    ['fingerprint of 8 bytes', message(`8028 0008 ${'00'.repeat(8)}`), false],
    ['something behind the fingerprint', message('8028 0004 00000000 0025 0000'), false],
    ['empty username', message('0006 0000'), true],
  ]
  for (const [name, input, expected] of rows) {
    assert.equal(readStun(input, 0, input.length, new StunView()), expected, name)
  }
})

test('attributes behind MESSAGE-INTEGRITY do not count', () => {
  const signed = buildBindingRequest({ username: 'abcd:efgh', pwd: password, fingerprint: false })
  const extended = Uint8Array.from([...signed, 0x00, 0x25, 0x00, 0x00, 0x7f, 0x01, 0x00, 0x00])
  extended[2] = (extended.length - 20) >> 8
  extended[3] = extended.length - 20
  const view = new StunView()
  assert.ok(readStun(extended, 0, extended.length, view))
  assert.equal(view.useCandidate, false)
  assert.equal(view.unknownCount, 0)
  assert.ok(verifyIntegrity(extended, 0, view, password))
})

test('readUfrag takes ice-chars only', () => {
  const rows: [string | undefined, string | undefined][] = [
    ['abcd:efgh', 'abcd'],
    ['aB+/09Zz:x', 'aB+/09Zz'],
    [`${'a'.repeat(256)}:x`, 'a'.repeat(256)],
    [`${'a'.repeat(257)}:x`, undefined],
    ['abc:x', undefined],
    ['abcd', undefined],
    [':x', undefined],
    ['ab d:x', undefined],
    ['ab\u00e4d:x', undefined],
    ['ab-d:x', undefined],
    ['ab\0d:x', undefined],
    [undefined, undefined],
  ]
  for (const [username, expected] of rows) {
    const request = buildBindingRequest({ username, pwd: password })
    assert.equal(readUfrag(request, 0, request.length), expected, String(username))
  }
})
