#!/usr/bin/env node
/** Where the program begins. With too few file descriptors not even its modules can be loaded: says so before. */
import { readFileSync } from 'node:fs'

/** Loading takes about 150 at once; each client takes one more later. */
const OPEN_FILES_MIN = 256

/** How many files this process may have open; Node has raised it to the hard limit. */
function openFilesLimit(): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === '' ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

const limit = openFilesLimit()
if (limit < OPEN_FILES_MIN) {
  process.stderr.write(`rostra: ulimit -n: ${limit} open files are too few, at least ${OPEN_FILES_MIN} are needed\n`)
  process.exitCode = 1
} else {
  await import('./main.js')
}
