/** What operators do with a store: take everything out, put blocks in, delete what belongs to a person. */
import { existsSync } from 'node:fs'
import { MAX_BLOCKS_PER_USER } from '../block-list.js'
import { type Block, StoreError } from '../store.js'
import { compact } from './compact.js'
import { closeForOthers, openToRead, openToWrite } from './embedded.js'
import { committed, readBlocks, type StoreFile, storePath } from './file.js'
import { recordKey, recordValue } from './record.js'

const concerns = (user: string | undefined, { blocker, blocked }: Block) =>
  user === undefined || blocker === user || blocked === user

/**
 * Hands every block to `take`, or those that a user made or met, as they were at one moment; a server may run meanwhile.
 * @throws StoreError
 */
export async function exportBlocks(
  folder: string,
  user: string | undefined,
  take: (block: Block) => Promise<void> | void,
): Promise<void> {
  const file = await openToRead(folder)
  try {
    for (const block of readBlocks(file)) if (concerns(user, block)) await take(block)
  } finally {
    await file.environment.close()
  }
}

/**
 * Adds blocks, all or none.
 * @returns how many are new
 * @throws StoreError when a server uses the store, or a user would have more blocks than a user may have
 */
export function importBlocks(folder: string, blocks: readonly Block[]): Promise<number> {
  return withFile(folder, async (file) => {
    const fresh = new Map(blocks.map((block) => [recordKey(block).toString('hex'), block]))
    for (const key of [...fresh.keys()]) if (file.blocks.doesExist(Buffer.from(key, 'hex'))) fresh.delete(key)
    checkNumbers(file, fresh.values())
    const writes = file.blocks.transaction(() => {
      for (const block of fresh.values()) file.blocks.put(recordKey(block), recordValue(block))
      return true
    })
    await committed(writes)
    return fresh.size
  })
}

function checkNumbers(file: StoreFile, fresh: Iterable<Block>): void {
  const numbers = new Map<string, number>()
  const count = ({ blocker }: Block) => numbers.set(blocker, (numbers.get(blocker) ?? 0) + 1)
  for (const block of fresh) count(block)
  for (const block of readBlocks(file)) if (numbers.has(block.blocker)) count(block)
  for (const [user, number] of numbers) {
    if (number <= MAX_BLOCKS_PER_USER) continue
    throw new StoreError(`${JSON.stringify(user)} would have ${number} blocks, ${MAX_BLOCKS_PER_USER} are allowed`)
  }
}

/**
 * Deletes every block that a user made or met, also from the unused parts of the file.
 * @returns how many there were
 * @throws StoreError when a server uses the store
 */
export async function deleteBlocks(folder: string, user: string): Promise<number> {
  if (!existsSync(storePath(folder))) throw new StoreError('there is no store')
  return withFile(folder, async (file) => {
    const doomed = [...readBlocks(file)].filter((block) => concerns(user, block))
    const writes = file.blocks.transaction(() => {
      for (const block of doomed) file.blocks.remove(recordKey(block))
      return true
    })
    await committed(writes)
    await compact(folder, file)
    return doomed.length
  })
}

async function withFile<T>(folder: string, work: (file: StoreFile) => Promise<T>): Promise<T> {
  const file = await openToWrite(folder)
  try {
    return await work(file)
  } finally {
    await closeForOthers(file)
  }
}
