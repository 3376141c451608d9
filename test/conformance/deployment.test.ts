/** What docs/deployment.md and examples/deployment tell an operator to install is what the program takes. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { readConfig } from '../../src/config/config.js'
import { settingKeys, variableName } from '../../src/config/settings.js'
import { addFlags } from '../../src/config/sources.js'
import { JanusSocket } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')

const page = textOf('docs/deployment.md')
const unit = textOf('examples/deployment/rostra.service')
const dockerfile = textOf('examples/deployment/Dockerfile')
const sample = join(root, 'examples/deployment/rostra.toml')
/** Where the page puts the sample. */
const INSTALLED_SAMPLE = '/etc/rostra/rostra.toml'

/** A server that was told to stop takes so long beside its drain time (`src/cli/serve.ts`), and a little more. */
const STOP_S = 15
/** Connections that are no WebSockets (`src/server/clients.ts`), and what a process has open anyway. */
const OTHER_FILES = 1000 + 256

const folder = mkdtempSync(join(tmpdir(), 'rostra-deployment-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Settings as the program reads them from its command line. */
function read(argv: readonly string[]) {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  addFlags(program)
  return readConfig(program.parse(argv, { from: 'user' }).opts(), {})
}

/** The value of a line of the unit; the only one of that name. */
function directive(name: string): string {
  const [value, ...more] = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, text]) => text!)
  assert.ok(value !== undefined && more.length === 0, `one ${name}= in the unit`)
  return value
}

/** Blocks of the page in that language. */
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!)

for (const [language, file] of [
  ['toml', 'rostra.toml'],
  ['ini', 'rostra.service'],
  ['dockerfile', 'Dockerfile'],
] as const) {
  test(`the page shows ${file} as it is`, () =>
    assert.deepEqual(blocksOf(language), [textOf(`examples/deployment/${file}`)]))
}

test('the program takes the sample of settings', () => {
  const config = read(['--config', sample])
  assert.deepEqual([config.host, config.port, config.workers, config.rtcPort], ['127.0.0.1', 8188, 4, 40_000])
  assert.deepEqual([config.trustedProxy, config.enforceCors], [['127.0.0.1'], true])
})

test('the program takes the settings that the sample has as comments', () => {
  const file = join(folder, 'comments.toml')
  const lines = readFileSync(sample, 'utf8').split('\n')
  const commented = lines.filter((line) => /^#\S/.test(line)).map((line) => line.slice(1))
  writeFileSync(file, commented.join('\n'))
  const config = read(['--config', file])
  assert.deepEqual([config.host, config.port, config.tlsKey], ['::', 443, '/etc/rostra/privkey.pem'])
  assert.deepEqual(config.rtcIp, [{ address: '0.0.0.0', announced: '203.0.113.7' }])
  assert.ok(config.adminSecret)
  assert.equal(commented.length, 7)
})

test('the unit starts the program with settings that there are, and gives it what they need', () => {
  const [node, entry, ...flags] = directive('ExecStart').split(' ')
  assert.equal(node, '/usr/bin/node')
  assert.ok(existsSync(join(root, entry!)), entry)
  assert.ok(flags.includes(INSTALLED_SAMPLE))
  const config = read(flags.map((flag) => (flag === INSTALLED_SAMPLE ? sample : flag)))
  assert.equal(config.dataDir, `/var/lib/${directive('StateDirectory')}`)
  assert.ok(Number(directive('LimitNOFILE')) >= config.maxSockets + OTHER_FILES)
  assert.ok(Number(directive('TimeoutStopSec')) >= config.drainTime + STOP_S)
  assert.match(directive('ExecReload'), / -HUP \$MAINPID$/)
})

test('commands, flags and variables of the page are there', () => {
  const scripts = new Set(Object.keys((JSON.parse(textOf('package.json')) as { scripts: object }).scripts))
  const named = [...`${page}\n${dockerfile}`.matchAll(/\bnpm run (\w+)/g)].map(([, name]) => name!)
  assert.ok(named.length > 0)
  for (const name of named) assert.ok(scripts.has(name), `npm run ${name}`)

  const commands = [...page.matchAll(/^ *command: (\[.*\])$/gm)].map(([, list]) => JSON.parse(list!) as string[])
  assert.equal(commands.length, 1)
  for (const command of commands) assert.equal(read(command).host, '0.0.0.0')

  const known = new Set(['ROSTRA_CONFIG', ...settingKeys.map(variableName)])
  const variables = `${page}\n${dockerfile}`.match(/\bROSTRA_\w+/g) ?? []
  assert.ok(variables.length > 0)
  for (const variable of variables) assert.ok(known.has(variable), variable)

  const metrics = textOf('docs/metrics.md')
  const families = page.match(/\brostra_[a-z_]+/g) ?? []
  assert.ok(families.length > 0)
  for (const family of families) assert.ok(metrics.includes(`\`${family}\``), family)
})

/** What the last stage of the Dockerfile takes from the build, as [source, destination] below /opt/rostra. */
const copied = [...dockerfile.matchAll(/^COPY --from=build \/opt\/rostra\/(\S+) (\S+)$/gm)].map(([, from, to]) => {
  const isFolder = to!.endsWith('/')
  return [from!, isFolder ? join(to!, from!.slice(from!.lastIndexOf('/') + 1)) : to!] as const
})

test('what the Dockerfile keeps is enough to run, without the packages for development', async (t) => {
  const tree = join(folder, 'opt')
  for (const [from, to] of copied) {
    if (from === 'node_modules') continue
    mkdirSync(dirname(join(tree, to)), { recursive: true })
    cpSync(join(root, from), join(tree, to), {
      recursive: true,
      filter: (path) => !/\.(map|d\.ts|test\.js)$/.test(path),
    })
  }
  assert.ok(copied.some(([from]) => from === 'node_modules'))
  mkdirSync(join(tree, 'node_modules'))
  const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: object }
  for (const name of Object.keys(dependencies)) {
    symlinkSync(join(root, 'node_modules', name), join(tree, 'node_modules', name))
  }

  const entry = join(tree, (JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[])[1]!)
  const server = await startServer(['--workers', '1', '--config', sample], 0, { entry })
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(async () => {
    await janus.close()
    await server.stop()
  })
  for (const path of ['/', '/client/src/index.js', '/janus/info']) {
    assert.equal((await fetch(server.url + path)).status, 200, path)
  }
  await janus.create()
  const { data } = (await (await janus.attach()).message({ kind: 'join', room_id: 'a', user_id: 'ann' })).plugindata!
  assert.equal(data.success, true)
})
