/** SIGHUP: what can change under a running server does, all or nothing. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openStage } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import type { JanusTestHandle } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-reload-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const codeOf = async (handle: JanusTestHandle, room_id: string, user_id: string) => {
  const { data } = (await handle.message({ kind: 'join', room_id, user_id })).plugindata!
  return data.success ? 'joined' : data.error!.code
}

test('limits change for those who come; those who are there stay', async (t) => {
  const file = join(folder, 'limits.toml')
  writeFileSync(file, 'max-room-size = 2\nmax-ccu = 3\n')
  const { server, janus } = await openStage(t, ['--workers', '1', '--config', file])
  const enter = async (room: string, user: string) => codeOf(await janus.attach(), room, user)
  assert.deepEqual(
    [await enter('a', 'ann'), await enter('a', 'bob'), await enter('a', 'eve'), await enter('a', 'ann')],
    ['joined', 'joined', 'room_full', 'joined'],
  )
  assert.deepEqual(
    [await enter('b', 'eve'), await enter('b', 'zoe'), await enter('b', 'eve')],
    ['joined', 'server_full', 'joined'],
  )

  writeFileSync(file, 'max-room-size = 1\nmax-ccu = 0\nmax-data-body = 4\n')
  assert.deepEqual((await server.reload()).changed, ['max-room-size', 'max-ccu', 'max-data-body'])
  assert.deepEqual(
    [await enter('a', 'eve'), await enter('a', 'bob'), await enter('b', 'zoe'), await enter('c', 'zoe')],
    ['room_full', 'joined', 'room_full', 'joined'],
  )
  const talker = await janus.attach()
  await codeOf(talker, 'c', 'zoe')
  const { data } = (await talker.message({ kind: 'data', body: 'hello' })).plugindata!
  assert.equal(data.error?.code, 'body_too_large')

  writeFileSync(file, '')
  await server.reload()
  assert.deepEqual([await enter('a', 'eve'), await enter('b', 'zoe')], ['joined', 'joined'])
})

test('the session timeout changes, for sessions that are there too', async (t) => {
  const file = join(folder, 'timeout.toml')
  writeFileSync(file, '')
  const { server, janus } = await openStage(t, ['--workers', '1', '--config', file])
  writeFileSync(file, 'session-timeout = 0.5\n')
  assert.deepEqual((await server.reload()).changed, ['session-timeout'])
  assert.equal((await janus.next(({ janus }) => janus === 'timeout')).session_id, janus.sessionId)
})

test('the log level changes', async () => {
  const file = join(folder, 'level.toml')
  writeFileSync(file, '')
  const server = await startServer(['--workers', '1', '--config', file])
  writeFileSync(file, 'log-level = "warn"\nprofile = "upstream"\n')
  // A warning, because of the profile.
  assert.deepEqual((await server.reload()).needRestart, ['profile'])
  assert.equal(await server.stop(), 0)
  assert.deepEqual(
    server.log.map((line) => JSON.parse(line).event),
    ['listening', 'reloaded'],
    'draining is only information',
  )
})

test('a mistake is one line in the log, and everything stays as it is', async (t) => {
  const file = join(folder, 'mistake.toml')
  writeFileSync(file, 'max-room-size = 1\n')
  const { server, janus } = await openStage(t, ['--workers', '1', '--config', file])
  assert.equal(await codeOf(await janus.attach(), 'a', 'ann'), 'joined')
  const mistakes = ['max-room-size = 5\nmax_ccu = 3\n', 'max-room-size = 5\nauth-key = "/nowhere.pem"\n', 'max-room']
  for (const mistake of mistakes) {
    writeFileSync(file, mistake)
    const line = await server.reload()
    assert.equal(line.event, 'reload-refused')
    assert.match(String(line.msg), /max-ccu\?|--auth-key|mistake\.toml, line 1/)
    assert.doesNotMatch(String(line.msg), /\n/)
    assert.equal(await codeOf(await janus.attach(), 'a', 'bob'), 'room_full')
  }
})

test('what needs a restart is named, each time until it is taken back', async (t) => {
  const file = join(folder, 'restart.toml')
  writeFileSync(file, 'max-ccu = 5\n')
  const server = await startServer(['--workers', '1', '--config', file])
  t.after(() => server.stop())
  writeFileSync(file, 'max-ccu = 6\nprofile = "upstream"\nadmin-secret = "s3cret"\n')
  const line = await server.reload()
  assert.deepEqual([line.changed, line.needRestart], [['max-ccu'], ['profile', 'admin-secret']])
  assert.doesNotMatch(server.log.join('\n'), /s3cret/)
  assert.deepEqual((await server.reload()).needRestart, ['profile', 'admin-secret'])
  writeFileSync(file, '')
  const back = await server.reload()
  assert.deepEqual([back.changed, back.needRestart], [['max-ccu'], []])
})

/** Whether a process takes SIGHUP by itself, by now (proc(5), SigCgt: a bit per signal, from 1 on). */
const takesHangup = (pid: number) =>
  (Number.parseInt(/^SigCgt:\s*[0-9a-f]*([0-9a-f])$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!, 16) &
    1) ===
  1

test('SIGHUP while the server starts is not forgotten: it reloads once it runs', async () => {
  const file = join(folder, 'early.toml')
  writeFileSync(file, 'max-ccu = 5\n')
  const entry = fileURLToPath(new URL('../../src/index.js', import.meta.url))
  const ports = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0', '--rtc-port', '0', '--rtc-ip', '127.0.0.1']
  const flags = ['--workers', '1', '--data-dir', join(folder, 'early'), '--config', file]
  const child = spawn(process.execPath, [entry, ...ports, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  try {
    const events: { event: string; changed?: string[] }[] = []
    createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)))
    await eventually('a handler of SIGHUP', () => takesHangup(child.pid!), { everyMs: 2 })
    // It has read its settings, and has still to load all that a server is made of.
    writeFileSync(file, 'max-ccu = 6\n')
    child.kill('SIGHUP')
    assert.equal(events.length, 0)
    await eventually('it reloads', () => events.length === 2, { withinMs: 20_000 })
    assert.deepEqual(
      events.map(({ event }) => event),
      ['listening', 'reloaded'],
    )
    assert.deepEqual(events[1]!.changed, ['max-ccu'])
  } finally {
    child.kill('SIGTERM')
    await ended
  }
})
