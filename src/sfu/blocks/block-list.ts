/**
 * Who blocks whom, by user id. Blocks belong to the blocker: each side has its own, and either is enough to
 * keep the two apart. The blocks of present users are held in memory, so that every question about them has
 * an answer at once; changes go to the store first, one after the other per owner.
 */
import type { BlockStore } from './store.js'

/** Most blocks of one user. */
export const MAX_BLOCKS_PER_USER = 10_000

/** What a change came to. */
export type BlockChange = 'changed' | 'unchanged' | 'too_many'

interface Owner {
  holds: number
  readonly whom: Set<string>
  /** Reading from the store, then every change so far. */
  settled: Promise<void>
}

export class BlockList {
  readonly #store: BlockStore
  readonly #owners = new Map<string, Owner>()

  constructor(store: BlockStore) {
    this.#store = store
  }

  /** Owners whose blocks are in memory. */
  get held(): number {
    return this.#owners.size
  }

  /**
   * Keeps a user's blocks in memory until `release`, once per `hold`.
   * @throws Error when the store cannot be read; nothing is held then
   */
  async hold(user: string): Promise<void> {
    let owner = this.#owners.get(user)
    if (!owner) {
      const whom = new Set<string>()
      const settled = this.#store.load(user).then((stored) => {
        for (const other of stored) whom.add(other)
      })
      this.#owners.set(user, (owner = { holds: 0, whom, settled }))
    }
    owner.holds++
    try {
      await owner.settled
    } catch (error) {
      this.#release(user, owner)
      // Whoever comes next reads again, even while others still fail on this attempt.
      if (this.#owners.get(user) === owner) this.#owners.delete(user)
      throw error
    }
  }

  release(user: string): void {
    const owner = this.#owners.get(user)
    if (owner) this.#release(user, owner)
  }

  /** Whom a held user blocks. */
  of(user: string): string[] {
    return [...(this.#owners.get(user)?.whom ?? [])]
  }

  /** Whether either of two held users blocks the other. */
  between(a: string, b: string): boolean {
    return (this.#owners.get(a)?.whom.has(b) ?? false) || (this.#owners.get(b)?.whom.has(a) ?? false)
  }

  /**
   * Sets or ends a block of a held user.
   * @returns when the store has it; `between` says so from that moment on
   * @throws Error when the store failed: nothing has changed
   */
  async set(user: string, whom: string, blocked: boolean): Promise<BlockChange> {
    const owner = this.#owners.get(user)
    if (!owner) throw new Error('blocks of a user who is not held')
    owner.holds++
    const change = owner.settled.then(() => this.#change(user, owner, whom, blocked))
    owner.settled = change.then(
      () => {},
      () => {},
    )
    try {
      return await change
    } finally {
      this.#release(user, owner)
    }
  }

  async #change(user: string, owner: Owner, whom: string, blocked: boolean): Promise<BlockChange> {
    if (owner.whom.has(whom) === blocked) return 'unchanged'
    if (blocked && owner.whom.size >= MAX_BLOCKS_PER_USER) return 'too_many'
    if (blocked) {
      await this.#store.add(user, whom)
      owner.whom.add(whom)
    } else {
      await this.#store.remove(user, whom)
      owner.whom.delete(whom)
    }
    return 'changed'
  }

  #release(user: string, owner: Owner): void {
    owner.holds--
    if (owner.holds === 0 && this.#owners.get(user) === owner) this.#owners.delete(user)
  }
}
