/**
 * Header extensions on the way out (RFC 8285). Subscribers that negotiated the same ids and mid share one
 * profile, and a block is written once per packet and profile, however many subscribers there are.
 */
import type { ExtensionIds } from '../control.js'
import {
  type Extension,
  ExtensionWriter,
  elementLength,
  extensions,
  findElement,
  type RtpExtensionName,
  writeAbsSendTime,
  writeTransportSeq,
} from '../rtp/extensions/index.js'
import type { RtpView } from '../rtp/packet.js'
import type { Outbox } from './outbox.js'

const table: Record<RtpExtensionName, Extension> = extensions
const names = Object.keys(table) as RtpExtensionName[]
/** Extensions whose bytes are carried on, in the order of every id list here. */
const copied = names.filter((name) => table[name].onForward === 'copy')
const copiedMaxBytes = Uint8Array.from(copied, (name) => table[name].maxBytes)

/** Ids of a received stream's extensions that are carried on; 0 = not negotiated. */
export function copiedIds(ids: ExtensionIds): Uint8Array {
  return Uint8Array.from(copied, (name) => validId(ids[name]))
}

const writer = new ExtensionWriter()

export class ExtensionProfile {
  /** Same key, same blocks. */
  readonly key: string
  readonly #mid: Uint8Array
  readonly #midId: number
  readonly #sendTimeId: number
  readonly #transportSeqId: number
  readonly #copyIds: Uint8Array
  #serial = -1
  /** Where the block that `write` made is in scratch, and how long it is. */
  offset = 0
  length = 0
  #transportSeqAt = 0

  constructor(mid: string, ids: ExtensionIds) {
    this.key = profileKey(mid, ids)
    this.#mid = new TextEncoder().encode(mid)
    this.#midId = this.#mid.length > 0 && this.#mid.length <= table.mid.maxBytes ? validId(ids.mid) : 0
    this.#sendTimeId = validId(ids['abs-send-time'])
    this.#transportSeqId = validId(ids['transport-cc'])
    this.#copyIds = copiedIds(ids)
  }

  /** Whether blocks carry a number of the transport, so that each subscriber needs its own. */
  get numbered(): boolean {
    return this.#transportSeqId !== 0
  }

  /** Whether `offset` and `length` are those of the block that was written since scratch was begun. */
  isWritten(out: Outbox): boolean {
    return this.#serial === out.serial
  }

  /**
   * Makes `offset` and `length` those of the block for this packet. Does nothing if it was written since scratch
   * was begun.
   * @param sourceIds from `copiedIds`, of the stream that `view` came on
   * @param sentMs what abs-send-time says; for the same packet again it must be the same
   */
  write(out: Outbox, bytes: Uint8Array, view: RtpView, sourceIds: Uint8Array, sentMs: number): void {
    if (this.#serial === out.serial) return
    const { scratch } = out
    writer.begin(scratch, out.at)
    if (this.#midId !== 0) writer.copy(this.#midId, this.#mid, 0, this.#mid.length)
    if (this.#sendTimeId !== 0) writeAbsSendTime(scratch, writer.element(this.#sendTimeId, 3), sentMs)
    if (view.extensionLength > 0) this.#copy(bytes, view, sourceIds)
    // Last, so that no later element can move it.
    if (this.#transportSeqId !== 0) this.#transportSeqAt = writer.element(this.#transportSeqId, 2) - out.at
    this.length = writer.end()
    this.offset = out.take(this.length)
    this.#serial = out.serial
  }

  /** A copy of the block with a number of the transport. @returns its offset in scratch */
  numberedCopy(out: Outbox, transportSeq: number): number {
    const { scratch } = out
    const at = out.take(this.length)
    for (let i = 0; i < this.length; i++) scratch[at + i] = scratch[this.offset + i]!
    writeTransportSeq(scratch, at + this.#transportSeqAt, transportSeq)
    return at
  }

  #copy(bytes: Uint8Array, view: RtpView, sourceIds: Uint8Array): void {
    for (let i = 0; i < sourceIds.length; i++) {
      const to = this.#copyIds[i]!
      const from = sourceIds[i]!
      if (to === 0 || from === 0) continue
      const at = findElement(bytes, view, from)
      if (at < 0) continue
      const length = elementLength(bytes, view, at)
      if (length <= copiedMaxBytes[i]!) writer.copy(to, bytes, at, length)
    }
  }
}

/** Equal for two subscriptions whose blocks are the same for every packet. */
export function profileKey(mid: string, ids: ExtensionIds): string {
  return `${mid} ${names.map((name) => validId(ids[name])).join(' ')}`
}

function validId(id: number | undefined): number {
  return id !== undefined && id >= 1 && id <= 255 ? id : 0
}
