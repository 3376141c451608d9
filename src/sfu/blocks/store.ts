/** Where blocks outlive connections and restarts. Implementation: embedded; tests have one in memory. */

export interface BlockStore {
  /** Whom `owner` blocks. @throws Error when the store cannot be read */
  load(owner: string): Promise<readonly string[]>
  /** Resolves when the block is as safe as the store can make it. Adding twice is harmless. @throws Error when it is not stored */
  add(owner: string, whom: string): Promise<void>
  /** Resolves when the block is gone for good. Removing twice is harmless. @throws Error when it may still be there */
  remove(owner: string, whom: string): Promise<void>
}

/** One block, as operators see it. */
export interface Block {
  readonly blocker: string
  readonly blocked: string
}

/** A store that cannot be used; the message is one clear line. */
export class StoreError extends Error {}
