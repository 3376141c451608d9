/** Blocks in a file of the data folder. */
import { existsSync, statSync } from 'node:fs'
import { type BlockStore, StoreError } from '../store.js'
import { claim, giveUpClaim } from './claim.js'
import { committed, createFile, openFile, type StoreFile, storePath } from './file.js'
import { rangeOf, readRecord, recordKey, recordValue } from './record.js'
import { verifyFile } from './verify.js'

export interface EmbeddedBlocks extends BlockStore {
  /** Waits for what is under way; what comes later is refused. Twice is harmless. */
  close(): Promise<void>
}

/**
 * Opens the store of a folder for this process alone, and makes it when there is none.
 * @throws StoreError with one line when it is damaged, cannot be written or is in use: never an empty store instead
 */
export async function openEmbeddedBlocks(folder: string): Promise<EmbeddedBlocks> {
  const file = await openToWrite(folder)
  let closing: Promise<void> | undefined
  const checkOpen = () => {
    // LMDB would throw later, where nobody can catch it.
    if (closing) throw new StoreError('the store is closed')
  }
  return {
    async load(owner) {
      checkOpen()
      const { start, end } = rangeOf(owner)
      const whom: string[] = []
      for (const { key, value } of file.blocks.getRange({ start, end })) {
        const block = readRecord(key, value)
        if (block?.blocker !== owner) throw new StoreError('a record is damaged')
        whom.push(block.blocked)
      }
      return whom
    },
    // Whatever is put in one turn of the event loop, and while a commit is under way, shares one commit.
    async add(blocker, blocked) {
      checkOpen()
      await committed(file.blocks.put(recordKey({ blocker, blocked }), recordValue({ blocker, blocked })))
    },
    async remove(blocker, blocked) {
      checkOpen()
      await committed(file.blocks.remove(recordKey({ blocker, blocked })))
    },
    close() {
      closing ??= closeForOthers(file)
      return closing
    },
  }
}

/** For this process alone. @throws StoreError */
export function openToWrite(folder: string): Promise<StoreFile> {
  return inWords(async () => {
    const path = storePath(folder)
    if (!(await createFile(folder))) await verifyFile(path)
    const { ino } = statSync(path)
    const file = openFile(path)
    try {
      claim(file)
      if (statSync(path).ino !== ino) throw new StoreError('the store was replaced at this moment; try again')
      return file
    } catch (error) {
      await file.environment.close()
      throw error
    }
  })
}

export async function closeForOthers(file: StoreFile): Promise<void> {
  try {
    await giveUpClaim(file)
  } catch {
    // A claim that cannot be taken back ends with this process.
  }
  await file.environment.close()
}

/** Beside whoever writes: shows what was there at that moment. @throws StoreError, also when there is no store */
export function openToRead(folder: string): Promise<StoreFile> {
  return inWords(async () => {
    if (!existsSync(storePath(folder))) throw new StoreError('there is no store')
    await verifyFile(storePath(folder))
    return openFile(storePath(folder), { readOnly: true })
  })
}

/** @throws StoreError for errors of the system and of LMDB */
async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const { message, code } = error as NodeJS.ErrnoException
    throw new StoreError(
      `the store cannot be used: ${code && !message.includes(code) ? `${message} (${code})` : message}`,
    )
  }
}
