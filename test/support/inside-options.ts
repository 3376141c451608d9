/** Looks into processes that are not ours: see `inside.ts`, which runs there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.js'

export interface Inside {
  /** Timers that are set, whether they keep the process alive or not. */
  timers: number
  /** JavaScript objects, after garbage collection. */
  heapBytes: number
  /** Buffers outside of the heap. */
  arrayBufferBytes: number
}

/** For a server that a test starts with `nodeOptions`. */
export function insideOptions(t: TestContext): { nodeOptions: string; look(pid: number): Promise<Inside> } {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-inside-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const look = async (pid: number) => {
    const file = join(folder, String(pid))
    rmSync(file, { force: true })
    process.kill(pid, 'SIGUSR2')
    await eventually(`process ${pid} tells what is inside`, () => existsSync(file), { everyMs: 10 })
    return JSON.parse(readFileSync(file, 'utf8')) as Inside
  }
  return { nodeOptions: `--import=${new URL(`./inside.js?folder=${folder}`, import.meta.url)}`, look }
}
