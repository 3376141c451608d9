import { RoomError } from './errors.js'
import type { RoomOptions } from './room-options.js'

/** A function that has not answered by then is asked again by the next who wants a token. */
const ANSWER_WITHIN_MS = 15_000

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
   * @throws what the function throws, or `RoomError` ('timeout') when it has not answered in 15 s
   */
  get(): Promise<string | undefined> {
    const token = this.#token
    if (typeof token !== 'function') return Promise.resolve(token)
    this.#asking ??= inTime(Promise.resolve().then(token)).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RoomError('timeout', 'There is no token after 15 s')), ANSWER_WITHIN_MS)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}
