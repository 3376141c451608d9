/** The process of a worker, when the main process goes without a word. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Command } from './control.js'

const start: Command = {
  kind: 'start',
  index: 0,
  port: 0,
  listen: [{ address: '127.0.0.1', announced: '127.0.0.1' }],
  tcp: true,
  pin: false,
  limits: { dataBufferBytes: 1 << 20, maxMessageBytes: 1 << 16, maxPublisherBps: 2_500_000 },
  settings: { noMediaMs: 1000, slowlinkThreshold: 0 },
  relay: false,
}

/** A main process that starts a worker, asks it something while it cannot answer, and is killed. */
const mainProcess = `
  import { fork } from 'node:child_process'
  const worker = fork(process.argv[1], { serialization: 'advanced', execArgv: [] })
  worker.once('message', () => {
    process.kill(worker.pid, 'SIGSTOP')
    process.stdout.write(String(worker.pid))
    worker.send([{ kind: 'counters', ask: 1 }], () => process.kill(process.pid, 'SIGKILL'))
  })
  worker.send(${JSON.stringify([start])})
`

test('it ends by itself, without an error, when nobody is left to report to', async () => {
  const program = new URL('./worker-main.js', import.meta.url).pathname
  const main = spawn(process.execPath, ['--input-type=module', '--eval', mainProcess, program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // The worker has the same pipe for its errors: it ends when both processes have.
  const errors = text(main.stderr)
  const [[pid], exit] = await Promise.all([once(main.stdout, 'data'), once(main, 'exit')])
  assert.deepEqual(exit, [null, 'SIGKILL'])
  process.kill(Number(pid), 'SIGCONT')
  assert.equal(await errors, '')
})
