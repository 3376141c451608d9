/** `rostra load` against a real server, as somebody types it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LoadSummary } from '../../src/load/load.js'
import { eventually } from '../support/eventually.js'
import { freePort, type ServerProcess, startServer } from '../support/server-process.js'

const entry = fileURLToPath(new URL('../../src/index.js', import.meta.url))

const running = new Set<ChildProcess>()
after(() => {
  for (const child of running) child.kill('SIGKILL')
})

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [entry, 'load', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }))
  return { child, said, ended }
}

const summaryOf = (out: string) => JSON.parse(out) as LoadSummary

async function withServer(flags: readonly string[], work: (server: ServerProcess) => Promise<void>): Promise<void> {
  const server = await startServer(['--workers', '1', ...flags])
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

test('two rooms of three users: everybody joins, and everybody gets what the others of the room send', async () => {
  await withServer([], async (server) => {
    const traffic = ['--audio', '--video', '--data', '20', '--duration', '2']
    const load = start([
      '--url',
      server.webSocketUrl,
      '--rooms',
      '2',
      '--users',
      '3',
      '--ramp',
      '0',
      ...traffic,
      '--json',
    ])
    const { code, out, err } = await load.ended
    assert.equal(code, 0, out + err)
    const summary = summaryOf(out)
    const { users, joined, connections, connectionsWanted, errors, interrupted } = summary
    assert.deepEqual(
      { users, joined, connections, connectionsWanted, errors, interrupted },
      { users: 6, joined: 6, connections: 18, connectionsWanted: 18, errors: {}, interrupted: false },
    )
    assert.deepEqual([summary.joining.count, summary.publishing.count, summary.subscribing.count], [6, 6, 12])
    for (const [kind, { sent, expected, received, sentBytes, receivedBytes, latency }] of Object.entries(
      summary.traffic,
    )) {
      assert.ok(sent > 100, `${kind}: ${sent} sent`)
      assert.equal(expected, sent * 2, kind)
      assert.ok(
        kind === 'data' ? received === expected : received > expected * 0.9,
        `${kind}: ${received} of ${expected}`,
      )
      assert.equal(receivedBytes / received, sentBytes / sent, kind)
      assert.equal(latency.count, received, kind)
      assert.ok(latency.p50 > 0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max, kind)
    }
    assert.equal(summary.traffic.data.sentBytes, summary.traffic.data.sent * 200)
    // The server has counted the same connections, and holds nothing any more.
    await eventually('the users are gone', async () => Object.values(await server.live()).every((count) => count <= 1))
  })
})

test('views limit who is subscribed to; unreliable messages, and the upstream profile', async () => {
  await withServer(['--profile', 'upstream'], async (server) => {
    const users = ['--users', '4', '--views', '1', '--ramp', '0']
    const talk = ['--data', '10', '--unreliable', '--duration', '1']
    const { code, out } = await start(['--url', server.webSocketUrl, ...users, ...talk, '--json']).ended
    assert.equal(code, 0, out)
    const { joined, connections, traffic } = summaryOf(out)
    assert.deepEqual({ joined, connections }, { joined: 4, connections: 8 })
    assert.equal(traffic.audio.sent + traffic.video.sent, 0)
    assert.equal(traffic.data.expected, traffic.data.sent * 3)
    assert.ok(traffic.data.received > 0)
  })
})

test('SIGINT ends a run with the summary of what was done', async () => {
  await withServer([], async (server) => {
    const load = start(['--url', server.webSocketUrl, '--ramp', '0', '--audio', '--duration', '3600'])
    await eventually('it measures', () => load.said.err.includes('measuring'), { withinMs: 15_000 })
    load.child.kill('SIGINT')
    const { code, out } = await load.ended
    assert.equal(code, 0, out)
    assert.match(out, /^joined {7}2 of 2 users, 4 of 4 connections/)
    assert.match(out, /^audio .* sent, .* received, /m)
    assert.match(out, /^interrupted/m)
    await eventually('the users are gone', async () => Object.values(await server.live()).every((count) => count <= 1))
  })
})

test('another machine is refused, whether the URL names it or the server announces it', async () => {
  const { code, out, err } = await start(['--url', 'ws://192.0.2.1:8188']).ended
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^rostra: --url: 192\.0\.2\.1 is not this machine[^\n]+\n$/)
  await withServer(['--rtc-ip', '127.0.0.1=192.0.2.7'], async (server) => {
    const { code, out } = await start(['--url', server.webSocketUrl, '--ramp', '0', '--duration', '0', '--json']).ended
    const { joined, errors } = summaryOf(out)
    assert.deepEqual([code, joined], [1, 0])
    assert.deepEqual(errors, { 'the server wants media at 192.0.2.7, which is not allowed': 2 })
  })
})

test('a server that is not there, or that refuses, makes the exit code 1', async () => {
  const nowhere = await start([
    '--url',
    `ws://127.0.0.1:${await freePort()}`,
    '--duration',
    '0',
    '--ramp',
    '0',
    '--json',
  ]).ended
  assert.equal(nowhere.code, 1)
  assert.equal(summaryOf(nowhere.out).joined, 0)
  assert.match(Object.keys(summaryOf(nowhere.out).errors).join(), /ECONNREFUSED/)
  await withServer(['--max-room-size', '1', '--api-secret', 'sesame'], async ({ webSocketUrl }) => {
    const flags = ['--url', webSocketUrl, '--duration', '0', '--ramp', '0', '--json']
    const full = await start([...flags, '--api-secret', 'sesame']).ended
    assert.equal(full.code, 1)
    assert.deepEqual(summaryOf(full.out).errors, { 'join: Room is full.': 1 })
  })
})

test('flags are checked before anything is sent', async () => {
  const { code, err } = await start(['--url', 'ws://localhost:1', '--rooms', 'many', '--data-bytes', '3']).ended
  assert.equal(code, 1)
  assert.match(err, /--rooms: expected a whole number from 1 to 1000/)
  assert.match(err, /--data-bytes: expected a whole number from 24 to 65536/)
})
