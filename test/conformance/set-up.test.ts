/** What `npm start` makes ready, in a copy of the tree: nothing when all is current, and one line when it cannot. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const copy = mkdtempSync(join(tmpdir(), 'rostra-tree-'))
test.after(() => rmSync(copy, { recursive: true, force: true }))

const addon = 'native/build/Release/rostra.node'
const stamps = [addon, 'dist/.compiled', 'dist/.compiled-all']

/** Sources, results, and packages as links, in a folder of their own: a set-up that installs harms nobody. */
function copyTree(): void {
  const files = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json', 'tsconfig.server.json']
  const folders = ['tools', 'src', 'client', 'native/src', 'native/Makefile', 'dist/src', 'dist/client', addon]
  for (const path of [...files, 'tsconfig.test.json', ...folders]) {
    cpSync(join(root, path), join(copy, path), { recursive: true, preserveTimestamps: true })
  }
  mkdirSync(join(copy, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  }
  const lock = createHash('sha256')
    .update(readFileSync(join(copy, 'package-lock.json')))
    .digest('hex')
  writeFileSync(join(copy, 'node_modules/.rostra-lock'), lock)
  writeFileSync(join(copy, 'native/build/.node-abi'), `${process.version} ${process.arch}`)
  writeFileSync(join(copy, 'dist/.compiled'), '')
  writeFileSync(join(copy, 'dist/.compiled-all'), '')
}

/** Makes files as if they were written so many seconds from now. */
function touch(paths: readonly string[], seconds: number): void {
  const time = new Date(Date.now() + seconds * 1_000)
  for (const path of paths) utimesSync(join(copy, path), time, time)
}

/** Runs a tool of the copy where no program can be found: npm, make and g++ are missing. */
function run(tool: string, ...args: string[]) {
  const env = { ...process.env, PATH: join(copy, 'nothing'), NODE_TEST_CONTEXT: undefined }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'tools', tool), ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env,
  })
  return { status, stdout, stderr }
}

copyTree()

test('when everything is current, nothing is built and nothing said', () => {
  touch(stamps, 1)
  const { status, stdout, stderr } = run('start.mjs', '--help')
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.match(stdout, /--rtc-port/)
  assert.deepEqual(run('build.mjs'), { status: 0, stdout: '', stderr: '' })
})

test('a missing compiler is one clear line', () => {
  touch(stamps, 1)
  touch(['native/src/addon.cc'], 2)
  const { status, stdout, stderr } = run('start.mjs', '--help')
  touch(['native/src/addon.cc'], -10)
  const line =
    'rostra: building the native addon needs "make", which is not installed (Debian: apt-get install make g++)\n'
  assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: '', stderr: line })
})

test('packages without the TypeScript compiler are installed again, whatever the stamp says', () => {
  touch(stamps, 1)
  rmSync(join(copy, 'node_modules/typescript'))
  const { status, stderr } = run('start.mjs', '--help')
  symlinkSync(join(root, 'node_modules/typescript'), join(copy, 'node_modules/typescript'))
  assert.equal(status, 1)
  assert.equal(stderr, 'rostra: installing packages from npm …\nrostra: npm ci needs "npm", which is not installed\n')
})

test('the tests end with their sum even when nothing could be made ready', () => {
  touch(['native/src/addon.cc'], 2)
  const { status, stdout } = run('test.mjs')
  touch(['native/src/addon.cc'], -10)
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '0 passed, 1 failed\n' })
})
