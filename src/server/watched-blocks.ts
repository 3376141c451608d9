/** Blocks whose store is watched: whether what was to be stored last was stored. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { BlockStore } from '../sfu/blocks/store.js'

export interface WatchedBlocks extends BlockStore {
  /** Why blocks cannot be stored, as a sentence; undefined when they can, as far as is known. */
  problem(): Promise<string | undefined>
}

/** @param folder where the store writes */
export function watchedBlocks(store: BlockStore, folder: string): WatchedBlocks {
  let failure: string | undefined
  const watch = async (write: Promise<void>) => {
    try {
      await write
      failure = undefined
    } catch (error) {
      failure = (error as Error).message
      throw error
    }
  }
  return {
    load: (owner) => store.load(owner),
    add: (owner, whom) => watch(store.add(owner, whom)),
    remove: (owner, whom) => watch(store.remove(owner, whom)),
    async problem() {
      if (failure !== undefined) return `the last block could not be stored: ${failure}`
      try {
        await access(folder, constants.W_OK | constants.X_OK)
        return undefined
      } catch (error) {
        return `the data folder cannot be written (${(error as NodeJS.ErrnoException).code})`
      }
    },
  }
}
