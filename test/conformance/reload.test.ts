/** SIGHUP: what can change under a running server does, all or nothing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openStage } from '../support/call.js'
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
