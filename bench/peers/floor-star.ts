/** The floor program as a star: its receivers are sockets, and what they get cannot be read. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openNativeIo } from '../../src/media/io/binding.js'
import { Addr, ioCounterNames, type MediaIo } from '../../src/media/io/io.js'
import { freePort } from '../../test/support/server-process.js'
import type { Star } from './star.js'

const program = fileURLToPath(new URL('../../../bench/floor/build/floor', import.meta.url))
const RTP_HEADER_BYTES = 12
const SOCKETS_PER_IO = 32
const RX_PACKETS = ioCounterNames.indexOf('rx_packets')

export class FloorStar implements Star {
  readonly name = 'floor'
  readonly #sender: MediaIo = openNativeIo({}, () => {})
  readonly #to = new Uint8Array(Addr.stride)
  #ios: MediaIo[] = []
  #child: ChildProcess | undefined

  private constructor() {}

  static async open(): Promise<FloorStar> {
    const star = new FloorStar()
    const { socket } = star.#sender.listen('127.0.0.1', 0)
    star.#to.set([4, socket, 0, 0, 127, 0, 0, 1])
    star.#sender.scratch.fill(0x5a, 0, 1_500)
    star.#sender.scratch[0] = 0x80
    return star
  }

  get pids(): readonly number[] {
    return this.#child ? [this.#child.pid!] : []
  }

  /** Another program with other receivers: it takes its targets when it starts. */
  async grow(receivers: number): Promise<void> {
    await this.#end()
    const first = this.#listen(receivers)
    const port = await freePort()
    this.#to.set([port >> 8, port & 0xff], Addr.port)
    this.#child = spawn(program, [String(port), String(receivers), String(first)], { stdio: ['ignore', 'ignore', 2] })
    await once(this.#child, 'spawn')
  }

  send(payloadBytes: number): void {
    this.#sender.sendTo(this.#to, 0, RTP_HEADER_BYTES + payloadBytes)
  }

  flush(): void {
    this.#sender.flush()
  }

  received(): number {
    return this.#ios.reduce((sum, io) => sum + io.counters[RX_PACKETS]!, 0)
  }

  watch(): boolean {
    return false
  }

  async close(): Promise<void> {
    await this.#end()
    await this.#sender.close()
  }

  async #end(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await Promise.all(this.#ios.splice(0).map((io) => io.close()))
  }

  /** Binds ports in a row, as the program wants its targets. @returns the first */
  #listen(count: number): number {
    for (let attempt = 0; attempt < 100; attempt++) {
      const first = 20_000 + Math.floor(Math.random() * 10_000)
      try {
        for (let index = 0; index < count; index++) {
          if (index % SOCKETS_PER_IO === 0) this.#ios.push(openNativeIo({}, () => {}))
          this.#ios.at(-1)!.listen('127.0.0.1', first + index)
        }
        return first
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
        for (const io of this.#ios.splice(0)) void io.close()
      }
    }
    throw new Error('no free ports in a row')
  }
}
