/**
 * Memory that many clients share: each holds some of it, all together may hold only so much. Past that, addresses that
 * hold more than their part lose holders, those first that have held most for longest, until the rest fits.
 */
import { type Clock, systemClock } from '../clock.js'
import { Tally } from './addresses.js'

export interface Holder {
  /** Key of the client's address: those of one address are looked at together. */
  readonly address: string
  /** @returns bytes that it holds now */
  heldBytes(): number
  /** Lets go of everything, for good. Called once at most, and not counted any more from then on. */
  cut(): void
}

export interface BudgetLimits {
  /** For all addresses together. */
  readonly totalBytes: number
  /** For one address. Default: as much as there is. */
  readonly addressBytes?: number
}

export interface ByteBudgetOptions {
  /** Asked each time, so that they may change. */
  limits(): BudgetLimits
  /** So many were cut off at once, and held so much. */
  onCut(holders: number, bytes: number): void
  readonly clock?: Clock
}

/** How far down is cut, so that the next byte does not make everybody be looked at again. */
const AFTER_CUT = 7 / 8

/** What was held counts for about so long: a message may take as long to arrive. */
const MEMORY_MS = 30_000

/** What one holder has of a budget. */
export class Share {
  readonly #holder: Holder
  readonly #clock: Clock
  readonly #changed: (share: Share, by: number) => void
  #bytes = 0
  /** Exponential moving average of what it held, up to the last change. */
  #meanBytes = 0
  #changedAtMs = 0
  #closed = false

  /** @param changed is told of every change */
  constructor(holder: Holder, clock: Clock, changed: (share: Share, by: number) => void) {
    this.#holder = holder
    this.#clock = clock
    this.#changed = changed
  }

  get bytes(): number {
    return this.#bytes
  }

  get address(): string {
    return this.#holder.address
  }

  /** Says what it holds. May cut off holders, this one among them. */
  set(bytes: number): void {
    const by = bytes - this.#bytes
    if (by === 0 || this.#closed) return
    const nowMs = this.#clock.nowMs()
    this.#meanBytes = this.#meanAt(nowMs)
    this.#changedAtMs = nowMs
    this.#bytes = bytes
    this.#changed(this, by)
  }

  /**
   * What it keeps from others and does not move: the mean of the last half minute or so, but no more than it holds now.
   * For a long message that is on its way that is little, however many bytes it has.
   */
  lastingBytes(nowMs: number): number {
    return Math.min(this.#bytes, this.#meanAt(nowMs))
  }

  #meanAt(nowMs: number): number {
    return this.#bytes + (this.#meanBytes - this.#bytes) * Math.exp((this.#changedAtMs - nowMs) / MEMORY_MS)
  }

  /** Looks what it holds by now: some of it may have gone without a word. */
  measure(): void {
    this.set(this.#holder.heldBytes())
  }

  /** It holds nothing any more. Twice is harmless. */
  close(): void {
    this.set(0)
    this.#closed = true
  }

  cut(): void {
    this.close()
    this.#holder.cut()
  }
}

export class ByteBudget {
  readonly #options: ByteBudgetOptions
  readonly #clock: Clock
  readonly #shares = new Set<Share>()
  readonly #byAddress = new Tally()
  #totalBytes = 0
  #settling = false

  constructor(options: ByteBudgetOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  open(holder: Holder): Share {
    return new Share(holder, this.#clock, (share, by) => this.#changed(share, by))
  }

  /** Looks what everybody holds by now, and cuts nobody. @returns bytes of all */
  measure(): number {
    const wasSettling = this.#settling
    this.#settling = true
    try {
      for (const share of this.#shares) share.measure()
    } finally {
      this.#settling = wasSettling
    }
    return this.#totalBytes
  }

  #changed(share: Share, by: number): void {
    if (share.bytes > 0) this.#shares.add(share)
    else this.#shares.delete(share)
    this.#totalBytes += by
    this.#byAddress.add(share.address, by)
    if (by > 0 && !this.#settling && this.#isOver(share.address)) this.#settle(share.address)
  }

  #isOver(address: string): boolean {
    const { totalBytes, addressBytes = Number.POSITIVE_INFINITY } = this.#options.limits()
    return this.#totalBytes > totalBytes || this.#byAddress.of(address) > addressBytes
  }

  /** @param address that got more */
  #settle(address: string): void {
    this.#settling = true
    try {
      this.measure()
      if (this.#isOver(address)) this.#cutDown()
    } finally {
      this.#settling = false
    }
  }

  /** Cuts off holders of the addresses that hold most, as many as it takes. */
  #cutDown(): void {
    const { totalBytes, addressBytes = Number.POSITIVE_INFINITY } = this.#options.limits()
    const byAddress = this.#sharesByAddress()
    const goalBytes = this.#totalBytes > totalBytes ? totalBytes * AFTER_CUT : Number.POSITIVE_INFINITY
    const level = fairLevel(
      byAddress.map(({ bytes }) => bytes),
      goalBytes,
    )
    const nowMs = this.#clock.nowMs()
    let cut = 0
    let cutBytes = 0
    for (const { address, bytes, shares } of byAddress) {
      const most = bytes > addressBytes ? addressBytes * AFTER_CUT : Number.POSITIVE_INFINITY
      const isOver = () => {
        const held = this.#byAddress.of(address)
        return held > most || (held > level && this.#totalBytes > goalBytes)
      }
      // Before they are put in order, which takes time when they are many.
      if (!isOver()) continue
      for (const share of longestKeptFirst(shares, nowMs)) {
        if (!isOver()) break
        cut++
        cutBytes += share.bytes
        share.cut()
      }
    }
    this.#options.onCut(cut, cutBytes)
  }

  /** Addresses with their shares; those that hold most first. */
  #sharesByAddress(): { address: string; bytes: number; shares: Share[] }[] {
    const grouped = new Map<string, Share[]>()
    for (const share of this.#shares) {
      const shares = grouped.get(share.address)
      if (shares) shares.push(share)
      else grouped.set(share.address, [share])
    }
    return [...grouped]
      .map(([address, shares]) => ({ address, bytes: this.#byAddress.of(address), shares }))
      .sort((a, b) => b.bytes - a.bytes)
  }
}

/** @returns those first that have held most for longest, and of equal ones the largest */
function longestKeptFirst(shares: readonly Share[], nowMs: number): Share[] {
  return shares
    .map((share) => ({ share, lastingBytes: share.lastingBytes(nowMs) }))
    .sort((a, b) => b.lastingBytes - a.lastingBytes || b.share.bytes - a.share.bytes)
    .map(({ share }) => share)
}

/** Counts, and cuts nobody. */
export const unlimited = (): ByteBudget =>
  new ByteBudget({ limits: () => ({ totalBytes: Number.POSITIVE_INFINITY }), onCut: () => {} })

/**
 * @param amounts what each wants @param total what there is
 * @returns the most that each may have so that all of it fits, when who wants less leaves the rest to the others
 */
export function fairLevel(amounts: readonly number[], total: number): number {
  let left = total
  let others = amounts.length
  for (const amount of [...amounts].sort((a, b) => a - b)) {
    if (amount > left / others) return left / others
    left -= amount
    others--
  }
  return Number.POSITIVE_INFINITY
}
