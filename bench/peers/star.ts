/** What benches ask of a server: one who sends pictures, and many who get them. */
import type { Latency } from '../../src/load/latency.js'

export interface Star {
  readonly name: string
  /** Processes whose CPU and memory counts. */
  readonly pids: readonly number[]
  /** More receivers, until they are so many. */
  grow(receivers: number): Promise<void>
  /** Queues one packet with so many bytes of payload. */
  send(payloadBytes: number): void
  flush(): void
  /** Packets that have come to receivers so far. */
  received(): number
  /**
   * From `send` to each receiver is recorded from now on (undefined: no more). Costs the clients time.
   * @param read until a receiver reads it
   * @param arrived until it lies in a receiver's socket: what receivers are busy with is not in it
   * @returns false: this one cannot tell
   */
  watch(read: Latency | undefined, arrived?: Latency): boolean
  close(): Promise<void>
}
