import type { MediaKind, ReceiveStream } from '../control.js'
import type { SoundGate } from './audible/sound-gate.js'
import type { ReceiveTypes } from './codec-table.js'

/** What an encoding needs of its m-line. `E` is the encoding. */
export interface EncodingLine<E> {
  readonly kind: MediaKind
  readonly stream: ReceiveStream
  readonly types: ReceiveTypes
  /** Ids of the extensions that are carried on. */
  readonly sourceIds: Uint8Array
  /** Id of the dependency descriptor, 0 = not negotiated. */
  readonly descriptorId: number
  readonly encodings: readonly E[]
  /** Gate of an m-line of sound, where only the loudest are forwarded; null elsewhere. */
  readonly gate: SoundGate | null
  /** RTP came. */
  heard(nowMs: number): void
  /** The first packet of an encoding is at hand. */
  began(nowMs: number): void
  /** Decoding can begin with the packet at hand, which is sent to `encoding.subscriptions` afterwards. */
  keyframe(encoding: E, nowMs: number): void
  /** Its layers are others than before. */
  layered(encoding: E, nowMs: number): void
}
