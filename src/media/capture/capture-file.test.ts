import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CaptureOptions } from '../control.js'
import { openCaptureFile } from './capture-file.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-capture-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const rtp = Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? 0x80 : i))
let files = 0
function open(change: Partial<CaptureOptions> = {}) {
  const ended: string[] = []
  const file = join(folder, `capture-${++files}`)
  const options: CaptureOptions = { file, format: 'pcap', truncateBytes: 0, maxBytes: 1 << 20, ...change }
  return { file: options.file, ended, sink: openCaptureFile(options, (why) => ended.push(why)) }
}

/** Sum of the 16-bit words of a header whose checksum is right (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  return (sum & 0xffff) + (sum >>> 16)
}

test('a pcap file has IPv4 and UDP headers around what passed', async () => {
  const { file, sink } = open()
  const beforeMs = Date.now()
  assert.ok(sink.write(true, rtp, 10, 40))
  assert.ok(sink.write(false, rtp, 0, 60))
  await sink.close()
  await sink.close()
  const bytes = readFileSync(file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(
    bytes.subarray(0, 24).toString('hex'),
    'a1b2c3d400020004000000000000000000 00ffff00000065'.replace(' ', ''),
  )
  assert.equal(bytes.length, 24 + (16 + 28 + 40) + (16 + 28 + 60))
  const first = bytes.subarray(24)
  const atMs = first.readUInt32BE(0) * 1000 + first.readUInt32BE(4) / 1000
  assert.ok(Math.abs(atMs - beforeMs) < 2000, `${atMs} ${beforeMs}`)
  assert.deepEqual([first.readUInt32BE(8), first.readUInt32BE(12)], [68, 68])
  const ip = first.subarray(16, 36)
  assert.equal(checksum(ip), 0xffff)
  assert.deepEqual([ip[0], ip.readUInt16BE(2), ip[9]], [0x45, 68, 17])
  assert.deepEqual(
    [[...ip.subarray(12, 16)], [...ip.subarray(16, 20)]],
    [
      [10, 1, 1, 1],
      [10, 2, 2, 2],
    ],
  )
  const udp = first.subarray(36, 44)
  assert.deepEqual([udp.readUInt16BE(0), udp.readUInt16BE(2), udp.readUInt16BE(4)], [1000, 2000, 48])
  assert.deepEqual([...first.subarray(44, 84)], [...rtp.subarray(10, 50)])
  const second = bytes.subarray(24 + 84)
  assert.deepEqual([...second.subarray(28, 32)], [10, 2, 2, 2])
  assert.deepEqual([...second.subarray(44)], [...rtp])
})

test('a truncated packet says how long it was', async () => {
  const { file, sink } = open({ truncateBytes: 16 })
  sink.write(true, rtp, 0, 60)
  await sink.close()
  const record = readFileSync(file).subarray(24)
  assert.equal(record.length, 16 + 28 + 16)
  assert.deepEqual([record.readUInt32BE(8), record.readUInt32BE(12), record.readUInt16BE(18)], [44, 88, 88])
})

test('text for text2pcap is a line for each packet', async () => {
  const { file, sink } = open({ format: 'text2pcap' })
  sink.write(true, rtp, 0, 4)
  sink.write(false, rtp, 4, 2)
  await sink.close()
  const [first, second, rest] = readFileSync(file, 'utf8').split('\n')
  assert.match(first!, /^I \d\d:\d\d:\d\d\.\d{6} 000000 80 01 02 03$/)
  assert.match(second!, /^O \d\d:\d\d:\d\d\.\d{6} 000000 04 05$/)
  assert.equal(rest, '')
})

test('a file never grows beyond its bound, and says so once', async () => {
  const { file, sink, ended } = open({ maxBytes: 24 + 2 * (16 + 28 + 60) + 50 })
  assert.deepEqual(
    [1, 2, 3, 4].map(() => sink.write(true, rtp, 0, 60)),
    [true, true, false, false],
  )
  assert.deepEqual(ended, ['the file is full (282 bytes)'])
  await sink.close()
  assert.equal(statSync(file).size, 24 + 2 * (16 + 28 + 60))
})

test('nothing that is there is written over, nor is a link followed', () => {
  const there = join(folder, 'there')
  writeFileSync(there, 'precious')
  assert.throws(() => open({ file: there }), /EEXIST/)
  const link = join(folder, 'link')
  symlinkSync(join(folder, 'elsewhere'), link)
  assert.throws(() => open({ file: link }), /EEXIST|ELOOP/)
  assert.throws(() => open({ file: join(folder, 'no-folder', 'x') }), /ENOENT/)
  assert.equal(readFileSync(there, 'utf8'), 'precious')
})
