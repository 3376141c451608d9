/**
 * A UDP relay that makes links bad: kernels without netem have no other way, and this one is the same everywhere. It
 * runs in a process of its own, so that what the test does makes no packet late. A link is what a client has: its up
 * and down are shared by all that goes through the fronts opened on it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Endpoint, FromRelay, RelayFigures, ToRelay } from './control.js'
import type { Impairment } from './direction.js'

type Question = ToRelay extends infer One ? (One extends ToRelay ? Omit<One, 'id'> : never) : never

export class ImpairedRelay {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: FromRelay): void; reject(error: Error): void }>()
  #next = 0

  /** @param seed of all chances */
  constructor(seed: number) {
    // A session of its own: Linux shares processors out among sessions first, and browsers are many processes.
    this.#child = fork(fileURLToPath(new URL('process.js', import.meta.url)), [String(seed)], { detached: true })
    this.#child.on('message', (answer: FromRelay) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(answer.error))
    })
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the relay ended (${code ?? signal})`))
      this.#waiting.clear()
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /**
   * Opens an address for clients of `server` on a link.
   * @param front port 0: any
   * @returns the address with its port
   */
  async open(link: string, front: Endpoint, server: Endpoint): Promise<Endpoint> {
    return (await this.#ask({ kind: 'open', link, front, server })).front!
  }

  /** Replaces what is wrong with a link, from now on; a way that is left out stays as it is. */
  async impair(link: string, ways: { up?: Impairment; down?: Impairment }): Promise<void> {
    const { up, down } = ways
    await Promise.all([
      up && this.#ask({ kind: 'impair', link, way: 'up', impairment: up }),
      down && this.#ask({ kind: 'impair', link, way: 'down', impairment: down }),
    ])
  }

  async figures(): Promise<RelayFigures> {
    return (await this.#ask({ kind: 'figures' })).figures!
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.disconnect()
    await gone
  }

  #ask(question: Question): Promise<FromRelay> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error('the relay has ended'))
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ ...question, id } as ToRelay)
    })
  }
}
