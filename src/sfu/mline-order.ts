/** Where the m-lines of a description are. */

export interface MlineOrder {
  /** Position by mid, from 0. */
  readonly positions: ReadonlyMap<string, number>
  /** Mid of the data m-line. */
  readonly dataMid: string | undefined
}

/** @param sdp one of ours */
export function mlineOrder(sdp: string): MlineOrder {
  const positions = new Map<string, number>()
  let dataMid: string | undefined
  for (const [mindex, section] of sdp.split(/^m=/m).slice(1).entries()) {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1]
    if (mid === undefined) continue
    positions.set(mid, mindex)
    // A second one is refused.
    if (/^application [1-9]/.test(section)) dataMid ??= mid
  }
  return { positions, dataMid }
}
