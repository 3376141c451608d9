/**
 * Reads a store's file from end to end, as a process of its own: LMDB maps the file into memory and follows what is
 * written there, so that a damaged one can end the process that reads it.
 * Argument: the file. Exit code 0, or 1 with one line on standard output.
 */
import { checkFormat, openFile, readBlocks } from './file.js'

try {
  const file = openFile(process.argv[2]!, { readOnly: true })
  checkFormat(file)
  let read = 0
  for (const _ of readBlocks(file)) read++
  const { entryCount } = file.blocks.getStats() as { entryCount: number }
  if (read !== entryCount) throw new Error(`${read} of ${entryCount} records can be read`)
} catch (error) {
  process.stdout.write(String((error as Error).message).split('\n')[0]!)
  process.exitCode = 1
}
