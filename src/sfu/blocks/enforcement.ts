/**
 * What the media workers were told about blocks, room by room: exactly the blocked pairs of users who are both
 * present. Commands to a worker keep their order, so a block told before a placement is in force before it.
 */
import type { MediaPool } from '../../media/pool-types.js'
import type { Log } from '../log.js'
import type { BlockList } from './block-list.js'

export class Enforcement {
  readonly #pool: MediaPool
  readonly #blocks: BlockList
  readonly #log: Log
  /** Room → user → users that are kept apart from it, with the promise that they are. Symmetric. */
  readonly #told = new Map<string, Map<string, Map<string, Promise<void>>>>()

  constructor(pool: MediaPool, blocks: BlockList, log: Log) {
    this.#pool = pool
    this.#blocks = blocks
    this.#log = log
  }

  /** Pairs that are kept apart now. */
  get pairs(): number {
    let directed = 0
    for (const users of this.#told.values()) for (const others of users.values()) directed += others.size
    return directed / 2
  }

  /**
   * Brings the workers up to date about one user and others of the same room.
   * @returns when every worker obeys
   */
  async apply(room: string, user: string, others: Iterable<string>): Promise<void> {
    const inForce: (Promise<void> | undefined)[] = []
    for (const other of others) {
      if (other === user) continue
      const blocked = this.#blocks.between(user, other)
      const told = this.#told.get(room)?.get(user)?.get(other)
      inForce.push(blocked === (told !== undefined) ? told : this.#tell(room, user, other, blocked))
    }
    await Promise.all(inForce)
  }

  /** A user is no longer in a room. */
  left(room: string, user: string): void {
    for (const other of [...(this.#told.get(room)?.get(user)?.keys() ?? [])]) {
      this.#tell(room, user, other, false).catch((error: Error) => {
        this.#log.error({ room, err: error.message }, 'a media worker did not take the end of a block')
      })
    }
  }

  /** The room is empty. */
  forget(room: string): void {
    this.#told.delete(room)
    this.#pool.forget(room)
  }

  #tell(room: string, user: string, other: string, blocked: boolean): Promise<void> {
    const inForce = this.#pool.block(room, [user, other], blocked)
    this.#note(room, user, other, blocked ? inForce : undefined)
    this.#note(room, other, user, blocked ? inForce : undefined)
    return inForce
  }

  #note(room: string, user: string, other: string, inForce: Promise<void> | undefined): void {
    const users = this.#told.get(room) ?? new Map<string, Map<string, Promise<void>>>()
    const others = users.get(user) ?? new Map<string, Promise<void>>()
    if (inForce) {
      this.#told.set(room, users.set(user, others.set(other, inForce)))
      return
    }
    if (others.delete(other) && others.size === 0) users.delete(user)
    if (users.size === 0) this.#told.delete(room)
  }
}
