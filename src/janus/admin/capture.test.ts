import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorOf } from '../testing/client.js'
import { operated } from '../testing/operator.js'

const outside = mkdtempSync(join(tmpdir(), 'rostra-admin-'))
const folder = join(outside, 'captures')
test.after(() => rmSync(outside, { recursive: true, force: true }))

test('J-112 captures start and stop once', async () => {
  const { operator, ids, handle } = operated({ captures: { folder, maxBytes: 1000 } })
  const send = (name: string, fields: object = {}) => operator.send(name, { ...ids, ...fields })
  assert.equal(errorOf(await send('stop_pcap')), '490 Capture not started')
  const started = await send('start_pcap', { folder: 'a/b', filename: 'x.pcap', truncate: 64 })
  assert.deepEqual([started.janus, started.file], ['success', join(folder, 'a/b/x.pcap')])
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700)
  assert.equal(errorOf(await send('start_pcap')), '490 pcap already started')
  assert.equal(errorOf(await send('start_text2pcap')), '490 text2pcap already started')
  assert.equal((await send('stop_text2pcap')).janus, 'success')
  assert.equal(errorOf(await send('stop_text2pcap')), '490 Capture not started')
  const unnamed = await send('start_text2pcap')
  assert.match(String(unnamed.file), new RegExp(`^${folder}/handle-${ids.handle_id}-\\d+\\.txt$`))
  assert.deepEqual(handle.captures, [
    { file: join(folder, 'a/b/x.pcap'), format: 'pcap', truncateBytes: 64, maxBytes: 1000 },
    { file: unnamed.file, format: 'text2pcap', truncateBytes: 0, maxBytes: 1000 },
  ])
})

test('captures never leave their folder', async () => {
  const { operator, ids, handle } = operated({ captures: { folder, maxBytes: 1000 } })
  mkdirSync(join(outside, 'elsewhere'))
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(outside, 'elsewhere'), join(folder, 'link'))
  const wrong = [
    { filename: '../x.pcap' },
    { filename: '/etc/x' },
    { filename: '' },
    { filename: '.hidden' },
    { filename: 'a b' },
    { filename: 'x\0y' },
    { filename: 'x'.repeat(200) },
    { folder: '..' },
    { folder: 'a/../..' },
    { folder: '/tmp' },
    { folder: 'a//b' },
    { folder: 'link' },
    { folder: 'link/below' },
    { folder: 'a/b/c/d/e/f/g/h/i' },
  ]
  for (const fields of wrong) {
    const reply = await operator.send('start_pcap', { ...ids, ...fields })
    const said = errorOf(reply)
    assert.equal(
      said,
      '490 folder and filename have to be plain names below the capture folder',
      JSON.stringify(fields),
    )
  }
  assert.deepEqual(handle.captures, [])
  assert.deepEqual(readdirSync(join(outside, 'elsewhere')), [])
  for (const fields of [{ folder: 7 }, { filename: null }, { truncate: -1 }]) {
    assert.match(errorOf(await operator.send('start_pcap', { ...ids, ...fields })), /^467/)
  }
})

test('no folder, no captures; a folder that cannot be made is an error', async () => {
  const off = operated()
  assert.match(errorOf(await off.operator.send('start_pcap', off.ids)), /^490 Captures are off/)
  const file = join(outside, 'file')
  writeFileSync(file, '')
  const broken = operated({ captures: { folder: join(file, 'x'), maxBytes: 1 } })
  assert.match(errorOf(await broken.operator.send('start_pcap', broken.ids)), /^490 Cannot make the folder \(ENOTDIR\)/)
  assert.ok(!existsSync(join(file, 'x')))
})
