import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, hostAddresses, prepareDataDir, readConfig } from './config.js'

const read = (argv: string[], env: NodeJS.ProcessEnv = {}) => readConfig(argv, env, '1.2.3')!
const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')

test('defaults are the documented ones', () => {
  assert.deepEqual(read([]), {
    host: '0.0.0.0',
    port: 8188,
    rtcPort: 40_000,
    rtcIp: [],
    workers: availableParallelism(),
    dataDir: './rostra-data',
    profile: 'documented',
    adminHost: '127.0.0.1',
    adminPort: 7088,
    maxRoomSize: 0,
    maxCcu: 0,
    sessionTimeout: 60,
    logLevel: 'info',
  })
})

test('a flag wins over a variable, a variable over the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-config-'))
  const file = join(folder, 'rostra.toml')
  writeFileSync(file, 'port = 1\nmax-ccu = 1\nworkers = 1\nrtc-ip = ["10.0.0.1=203.0.113.7"]\n')
  const config = read(['--config', file, '--port', '3'], { ROSTRA_PORT: '2', ROSTRA_MAX_CCU: '2' })
  rmSync(folder, { recursive: true })
  assert.deepEqual([config.port, config.maxCcu, config.workers], [3, 2, 1])
  assert.deepEqual(config.rtcIp, [{ address: '10.0.0.1', announced: '203.0.113.7' }])
})

test('addresses may be repeated, and separated by commas in the variable', () => {
  const both = [
    { address: '127.0.0.1', announced: '127.0.0.1' },
    { address: '::1', announced: '2001:db8::1' },
  ]
  assert.deepEqual(read(['--rtc-ip', '127.0.0.1', '--rtc-ip', '::1=2001:db8::1']).rtcIp, both)
  assert.deepEqual(read([], { ROSTRA_RTC_IP: '127.0.0.1,::1=2001:db8::1' }).rtcIp, both)
})

const refused: [argv: string[], names: RegExp][] = [
  [['--prot', '1'], /--prot/],
  [['--port', 'many'], /--port/],
  [['--port', '65536'], /--port/],
  [['--workers', '0'], /--workers/],
  [['--rtc-ip', 'here'], /--rtc-ip/],
  [['--profile', 'other'], /--profile/],
  [['--log-level', 'loud'], /--log-level/],
  [['--tls-cert', 'a.pem'], /--tls-cert/],
  [['--admin-host', '0.0.0.0'], /--admin-host.*--admin-secret/],
  [['--rtc-port', '65535', '--workers', '2'], /--rtc-port/],
  [['--config', '/nonexistent/rostra.toml'], /--config/],
  [['stray'], /stray|arguments/],
]
for (const [argv, names] of refused)
  test(`${argv.join(' ')} is refused in one line that names it`, () => {
    assert.throws(
      () => read(argv),
      (error: Error) => error instanceof ConfigError && names.test(error.message) && !error.message.includes('\n'),
    )
  })

test('every setting is documented, as flag and as variable', () => {
  for (const name of Object.keys(
    read(['--tls-cert', 'a', '--tls-key', 'b', '--admin-secret', 's', '--auth-key', 'k']),
  )) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    assert.ok(docs.includes(`\`--${flag}\``), flag)
    assert.ok(docs.includes(`ROSTRA_${flag.replaceAll('-', '_').toUpperCase()}`), flag)
  }
})

test('a data folder that is a file is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-config-'))
  const file = join(folder, 'file')
  writeFileSync(file, '')
  assert.throws(() => prepareDataDir(file), /--data-dir/)
  prepareDataDir(join(folder, 'new', 'folder'))
  rmSync(folder, { recursive: true })
})

test('media listens on what others can reach; on loopback only when there is nothing else', () => {
  const entry = (address: string, internal: boolean) =>
    ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as never
  const lo = [entry('127.0.0.1', true), entry('::1', true)]
  const eth = [entry('192.0.2.2', false), entry('fe80::1', false), entry('2001:db8::2', false)]
  const addresses = (interfaces: Record<string, never[]>) => hostAddresses(interfaces).map(({ address }) => address)
  assert.deepEqual(addresses({ lo, eth }), ['192.0.2.2', '2001:db8::2'])
  assert.deepEqual(addresses({ lo }), ['127.0.0.1'])
})
