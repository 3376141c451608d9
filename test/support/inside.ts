/**
 * Loaded into a server and its workers (`insideOptions`): tells what only a process itself knows, its timers and what is left of
 * its heap after garbage collection. Says so into a file when it gets SIGUSR2.
 */
import { createHook } from 'node:async_hooks'
import { renameSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Inside } from './inside-options.js'

const parameters = new URL(import.meta.url).searchParams
const folder = parameters.get('folder')
if (folder === null) throw new Error('no folder to write to')

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

// `getActiveResourcesInfo` leaves out timers that keep no process alive, which most of a server's are.
const timers = new Set<number>()
const timerHook = createHook({
  init(asyncId, type) {
    if (type === 'Timeout') timers.add(asyncId)
  },
  destroy(asyncId) {
    timers.delete(asyncId)
  },
})
// A hook costs every asynchronous call something.
if (parameters.has('timers')) timerHook.enable()

process.on('SIGUSR2', () => {
  // Twice: the first pass runs finalizers, which let go of more.
  collectGarbage()
  setImmediate(() => {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const inside: Inside = { timers: timers.size, heapBytes: heapUsed, arrayBufferBytes: arrayBuffers }
    const file = `${folder}/${process.pid}`
    writeFileSync(`${file}.new`, JSON.stringify(inside))
    renameSync(`${file}.new`, file)
  })
})
