import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../control.js'
import { MAX_LABEL_BYTES, readOpen, writeOpen } from './dcep.js'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))

const rows: [string, ChannelParameters][] = [
  ['03 00 0100 00000000 0000 0000', { label: '', protocol: '', ordered: true }],
  ['03 00 0100 00000000 0004 0000 63686174', { label: 'chat', protocol: '', ordered: true }],
  ['03 80 0100 00000000 0001 0002 61 7031', { label: 'a', protocol: 'p1', ordered: false }],
  ['03 01 0100 00000005 0001 0000 61', { label: 'a', protocol: '', ordered: true, maxRetransmits: 5 }],
  ['03 81 0100 00000000 0001 0000 61', { label: 'a', protocol: '', ordered: false, maxRetransmits: 0 }],
  ['03 02 0100 000001f4 0001 0000 61', { label: 'a', protocol: '', ordered: true, maxPacketLifeTimeMs: 500 }],
  ['03 82 0100 ffffffff 0002 0000 c3bc', { label: 'ü', protocol: '', ordered: false, maxPacketLifeTimeMs: 0xffffffff }],
]

test('OPEN is read and written as in RFC 8832', () => {
  for (const [hex, channel] of rows) {
    assert.deepEqual(readOpen(bytes(hex)), channel)
    assert.deepEqual(Uint8Array.from(writeOpen(channel)!), bytes(hex))
  }
})

test('H-30 every truncation and every extension of OPEN is refused', () => {
  for (const [hex] of rows) {
    const whole = bytes(hex)
    for (let length = 0; length < whole.length; length++) assert.equal(readOpen(whole.slice(0, length)), undefined)
    assert.equal(readOpen(Uint8Array.from([...whole, 0])), undefined)
  }
})

test('H-30 hostile OPEN messages', () => {
  const hostile: Record<string, string> = {
    'label past the end': '03 00 0000 00000000 0005 0000 63686174',
    'label of 64 KiB': '03 00 0000 00000000 ffff 0000 63686174',
    'protocol past the end': '03 00 0000 00000000 0004 0001 63686174',
    'both overlap': '03 00 0000 00000000 0004 0004 63686174',
    'sum wraps 16 bits': '03 00 0000 00000000 fffe 0006 63686174',
    'unknown channel type': '03 03 0000 00000000 0000 0000',
    'unknown message type': '04 00 0000 00000000 0000 0000',
    'invalid UTF-8 label': '03 00 0000 00000000 0002 0000 c328',
    'UTF-8 cut in the middle': '03 00 0000 00000000 0001 0001 c3 bc',
    'surrogate in UTF-8': '03 00 0000 00000000 0003 0000 eda080',
    'invalid UTF-8 protocol': '03 00 0000 00000000 0000 0001 ff',
  }
  for (const [name, hex] of Object.entries(hostile)) assert.equal(readOpen(bytes(hex)), undefined, name)
  const header = bytes(`03 00 0000 00000000 ${(MAX_LABEL_BYTES + 1).toString(16).padStart(4, '0')} 0000`)
  assert.equal(readOpen(Uint8Array.from([...header, ...new Uint8Array(MAX_LABEL_BYTES + 1).fill(97)])), undefined)
})

test('a label or protocol that is too long is not written', () => {
  const channel = { label: 'x'.repeat(MAX_LABEL_BYTES), protocol: '', ordered: true }
  assert.ok(writeOpen(channel))
  assert.equal(writeOpen({ ...channel, label: `${channel.label}x` }), undefined)
  assert.equal(writeOpen({ ...channel, protocol: `${channel.label}x` }), undefined)
})
