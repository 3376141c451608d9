// `npm test`: makes ready what tests need and runs everything. `npm test -- NAME…` runs the groups or files
// whose path has NAME in it. The last line is `N passed, N failed`, whatever happens before.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { run as runTests } from 'node:test'
import { spec } from 'node:test/reporters'
import { root, setUp } from './setup.mjs'

const wanted = process.argv.slice(2)
const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part))
let passed = 0
let failed = 0
let summed = false

function sum() {
  summed = true
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
}

// When something ends the program early, such as a set-up that cannot be made, that is one failure.
process.on('exit', (code) => {
  if (summed) return
  failed++
  sum()
  process.exitCode = code || 1
})

// Browsers come from the distribution: those that packages download are not to be had everywhere.
const browsers = [
  {
    name: 'Chromium',
    variable: 'CHROMIUM',
    package: 'chromium',
    known: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  },
  { name: 'Firefox', variable: 'FIREFOX', package: 'firefox-esr', known: ['/usr/bin/firefox-esr', '/usr/bin/firefox'] },
]

/** @returns its path, or undefined when it is not there and may not be installed */
function findBrowser({ variable, package: name, known }) {
  const find = () => [process.env[variable], ...known].find((path) => path && existsSync(path))
  if (find()) return find()
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const apt = (...args) => {
    const [command, ...rest] = [...asRoot, 'apt-get', ...args]
    process.stderr.write(`rostra: ${[command, ...rest].join(' ')} …\n`)
    const options = { stdio: ['ignore', 'ignore', 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    return spawnSync(command, rest, options).status === 0
  }
  if (apt('update', '-qq')) apt('install', '-y', '-qq', name)
  return find()
}

/** A command as one test: its exit code decides, its own count of tests is taken over when it prints one. */
function check(name, command, args) {
  if (!isWanted(name)) return
  process.stdout.write(`▶ ${name}\n`)
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout ?? '')
  if (status !== 0) process.stdout.write(`${stdout ?? ''}${stderr ?? ''}`)
  passed += counts ? Number(counts[1]) : Number(status === 0)
  failed += counts ? Number(counts[2]) : 0
  if (status !== 0 && !Number(counts?.[2])) failed++
  process.stdout.write(`${status === 0 ? '✔' : '✖'} ${name}\n`)
}

function testFiles() {
  const dist = join(root, 'dist')
  return (
    readdirSync(dist, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      // Compiled long ago from a source that is gone.
      .filter((file) => existsSync(join(root, relative(dist, file).replace(/\.js$/, '.ts'))))
      .sort()
  )
}

/** Runs test files, each in a process of its own. */
async function runFiles(files, concurrency) {
  if (files.length === 0) return
  const stream = runTests({ files, concurrency, timeout: 300_000 })
  const isTest = (data) => data.details?.type !== 'suite' && !files.includes(data.name)
  // What a file was doing when its time ran out is not in the report.
  const begun = new Map(files.map((file) => [file, new Set()]))
  const stuck = []
  stream.on('test:dequeue', (data) => isTest(data) && begun.get(data.file)?.add(data.name))
  stream.on('test:complete', (data) => isTest(data) && begun.get(data.file)?.delete(data.name))
  stream.on('test:pass', (data) => isTest(data) && passed++)
  stream.on('test:fail', (data) => {
    if (data.details?.type === 'suite') return
    // A test that failed because a test inside it failed is counted once, as the inner one.
    if (data.details?.error?.failureType === 'subtestsFailed') return
    failed++
    if (files.includes(data.name)) stuck.push(data.name)
  })
  const report = stream.compose(new spec())
  report.pipe(process.stdout, { end: false })
  await new Promise((resolve) => report.once('end', resolve))
  for (const file of stuck) {
    const within = [...(begun.get(file) ?? [])].map((name) => `"${name}"`).join(', ')
    process.stdout.write(
      `✖ ${relative(join(root, 'dist'), file)} failed ${within ? `in ${within}` : 'outside of its tests'}\n`,
    )
  }
}

/** Browsers are heavy: one test file at a time. Without one of them each file is a failure. */
async function runBrowsers(files) {
  if (files.length === 0) return
  const missing = []
  for (const browser of browsers) {
    const path = findBrowser(browser)
    if (path) process.env[browser.variable] = path
    else missing.push(browser)
  }
  if (missing.length === 0) return runFiles(files, 1)
  for (const file of files) {
    failed++
    process.stdout.write(`✖ ${relative(join(root, 'dist'), file)}\n`)
  }
  for (const { name, package: wanted, variable } of missing)
    process.stdout.write(`browser tests need ${name}: apt-get install ${wanted}, or set ${variable} to its path\n`)
}

setUp({ tests: true })
check('lint: format and rules', process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'check', '.'])
check('lint: who imports whom', process.execPath, [
  'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
  ...['--config', '.dependency-cruiser.cjs', 'src', 'client/src'],
])
const makeNative = ['-C', 'native', '--no-print-directory', '-s', `-j${availableParallelism()}`]
check('native: the addon core under AddressSanitizer and UBSan', 'make', [...makeNative, 'test'])

// Fuzzing looks for new inputs; the corpora of known ones are replayed by the tests in any case.
const FUZZING = 'native: each fuzz target for two seconds'
const canFuzz = () => {
  const body = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
  const args = ['-x', 'c++', '-', '-fsanitize=fuzzer,address', '-o', '/dev/null']
  return spawnSync('clang++', args, { input: body }).status === 0
}
if (isWanted(FUZZING)) {
  if (canFuzz()) check(FUZZING, 'make', [...makeNative, 'fuzz', 'FUZZ_SECONDS=2'])
  else
    process.stdout.write(
      'native: not fuzzed, that needs clang with its run-time (apt-get install clang libclang-rt-dev)\n',
    )
}

const files = testFiles().filter((file) => isWanted(relative(join(root, 'dist'), file)))
const isBrowser = (file) => file.includes('/test/browsers/')
// Most files wait more than they compute: with two cores, too, two of them fit.
await runFiles(
  files.filter((file) => !isBrowser(file)),
  Math.max(2, availableParallelism() - 1),
)
await runBrowsers(files.filter(isBrowser))
sum()
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
