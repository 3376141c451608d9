import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MAX_BLOCKS_PER_USER } from '../block-list.js'
import type { Block } from '../store.js'
import { StoreError } from '../store.js'
import { closeForOthers, openEmbeddedBlocks, openToWrite } from './embedded.js'
import { committed, storePath } from './file.js'
import { recordValue } from './record.js'
import { deleteBlocks, exportBlocks, importBlocks } from './upkeep.js'

const root = mkdtempSync(join(tmpdir(), 'rostra-blocks-'))
after(() => rmSync(root, { recursive: true }))

let folders = 0
function newFolder(): string {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  return folder
}

async function exported(folder: string, user?: string): Promise<string[]> {
  const found: string[] = []
  await exportBlocks(folder, user, ({ blocker, blocked }) => void found.push(`${blocker}>${blocked}`))
  return found.sort()
}

const block = (text: string): Block => {
  const [blocker = '', blocked = ''] = text.split('>')
  return { blocker, blocked }
}

const refusal = (words: RegExp) => (error: Error) =>
  error instanceof StoreError && words.test(error.message) && !error.message.includes('\n')

test('blocks are there after closing and opening, each with its owner', async () => {
  const folder = newFolder()
  const longest = '😀'.repeat(256)
  const first = await openEmbeddedBlocks(folder)
  await Promise.all([first.add('a', 'b'), first.add('a', longest), first.add(longest, 'a'), first.add('ab', 'c')])
  await first.add('a', 'b')
  await first.remove('ab', 'c')
  await first.remove('ab', 'nobody')
  await first.close()
  await first.close()
  const second = await openEmbeddedBlocks(folder)
  assert.deepEqual(new Set(await second.load('a')), new Set(['b', longest]))
  assert.deepEqual(await second.load(longest), ['a'])
  assert.deepEqual(await second.load('ab'), [])
  await second.close()
  assert.deepEqual(readdirSync(folder).sort(), ['blocks.mdb', 'blocks.mdb-lock'])
  assert.equal(statSync(storePath(folder)).mode & 0o777, 0o600)
})

test('blocks that come while the store closes are kept or refused, and harm nobody', async () => {
  const folder = newFolder()
  const store = await openEmbeddedBlocks(folder)
  const kept: string[] = []
  let refused = 0
  let closing: Promise<void> | undefined
  for (let index = 0; index < 50; index++) {
    if (index === 5) closing = store.close()
    const other = String(index)
    await store.add('a', other).then(
      () => kept.push(other),
      (error: unknown) => {
        assert.ok(error instanceof StoreError)
        refused++
      },
    )
  }
  await closing
  // A write of LMDB begins in a later turn.
  await new Promise(setImmediate)
  assert.deepEqual([kept.length, refused], [5, 45])
  await assert.rejects(store.remove('a', '0'), refusal(/closed/))
  await assert.rejects(store.load('a'), refusal(/closed/))
  assert.deepEqual(await exported(folder), ['a>0', 'a>1', 'a>2', 'a>3', 'a>4'])
})

test('a burst of blocks shares few commits', async () => {
  const folder = newFolder()
  const store = await openEmbeddedBlocks(folder)
  await Promise.all(Array.from({ length: 1000 }, (_, index) => store.add('a', `b${index}`)))
  await store.close()
  const again = await openToWrite(folder)
  assert.equal([...again.blocks.getKeys()].length, 1000)
  const total = (again.environment.getStats() as { lastTxnId: number }).lastTxnId
  assert.ok(total < 50, `${total} commits`)
  await closeForOthers(again)
})

