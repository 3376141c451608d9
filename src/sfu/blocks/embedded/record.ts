/**
 * A block as a record: the key is made of hashes, so that it has one length whatever the ids are, and the value holds
 * both ids. A key that is not the one of its value was not written by us.
 */
import { createHash } from 'node:crypto'
import type { Block } from '../store.js'

const HASH_BYTES = 32
const hash = (text: string) => createHash('sha256').update(text).digest()

/** Ids have no control characters. */
const SEPARATOR = '\0'

export const recordKey = ({ blocker, blocked }: Block): Buffer => Buffer.concat([hash(blocker), hash(blocked)])

export const recordValue = ({ blocker, blocked }: Block): Buffer => Buffer.from(blocker + SEPARATOR + blocked)

/** First and last possible key of a blocker. */
export function rangeOf(blocker: string): { start: Buffer; end: Buffer } {
  const prefix = hash(blocker)
  const to = (byte: number) => Buffer.concat([prefix, Buffer.alloc(HASH_BYTES, byte)])
  return { start: to(0x00), end: Buffer.concat([to(0xff), Buffer.of(0)]) }
}

/** @returns undefined when the record is damaged */
export function readRecord(key: Uint8Array, value: Uint8Array): Block | undefined {
  const [blocker = '', blocked = '', ...rest] = Buffer.from(value).toString().split(SEPARATOR)
  if (rest.length > 0) return undefined
  const block = { blocker, blocked }
  return recordKey(block).equals(key) ? block : undefined
}
