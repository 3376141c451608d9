import type { RoomOptions } from './room-options.js'

/** Where the token of each join comes from. Each subscription joins too, so tokens are needed for as long as people come. */
export class TokenSource {
  readonly #token: RoomOptions['token']
  #asking: Promise<string | undefined> | undefined

  constructor(token: RoomOptions['token']) {
    this.#token = token
  }

  /** Whether the next token may be another than the last one. */
  get renews(): boolean {
    return typeof this.#token === 'function'
  }

  /**
   * A token for one join. A function is asked once for all who want one before it has answered.
   * @returns undefined when the room has no token
   * @throws what the function throws
   */
  get(): Promise<string | undefined> {
    const token = this.#token
    if (typeof token !== 'function') return Promise.resolve(token)
    this.#asking ??= Promise.resolve()
      .then(token)
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }
}
