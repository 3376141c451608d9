import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { eventually } from './eventually.js'

test('a server goes with the test that started it, however that ends', async () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const url = new URL('./server-process.js', import.meta.url).href
    const script = `const { startServer } = await import(${JSON.stringify(url)})
      const { pid, workerPids } = await startServer(['--workers', '1'])
      console.log(JSON.stringify([pid, ...workerPids]))`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const pids = JSON.parse(line) as number[]
    assert.ok(pids.every((pid) => existsSync(`/proc/${pid}`)))
    child.kill(signal)
    await eventually(`gone after ${signal}`, () => pids.every((pid) => !existsSync(`/proc/${pid}`)))
  }
})
