/** Makes sure that a store's file is whole before this process maps it into its memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../store.js'

const program = fileURLToPath(new URL('./verify-main.js', import.meta.url))
/** More is never printed on purpose. */
const WORDS_MAX = 300

/** @throws StoreError that says what is wrong */
export async function verifyFile(path: string): Promise<void> {
  // Before anything else: a file that may not be read says so in its own words.
  closeSync(openSync(path, 'r+'))
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'ignore'] })
  let words = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, WORDS_MAX)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== 0) throw new StoreError(`${path} is damaged (${words || signal || `exit code ${code}`})`)
}
