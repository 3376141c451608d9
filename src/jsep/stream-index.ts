/** Numbers of a publisher's m-lines: they decide which of a subscriber's m-lines gets what. */
import type { ReceiveStream } from '../media/control.js'
import type { RemoteMline } from './jsep.js'

/** M-lines of one kind that are received from one publisher. */
export const maxStreamsPerKind = 16

export const sends = ({ direction }: Pick<RemoteMline, 'direction'>) =>
  direction === 'sendrecv' || direction === 'sendonly'

/**
 * An m-line keeps its number while it sends. One that stops keeps it until another begins: that takes the lowest number
 * that none has which sends, so that a track which was removed and added again, on a new m-line, reaches subscribers
 * where it was.
 *
 * @param mlines those of one kind that can be received, in the order of the offer
 * @param before what was received until now
 * @returns 0 … maxStreamsPerKind − 1; m-lines that are missing have none
 */
export function assignIndexes(
  mlines: readonly RemoteMline[],
  before: readonly ReceiveStream[],
): Map<RemoteMline, number> {
  const indexes = new Map<RemoteMline, number>()
  const taken = new Set<number>()
  const give = (mline: RemoteMline, index: number | undefined) => {
    if (index === undefined || taken.has(index)) return
    indexes.set(mline, index)
    taken.add(index)
  }
  const known = (mline: RemoteMline) => before.find(({ mid, kind }) => mid === mline.mid && kind === mline.type)
  const sending = mlines.filter(sends)
  for (const mline of sending) if (known(mline)?.active) give(mline, known(mline)!.index)
  for (const mline of sending) if (!indexes.has(mline)) give(mline, known(mline)?.index)
  for (const mline of sending) if (!indexes.has(mline)) give(mline, lowestFree(taken))
  for (const mline of mlines) if (!sends(mline)) give(mline, known(mline)?.index)
  return indexes
}

function lowestFree(taken: ReadonlySet<number>): number | undefined {
  for (let index = 0; index < maxStreamsPerKind; index++) if (!taken.has(index)) return index
  return undefined
}
