/**
 * Data-channel messages on their way to the room's other workers, through the main process. What has not been
 * taken there is bounded, so that neither process grows without end. A sender may have as much
 * as it leaves over for the others: half of the window when it is alone, half of the rest after another one, so that
 * however fast some are, there is room for whoever begins.
 *
 * ```
 * add ─▶ pending ──take, once per tick──▶ a batch in flight ──acknowledged──▶ forgotten
 * ```
 */
import type { EndpointId, RelayedData } from './control.js'

/** Bytes that are pending or in flight are fewer than these. */
export const RELAY_WINDOW_BYTES = 4 * 1024 * 1024
/** What a message costs beside its payload and texts. */
const MESSAGE_OVERHEAD_BYTES = 256

export interface RelayBatch {
  batch: number
  data: RelayedData[]
}

export class RelayWindow {
  #pending: RelayedData[] = []
  /** Bytes by sender of what is pending. */
  #pendingBytes = new Map<EndpointId, number>()
  /** Bytes by sender of each batch in flight. */
  readonly #inFlight = new Map<number, Map<EndpointId, number>>()
  /** Bytes pending and in flight, by sender. */
  readonly #bySender = new Map<EndpointId, number>()
  #bytes = 0
  #batches = 0

  /** Bytes pending and in flight. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns false when there is no room for the message: it is not taken */
  add(sender: EndpointId, data: RelayedData): boolean {
    const { room, from, channel, payload } = data
    const texts = room.length + from.length + channel.label.length + channel.protocol.length
    const bytes = payload.length + texts + MESSAGE_OVERHEAD_BYTES
    const ofSender = (this.#bySender.get(sender) ?? 0) + bytes
    const leftOver = RELAY_WINDOW_BYTES - this.#bytes - bytes
    if (ofSender > leftOver) return false
    this.#bytes += bytes
    this.#bySender.set(sender, ofSender)
    this.#pending.push(data)
    this.#pendingBytes.set(sender, (this.#pendingBytes.get(sender) ?? 0) + bytes)
    return true
  }

  /** What was added since the last call, or undefined when nothing was. It is in flight until it is acknowledged. */
  take(): RelayBatch | undefined {
    if (this.#pending.length === 0) return undefined
    const data = this.#pending
    const batch = ++this.#batches
    this.#inFlight.set(batch, this.#pendingBytes)
    this.#pending = []
    this.#pendingBytes = new Map()
    return { batch, data }
  }

  /** The other workers have taken that batch. Twice is harmless. */
  acknowledged(batch: number): void {
    for (const [sender, bytes] of this.#inFlight.get(batch) ?? []) {
      this.#bytes -= bytes
      const left = this.#bySender.get(sender)! - bytes
      if (left > 0) this.#bySender.set(sender, left)
      else this.#bySender.delete(sender)
    }
    this.#inFlight.delete(batch)
  }
}
