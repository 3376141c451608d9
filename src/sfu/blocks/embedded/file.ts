/**
 * The store's file: an LMDB environment (copy on write, no journal to replay: it is whole after a kill at any moment)
 * with the blocks in one database and what the file is in another.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { type Block, StoreError } from '../store.js'
import { readRecord } from './record.js'

const FILE_NAME = 'blocks.mdb'
/** Whom somebody blocks is nobody else's business. */
export const FILE_MODE = 0o600
/** Format of the records. A file of another one is refused. */
const FORMAT = 1

export interface StoreFile {
  readonly environment: RootDatabase
  /** Keys and values as `record.ts` makes them. */
  readonly blocks: Database<Buffer, Buffer>
  /** What the file is, and who uses it. */
  readonly facts: Database<unknown, string>
}

export const storePath = (folder: string) => join(folder, FILE_NAME)

/** Opens an existing file that was verified. @throws Error of LMDB, StoreError for another format */
export function openFile(path: string, { readOnly = false } = {}): StoreFile {
  // A commit is on disk before it is reported: the default would report it first.
  const environment = open({
    path,
    readOnly,
    overlappingSync: false,
    maxDbs: 2,
    keyEncoding: 'binary',
    encoding: 'binary',
  })
  const facts = environment.openDB<unknown, string>('facts', { keyEncoding: 'ordered-binary', encoding: 'json' })
  const blocks = environment.openDB<Buffer, Buffer>('blocks', { keyEncoding: 'binary', encoding: 'binary' })
  return { environment, blocks, facts }
}

/** A file that this process is making. */
export const unfinishedPath = (path: string) => `${path}.${process.pid}.new.mdb`
export const unfinishedName = /^blocks\.mdb\.\d+\.new\.mdb(-lock)?$/

/** Makes the file when there is none; a crash on the way leaves none. @returns whether there was none */
export async function createFile(folder: string): Promise<boolean> {
  const path = storePath(folder)
  if (existsSync(path)) return false
  const unfinished = unfinishedPath(path)
  const file = openFile(unfinished)
  await committed(file.facts.put('format', FORMAT))
  await file.environment.close()
  chmodSync(unfinished, FILE_MODE)
  try {
    // A link, unlike a move, never replaces what another process made meanwhile.
    linkSync(unfinished, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  rmSync(unfinished)
  rmSync(`${unfinished}-lock`, { force: true })
  syncFile(folder)
  return true
}

/** Waits until a file, or what was made and moved in a folder, is on disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** @throws StoreError with the system's words when nothing was written */
export async function committed(write: Promise<boolean>): Promise<void> {
  try {
    await write
  } catch (error) {
    const { commitError, message } = error as Error & { commitError?: Promise<never> }
    // Rejects soon, with the reason.
    const reason = commitError?.catch((cause: Error) => cause.message)
    throw new StoreError((await reason) ?? message)
  }
}

/** @throws StoreError */
export function checkFormat({ facts }: StoreFile): void {
  const format = facts.get('format')
  if (format !== FORMAT)
    throw new StoreError(`it has the format ${String(format ?? 'none')}, this program reads ${FORMAT}`)
}

/** Every block, in no order. @throws StoreError at the first damaged record */
export function* readBlocks({ blocks }: StoreFile): Generator<Block> {
  for (const { key, value } of blocks.getRange({ snapshot: true })) {
    const block = readRecord(key, value)
    if (!block) throw new StoreError('a record is damaged')
    yield block
  }
}
