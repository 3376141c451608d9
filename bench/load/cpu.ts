/** CPU time of processes, from the kernel's own accounting. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Of the machine: this process may be kept from some. */
const cores = cpus().length

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** User and system time so far of all `pids`, in µs (resolution: one clock tick, 10 ms). */
export function cpuMicroseconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    // proc(5): the name may hold spaces and parentheses; fields are counted from the last one.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return (ticks * 1e6) / ticksPerSecond
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Keeps the measured processes on the first core and this one on the others, so that they do not chase each other's
 * caches. Without taskset (util-linux) or with one core, nothing is done. @returns whether it was
 */
export function separate(measured: readonly number[]): boolean {
  if (cores < 2) return false
  return pin(cores === 2 ? '1' : `1-${cores - 1}`, process.pid) && measured.every((pid) => pin('0', pid))
}

/** Undoes `separate`, or whatever else keeps these processes and this one from some of the cores. @returns whether it could */
export function share(measured: readonly number[]): boolean {
  return [process.pid, ...measured].every((pid) => pin(`0-${cores - 1}`, pid))
}

function pin(cpuList: string, pid: number): boolean {
  const args = ['--all-tasks', '--cpu-list', '--pid', cpuList, String(pid)]
  return spawnSync('taskset', args, { stdio: 'ignore' }).status === 0
}

/** Time that all threads of all `pids` have run so far, in µs, to the nanosecond: for measurements of few ticks. */
export function ranMicroseconds(pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
      } catch (error) {
        // Threads come and go.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH')
          throw error
      }
    }
  }
  return nanoseconds / 1_000
}
