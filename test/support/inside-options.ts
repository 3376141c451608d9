/** Looks into processes that are not ours: see `inside.ts`, which runs there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.js'

export interface Inside {
  /** Timers that are set, whether they keep the process alive or not; 0 where they are not counted. */
  timers: number
  /** JavaScript objects, after garbage collection. */
  heapBytes: number
  /** Buffers outside of the heap. */
  arrayBufferBytes: number
}

/** For servers that are started with `nodeOptions`. */
export interface Insight {
  readonly nodeOptions: string
  /** Collects garbage in process `pid`, and then asks it. */
  look(pid: number): Promise<Inside>
  /** No process is asked any more. */
  end(): void
}

/** @param timers whether they are counted, which slows the process down */
export function openInsight({ timers }: { timers: boolean }): Insight {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-inside-'))
  const look = async (pid: number) => {
    const file = join(folder, String(pid))
    rmSync(file, { force: true })
    process.kill(pid, 'SIGUSR2')
    await eventually(`process ${pid} tells what is inside`, () => existsSync(file), { everyMs: 10 })
    return JSON.parse(readFileSync(file, 'utf8')) as Inside
  }
  const program = new URL(`./inside.js?folder=${folder}${timers ? '&timers' : ''}`, import.meta.url)
  const nodeOptions = `--import=${program}`
  return { nodeOptions, look, end: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Until the test ends. */
export function insideOptions(t: TestContext): Insight {
  const insight = openInsight({ timers: true })
  t.after(() => insight.end())
  return insight
}