const damages: [name: string, damage: (path: string) => void][] = [
  ['an empty file', (path) => truncateSync(path, 0)],
  ['a file cut in its first page', (path) => truncateSync(path, 100)],
  ['a file cut after its first page', (path) => truncateSync(path, 4096)],
  ['a file without its data', (path) => truncateSync(path, 8192)],
  ['a file cut in half', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ['text', (path) => writeFileSync(path, 'no store\n'.repeat(10_000))],
  ['a store with a page of something else in each place', (path) => overwrite(path, 2)],
  ['a store of another kind', (path) => writeFileSync(path, Buffer.alloc(65_536, 0xa5))],
]

function overwrite(path: string, fromPage: number): void {
  const bytes = readFileSync(path)
  for (let at = fromPage * 4096; at < bytes.length; at += 4096) bytes.fill(0x5a, at + 16, at + 4096)
  writeFileSync(path, bytes)
}

for (const [name, damage] of damages)
  test(`refused in one line, and left as it is: ${name}`, async () => {
    const folder = newFolder()
    const store = await openEmbeddedBlocks(folder)
    await Promise.all(Array.from({ length: 500 }, (_, index) => store.add('a', `b${index}`)))
    await store.close()
    damage(storePath(folder))
    const before = readFileSync(storePath(folder))
    await assert.rejects(openEmbeddedBlocks(folder), refusal(/blocks\.mdb is damaged/))
    await assert.rejects(exported(folder), refusal(/blocks\.mdb is damaged/))
    assert.ok(before.equals(readFileSync(storePath(folder))))
  })

test('a commit that fails is an error with the reason of the system, and nothing else of it is left', async () => {
  const failed = (fields: object) => Promise.reject<boolean>(Object.assign(new Error('Commit failed'), fields))
  const commitError = Promise.reject(new Error('No space left on device'))
  await assert.rejects(committed(failed({ commitError })), refusal(/^No space left on device$/))
  await assert.rejects(committed(failed({})), refusal(/^Commit failed$/))
})

test('a record that says something else than its key is damage', async () => {
  const folder = newFolder()
  const file = await openToWrite(folder)
  await file.blocks.put(Buffer.alloc(64, 1), recordValue({ blocker: 'a', blocked: 'b' }))
  await closeForOthers(file)
  await assert.rejects(openEmbeddedBlocks(folder), refusal(/damaged \(a record is damaged\)/))
})

test('a store of a later format is refused', async () => {
  const folder = newFolder()
  const file = await openToWrite(folder)
  await file.facts.put('format', 2)
  await closeForOthers(file)
  await assert.rejects(openEmbeddedBlocks(folder), refusal(/format 2/))
})

test('a folder where the file should be, and a file where the folder should be, are refused', async () => {
  const folder = newFolder()
  mkdirSync(storePath(folder))
  await assert.rejects(openEmbeddedBlocks(folder), refusal(/EISDIR/))
  const file = join(newFolder(), 'file')
  writeFileSync(file, '')
  await assert.rejects(openEmbeddedBlocks(file), refusal(/ENOTDIR|directory/i))
})

const module = fileURLToPath(new URL('./embedded.js', import.meta.url))

test('one process at a time; a claim ends with its process, however it ends', async () => {
  const folder = newFolder()
  const script = `
    import { openEmbeddedBlocks } from ${JSON.stringify(module)}
    await openEmbeddedBlocks(${JSON.stringify(folder)})
    setInterval(() => {}, 1000)
    console.log('open')`
  const other = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  await assert.rejects(openEmbeddedBlocks(folder), refusal(new RegExp(`in use by process ${other.pid}`)))
  await assert.rejects(importBlocks(folder, [block('a>b')]), refusal(/in use/))
  assert.deepEqual(await exported(folder), [])
  other.kill('SIGKILL')
  await once(other, 'exit')
  const store = await openEmbeddedBlocks(folder)
  await store.close()
})

test('many that make the same store at once: one gets it, the others are told', async () => {
  const folder = newFolder()
  const script = `
    import { openEmbeddedBlocks } from ${JSON.stringify(module)}
    process.stdin.once('data', async () => {
      try {
        const store = await openEmbeddedBlocks(${JSON.stringify(folder)})
        await store.add('a', String(process.pid))
        console.log('open')
      } catch (error) { console.log(error.message) }
      process.stdin.once('data', () => process.exit())
    })
    console.log('ready')`
  const all = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const heard = () => Promise.all(all.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()))
  await heard()
  const words = heard()
  for (const { stdin } of all) stdin.write('go\n')
  const said = await words
  for (const { stdin } of all) stdin.write('go\n')
  await Promise.all(all.map((child) => child.exitCode ?? once(child, 'exit')))
  assert.equal(said.filter((word) => word === 'open').length, 1, said.join('; '))
  for (const word of said) assert.match(word, /^open$|in use by process|replaced at this moment/)
  assert.equal((await exported(folder)).length, 1)
})

test('export, import and deletion of what belongs to a person', async () => {
  const folder = newFolder()
  assert.equal(await importBlocks(folder, ['a>b', 'b>a', 'c>d', 'c>d'].map(block)), 3)
  assert.equal(await importBlocks(folder, ['a>b', 'a>c'].map(block)), 1)
  assert.deepEqual(await exported(folder), ['a>b', 'a>c', 'b>a', 'c>d'])
  assert.deepEqual(await exported(folder, 'c'), ['a>c', 'c>d'])
  assert.equal(await deleteBlocks(folder, 'c'), 2)
  assert.deepEqual(await exported(folder), ['a>b', 'b>a'])
  const store = await openEmbeddedBlocks(folder)
  assert.deepEqual(await store.load('a'), ['b'])
  await store.close()
})

test('what was deleted is nowhere in the file', async () => {
  const folder = newFolder()
  await importBlocks(folder, ['someone-unmistakable>b', 'a>someone-unmistakable', 'a>b'].map(block))
  assert.ok(readFileSync(storePath(folder)).includes('someone-unmistakable'))
  await deleteBlocks(folder, 'someone-unmistakable')
  assert.deepEqual(
    readdirSync(folder).filter((name) => name !== 'blocks.mdb-lock'),
    ['blocks.mdb'],
  )
  assert.ok(!readFileSync(storePath(folder)).includes('someone-unmistakable'))
})

test('an import that would give a user too many blocks changes nothing', async () => {
  const folder = newFolder()
  await importBlocks(folder, [block('a>first'), block('b>first')])
  const many = Array.from({ length: MAX_BLOCKS_PER_USER }, (_, index) => block(`a>${index}`))
  await assert.rejects(importBlocks(folder, [block('b>c'), ...many]), refusal(/"a" would have 10001 blocks/))
  assert.deepEqual(await exported(folder), ['a>first', 'b>first'])
})
