/** H-66 and the command line: what cannot work says so in one line and exits with 1. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startServer } from '../support/server-process.js'

const entry = fileURLToPath(new URL('../../src/index.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rostra-start-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

async function fails(flags: string[]): Promise<string> {
  const all = [
    '--admin-port',
    '0',
    '--rtc-port',
    '0',
    '--port',
    '0',
    '--rtc-ip',
    '127.0.0.1',
    '--data-dir',
    folder,
    ...flags,
  ]
  const child = spawn(process.execPath, [entry, ...all], { stdio: ['ignore', 'pipe', 'pipe'] })
  let error = ''
  child.stderr.on('data', (text) => (error += text))
  const [code] = await once(child, 'close')
  assert.equal(code, 1, error)
  assert.equal(error.trim().split('\n').length, 1, error)
  return error
}

test('H-66 a wrong flag', async () => assert.match(await fails(['--colour', 'red']), /--colour/))

test('H-66 a taken port', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  for (const flag of ['--port', '--admin-port'])
    assert.match(await fails(['--host', '127.0.0.1', flag, String(port)]), new RegExp(`${flag}.*${port}`))
  other.close()
})

test('H-66 a taken media port', async () => {
  const other = createSocket('udp4')
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address()
  assert.match(await fails(['--workers', '1', '--rtc-port', String(port)]), new RegExp(`--rtc-port.*${port}`))
  other.close()
})

test('H-66 an address that is not ours', async () =>
  assert.match(await fails(['--rtc-ip', '192.0.2.77']), /--rtc-ip.*192\.0\.2\.77/))

for (const host of ['192.0.2.77', 'no-such-name.invalid'])
  test(`H-66 a host that is not ours: ${host}`, async () => {
    assert.match(await fails(['--host', host]), /^rostra: --host: \S+ is not an address of this host$/m)
    const admin = await fails(['--admin-host', host, '--admin-secret', 'secret'])
    assert.match(admin, /^rostra: --admin-host: \S+ is not an address of this host$/m)
  })

test('H-66 a data folder that cannot be written', async () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  chmodSync(file, 0o400)
  assert.match(await fails(['--data-dir', join(file, 'data')]), /--data-dir/)
})

test('H-66 a store of blocks that is damaged', async () => {
  const dataDir = join(folder, 'damaged')
  const server = await startServer(['--data-dir', dataDir])
  await server.stop()
  const file = join(dataDir, 'blocks.mdb')
  for (const damage of [() => truncateSync(file, 5000), () => writeFileSync(file, randomBytes(50_000))]) {
    damage()
    assert.match(await fails(['--data-dir', dataDir]), /^rostra: --data-dir: .*blocks\.mdb is damaged/)
  }
})

test('H-66 a data folder that another server uses', async () => {
  const dataDir = join(folder, 'shared')
  const server = await startServer(['--data-dir', dataDir])
  assert.match(await fails(['--data-dir', dataDir]), new RegExp(`--data-dir: .*in use by process ${server.pid}`))
  assert.equal(await server.stop(), 0)
})

test('H-66 a certificate that is none', async () => {
  const file = join(folder, 'cert.pem')
  writeFileSync(file, 'nothing')
  assert.match(await fails(['--tls-cert', file, '--tls-key', file]), /--tls-cert/)
})

test('H-66 too few file descriptors', async () => {
  const command = 'ulimit -n 64 && exec "$0" "$@"'
  const child = spawn('sh', ['-c', command, process.execPath, entry], { stdio: ['ignore', 'ignore', 'pipe'] })
  let error = ''
  child.stderr.on('data', (text) => (error += text))
  assert.deepEqual(await once(child, 'close'), [1, null])
  assert.equal(error, 'rostra: ulimit -n: 64 open files are too few, at least 256 are needed\n')
})

test('the first log line says where, and SIGTERM ends it with 0', async () => {
  const server = await startServer()
  assert.equal(server.listening.event, 'listening')
  assert.equal(server.listening.pid, server.pid)
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal((await fetch(server.url)).status, 200)
  assert.equal(await server.stop(), 0)
})

/** `npm start -- --version`: what it prints, and the steps of set-up that it says it takes. */
async function askVersion(): Promise<{ version: string; steps: string }> {
  const script = fileURLToPath(new URL('../../../tools/start.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, '--version'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [version, steps] = ['', '']
  child.stdout.on('data', (text) => (version += text))
  child.stderr.on('data', (text) => (steps += text))
  const [code] = await once(child, 'close')
  assert.equal(code, 0, steps)
  return { version, steps }
}

test('a second start sets nothing up again: installing, building and compiling take seconds', async () => {
  await askVersion()
  const { version, steps } = await askVersion()
  assert.match(version, /^\d+\.\d+\.\d+\s*$/)
  assert.equal(steps, '')
})

test('a second start takes less than 2 s of CPU until it listens', async () => {
  await askVersion()
  const script = fileURLToPath(new URL('../../../tools/start.mjs', import.meta.url))
  const ports = ['--port', '0', '--admin-port', '0', '--rtc-port', '0']
  const flags = [...ports, '--rtc-ip', '127.0.0.1', '--workers', '1', '--data-dir', join(folder, 'second')]
  const child = spawn(process.execPath, [script, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  try {
    const [line] = await Promise.race([once(child.stdout, 'data'), ended])
    // utime, stime and those of children that ended (proc(5)), in ticks of 10 ms. The clock says more about the neighbours.
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    const cpuSeconds = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
    assert.equal(JSON.parse(String(line).split('\n')[0]!).event, 'listening')
    assert.ok(cpuSeconds > 0 && cpuSeconds < 2, `${cpuSeconds} s`)
  } finally {
    child.kill('SIGTERM')
    await ended
  }
})

/** CPUs on which the first thread of a process may run, e.g. `0-3`. */
const allowedCpus = (pid: number | 'self') =>
  /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!

test('--pin-workers keeps workers on one CPU each, and the main process on all', async () => {
  const server = await startServer(['--workers', '2', '--pin-workers', 'true'])
  try {
    const [first, second] = server.workerPids.map(allowedCpus)
    assert.match(first!, /^\d+$/)
    assert.match(second!, /^\d+$/)
    const all = allowedCpus('self')
    assert.equal(first !== second, /\D/.test(all), `${first} and ${second} of ${all}`)
    assert.equal(allowedCpus(server.pid), all)
  } finally {
    await server.stop()
  }
})
