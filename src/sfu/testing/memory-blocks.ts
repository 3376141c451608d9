/** Blocks that live as long as the process. */
import type { BlockStore } from '../blocks/store.js'

export function memoryBlocks(): BlockStore {
  const owners = new Map<string, Set<string>>()
  return {
    load: async (owner) => [...(owners.get(owner) ?? [])],
    add: async (owner, whom) => {
      const blocked = owners.get(owner) ?? new Set<string>()
      owners.set(owner, blocked.add(whom))
    },
    remove: async (owner, whom) => {
      const blocked = owners.get(owner)
      if (blocked?.delete(whom) && blocked.size === 0) owners.delete(owner)
    },
  }
}
