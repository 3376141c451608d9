/** What operators are told of a stream, for whoever asks; nothing is paid for per packet. */
import type { StreamFigures } from '../control.js'

/** Older than this, a second is over without another one having begun. */
const STALE_MS = 2500
const SECOND_MS = 1000

/** Bytes of the last full second. */
export class LastSecond {
  #bytesBefore = 0
  #lastSecond = 0
  #atMs = Number.NEGATIVE_INFINITY

  /** About once a second, with the bytes so far. */
  tick(bytes: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs
    if (elapsedMs < SECOND_MS / 2) return
    this.#lastSecond = elapsedMs > STALE_MS ? 0 : Math.round(((bytes - this.#bytesBefore) * SECOND_MS) / elapsedMs)
    this.#bytesBefore = bytes
    this.#atMs = nowMs
  }

  /** Bytes per second at the last tick, 0 when that was long ago. */
  at(nowMs: number): number {
    return nowMs - this.#atMs > STALE_MS ? 0 : this.#lastSecond
  }
}

/**
 * Share of packets that stayed away, 0…1: of those that were lost between two reports, so many came or went again.
 * @param share lost, of all that were expected @param lost as a number; 0 or less is no loss
 */
export function unrepaired(share: number, lost: number, repaired: number): number {
  return lost <= 0 ? 0 : share * Math.max(0, 1 - repaired / lost)
}

/** Figures of several streams as those of one: counts are added, of what is no count the worst is taken. */
export function summed(all: readonly StreamFigures[]): StreamFigures {
  const sum = (of: (figures: StreamFigures) => number) => all.reduce((total, figures) => total + of(figures), 0)
  const worst = (of: (figures: StreamFigures) => number) => Math.max(0, ...all.map(of))
  return {
    packets: sum(({ packets }) => packets),
    bytes: sum(({ bytes }) => bytes),
    bytesLastSecond: sum(({ bytesLastSecond }) => bytesLastSecond),
    nacks: sum(({ nacks }) => nacks),
    retransmissions: sum(({ retransmissions }) => retransmissions),
    lost: sum(({ lost }) => lost),
    lossShare: worst(({ lossShare }) => lossShare),
    unrepairedShare: worst(({ unrepairedShare }) => unrepairedShare),
    jitterMs: worst(({ jitterMs }) => jitterMs),
    rttMs: worst(({ rttMs }) => rttMs),
  }
}
