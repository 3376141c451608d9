/** Commands beside the server, as an operator types them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startServer } from '../support/server-process.js'

const entry = fileURLToPath(new URL('../../src/index.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rostra-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function rostra(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { input, encoding: 'utf8' })
  return { status, out: stdout.split('\n').filter(Boolean), err: stderr.split('\n').filter(Boolean) }
}

test('check-config: ok, or a line per mistake and exit code 1', () => {
  const file = join(folder, 'rostra.toml')
  writeFileSync(file, 'port = 9000\nmax-room-size = 30\n')
  const ok = { status: 0, out: ['ok'], err: [] }
  assert.deepEqual(rostra(['check-config', '--config', file]), ok)
  assert.deepEqual(rostra(['--config', file, 'check-config']), ok)
  writeFileSync(file, 'port = "many"\nmax_room_sise = 30\n')
  assert.deepEqual(rostra(['check-config', '--config', file, '--workers', '0']), {
    status: 1,
    out: [
      `${file}: unknown setting max_room_sise, did you mean max-room-size?`,
      `--workers: expected a whole number from 1 to 256`,
    ],
    err: [],
  })
})

test('check-config reads the files that settings name', () => {
  const wrong = join(folder, 'wrong.pem')
  writeFileSync(wrong, 'nothing')
  const { status, out } = rostra(['check-config', '--tls-cert', wrong, '--tls-key', wrong, '--auth-key', '/nowhere'])
  assert.deepEqual([status, out.length], [1, 2])
  assert.match(out[0]!, /^--tls-cert, --tls-key: /)
  assert.equal(out[1], '--auth-key: cannot read /nowhere (ENOENT)')
})

test('a command that does not exist, or lacks something, is one line', () => {
  for (const args of [['blocks'], ['blocks', 'exprot'], ['blocks', 'delete'], ['check-confg'], ['check-config', 'x']]) {
    const { status, out, err } = rostra(args)
    assert.deepEqual([status, out, err.length], [1, [], 1], err.join('\n'))
  }
})

test('blocks go out as lines and in again; a wrong line is named and nothing is added', () => {
  const dataDir = ['--data-dir', join(folder, 'lines')]
  const lines = ['{"blocker":"ann","blocked":"bob"}', '{"blocker":"bob","blocked":"eve"}']
  assert.match(rostra(['blocks', 'export', ...dataDir]).err[0]!, /--data-dir: .*there is no store/)
  const added = rostra(['blocks', 'import', ...dataDir], `${lines[0]}\n\n${lines[1]}`)
  assert.deepEqual(added, { status: 0, out: ['2 added, 0 were there already'], err: [] })
  const wrong = rostra(['blocks', 'import', ...dataDir], '{"blocker":"x","blocked":"y"}\n{"blocker":"x"}\nx\n')
  assert.deepEqual([wrong.status, wrong.out], [1, []])
  assert.match(wrong.err[0]!, /standard input, line 2: blocked: expected/)
  assert.match(wrong.err[1]!, /standard input, line 3: is no JSON/)
  assert.deepEqual(rostra(['blocks', 'export', ...dataDir]).out.sort(), lines)
  assert.deepEqual(rostra(['blocks', 'export', '--user', 'ann', ...dataDir]).out, [lines[0]])
  assert.deepEqual(rostra(['blocks', 'delete', '--user', 'ann', ...dataDir]).out, ['1 deleted'])
  const file = join(folder, 'blocks.jsonl')
  writeFileSync(file, lines.join('\n'))
  assert.deepEqual(rostra(['blocks', 'import', file, ...dataDir]).out, ['1 added, 1 were there already'])
})

test('while a server runs, blocks can be exported but not imported or deleted', async (t) => {
  const dataDir = ['--data-dir', join(folder, 'running')]
  rostra(['blocks', 'import', ...dataDir], '{"blocker":"ann","blocked":"bob"}')
  const server = await startServer(dataDir)
  t.after(() => server.stop())
  assert.equal(rostra(['blocks', 'export', ...dataDir]).out.length, 1)
  const inUse = new RegExp(`in use by process ${server.pid}`)
  assert.match(rostra(['blocks', 'import', ...dataDir], '{"blocker":"a","blocked":"b"}').err[0]!, inUse)
  assert.match(rostra(['blocks', 'delete', '--user', 'ann', ...dataDir]).err[0]!, inUse)
  assert.equal(rostra(['blocks', 'export', ...dataDir]).out.length, 1)
})
