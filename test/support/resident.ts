/** What a process holds, as its kernel says. */
import { readdirSync, readFileSync } from 'node:fs'

/** Resident memory in bytes. */
export const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

/** Open file descriptors. */
export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
