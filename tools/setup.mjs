// What `npm start`, `npm test` and `npm run bench` need before anything else: packages, the addon, compiled
// TypeScript. Each step is skipped when its result is newer than what it is made of, and says what it does
// (on standard error: standard output belongs to the program).
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const say = (text) => process.stderr.write(`rostra: ${text}\n`)

/** Ends the program with one clear line. */
export function fail(text) {
  say(text)
  process.exit(1)
}

/** Runs a command with its output on standard error; ends the program when it fails. */
export function run(command, args, { what, env = {} } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...env },
  })
  if (error?.code === 'ENOENT') fail(`${what ?? command} needs "${command}", which is not installed`)
  if (status !== 0) fail(`${what ?? [command, ...args].join(' ')} failed (exit code ${status})`)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) fail(`needs Node 20.19 or newer, this is ${process.versions.node}`)
}

/** Newest modification time, in ms, of files below `folders` with one of the endings. */
function newest(folders, endings) {
  let latest = 0
  for (const folder of folders) {
    const path = join(root, folder)
    if (!existsSync(path)) continue
    const stat = statSync(path)
    if (!stat.isDirectory()) latest = Math.max(latest, stat.mtimeMs)
    else
      for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue
        latest = Math.max(latest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs)
      }
  }
  return latest
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.rostra-lock')
  // The compiler is looked for as well: somebody may have installed without what development needs.
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(compiler)) return
  say('installing packages from npm …')
  // With NODE_ENV=production npm leaves out what compiles the program.
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], { what: 'npm ci' })
  writeFileSync(stamp, lock)
}

function buildAddon() {
  const addon = join(root, 'native/build/Release/rostra.node')
  const stamp = join(root, 'native/build/.node-abi')
  // Another Node may come with another OpenSSL: the addon uses the one inside Node.
  const abi = `${process.version} ${process.arch}`
  const fresh = existsSync(addon) && statSync(addon).mtimeMs >= newest(['native/src', 'native/Makefile'], ['.cc', '.h'])
  if (fresh && existsSync(stamp) && readFileSync(stamp, 'utf8') === abi) return
  if (existsSync(join(root, 'native/prebuilds', `${process.platform}-${process.arch}`))) return
  for (const tool of ['make', process.env.CXX ?? 'g++']) {
    if (spawnSync(tool, ['--version']).error?.code !== 'ENOENT') continue
    fail(`building the native addon needs "${tool}", which is not installed (Debian: apt-get install make g++)`)
  }
  say('building the native addon (g++, some seconds) …')
  run('make', ['-C', 'native', '--no-print-directory', '-s', '-j2', `NODE=${process.execPath}`], {
    what: 'building the addon',
  })
  writeFileSync(stamp, abi)
}

function compile({ tests }) {
  const project = tests ? 'tsconfig.json' : 'client/tsconfig.json'
  const stamps = ['.compiled', ...(tests ? ['.compiled-all'] : [])].map((name) => join(root, 'dist', name))
  const stamp = stamps.at(-1)
  const folders = ['src', 'client', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.server.json']
  if (tests) folders.push('test', 'bench', 'fuzz', 'tsconfig.json', 'tsconfig.test.json')
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest(folders, ['.ts', '.json'])) return
  say('compiling TypeScript …')
  const startedAt = new Date()
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', project], { what: 'compiling TypeScript' })
  mkdirSync(join(root, 'dist'), { recursive: true })
  for (const each of stamps) {
    writeFileSync(each, '')
    // What is saved while the compiler runs is newer than the stamp.
    utimesSync(each, startedAt, startedAt)
  }
}

/** Brings everything up to date. `tests` also compiles tests, benches and fuzz bodies. */
export function setUp({ tests = false } = {}) {
  checkNode()
  installPackages()
  buildAddon()
  compile({ tests })
}
