/**
 * Who gets which layer out of one budget: everybody the lowest first, then the next ones in turn. What is given stays
 * while it fits: a step up wants more than just enough room, and soon after a step down it waits.
 */

/** One choice of layers of a stream: all that is needed for it, in bit/s. */
export interface Step {
  spatial: number
  temporal: number
  rateBps: number
}

/** The place in `ladder` for who had `step` of another one: the same layers, else the next lower ones. */
function placeOf(ladder: readonly Step[], step: Step): number {
  const above = ladder.findIndex(
    ({ spatial, temporal }) => spatial > step.spatial || (spatial === step.spatial && temporal > step.temporal),
  )
  return Math.max(0, (above < 0 ? ladder.length : above) - 1)
}

/** Why a stream does not get its best layer; '' = it does. */
export type Limit = '' | 'budget' | 'paused'

/** Room that must be there for a step up, of what is needed in all. */
const ROOM = 1.1
/** After a step down the next one up waits; longer each time that a step up was in vain. */
const HOLD_MS = 2000
const MAX_HOLD_MS = 8000
/** A step down so soon after a step up means that it was in vain. */
const IN_VAIN_MS = 5000
/** The lowest layers must be too much for so long before one is not sent at all; longer when it is not by much. */
const PAUSE_MS = 1000
const SLOW_PAUSE_MS = 4000
const MUCH = 1.3
/** Layers that are too much by less than that stay for so long: a keyframe is in what was measured, or an estimate trembles. */
const SLOW_STEP_MS = 1000
/** For so long while the link shows no sign of being full: the keyframe has left the measurement by then, and a probe has told more. */
const CALM_STEP_MS = 5000
/** Streams without layers get so long more: their publisher is asked for less meanwhile, and a smaller picture beats none. */
const NARROW_MS = 4000
/** Such a stream could take more than it has now: this much is looked for. */
const NARROWED_WANTS = 2
/** Between two tries. */
const TRY_MS = 3000

/** What became of one choice of layers. */
interface Experience {
  raisedMs: number
  heldUntilMs: number
  holdMs: number
}

/** What one stream is given. */
export class Allotment {
  /** Choices, ascending; empty = nothing comes or nothing is wanted. */
  ladder: readonly Step[] = []
  /** Index in the ladder, −1 = paused. */
  level = 0
  /** It has no layers to choose from and was too much once: what fits is up to its publisher (`allowedBps`). */
  narrowed = false
  /** By layers: one that was too much says nothing of those below it. */
  readonly #experiences = new Map<string, Experience>()

  /** Layers are others, or cost something else. */
  setLadder(ladder: readonly Step[]): void {
    if (this.level >= 0 && this.ladder.length > 0 && ladder.length > 0) {
      this.level = placeOf(ladder, this.ladder[Math.min(this.level, this.ladder.length - 1)]!)
    }
    this.ladder = ladder
    if (ladder.length > 1) this.narrowed = false
  }

  get rateBps(): number {
    return rateOf(this, this.level)
  }

  get limit(): Limit {
    if (this.level < 0) return 'paused'
    return this.level < this.ladder.length - 1 ? 'budget' : ''
  }

  /** Until then there is no step up from the present level. */
  get heldUntilMs(): number {
    return this.#experience(this.level + 1).heldUntilMs
  }

  /** One step down: what it had was too much. */
  lower(nowMs: number): void {
    const had = this.#experience(this.level--)
    had.holdMs = nowMs - had.raisedMs < IN_VAIN_MS ? Math.min(MAX_HOLD_MS, had.holdMs * 2) : HOLD_MS
    had.heldUntilMs = nowMs + had.holdMs
  }

  /** One step up. */
  raise(nowMs: number): void {
    this.#experience(++this.level).raisedMs = nowMs
  }

  #experience(level: number): Experience {
    const { spatial, temporal } = this.ladder[level]!
    const key = `${spatial} ${temporal}`
    let experience = this.#experiences.get(key)
    if (experience === undefined) {
      experience = { raisedMs: Number.NEGATIVE_INFINITY, heldUntilMs: Number.NEGATIVE_INFINITY, holdMs: HOLD_MS }
      this.#experiences.set(key, experience)
    }
    return experience
  }
}

export interface Budget {
  /** For all of these streams. */
  bps: number
  /** Whether the link was seen to be full lately. If not, the budget only says what has been tried. */
  limited: boolean
  /** Whether what is sent now comes through, as far as is known: no queue, loss or estimate of the peer spoke against it lately. */
  calm: boolean
  /** Nobody can probe, so that the only way to find out whether more gets through is to send it: one step at a time. */
  tries: boolean
}

function rateOf({ ladder }: Allotment, level: number): number {
  return level < 0 || ladder.length === 0 ? 0 : ladder[Math.min(level, ladder.length - 1)]!.rateBps
}

const sumOf = (allotments: readonly Allotment[]) => allotments.reduce((sum, { rateBps }) => sum + rateBps, 0)

export class Allocator {
  /** Since when it is too much; NaN = it is not. */
  #overMs = Number.NaN
  /** Since when not even the lowest layers fit; NaN = they do. */
  #tightMs = Number.NaN
  #triedMs = Number.NEGATIVE_INFINITY

  /**
   * Changes the levels of `allotments` to what fits.
   * @returns whether one changed
   */
  allocate(allotments: readonly Allotment[], budget: Budget, nowMs: number): boolean {
    const before = allotments.map(({ level }) => level)
    for (const allotment of allotments) {
      // Layers that are gone are no step down.
      allotment.level = Math.min(allotment.level, Math.max(0, allotment.ladder.length - 1))
    }
    this.#shrink(allotments, budget, nowMs)
    this.#grow(allotments, budget, nowMs)
    return allotments.some(({ level }, i) => level !== before[i])
  }

  #shrink(allotments: readonly Allotment[], budget: Budget, nowMs: number): void {
    let sum = sumOf(allotments)
    if (sum <= budget.bps || !budget.limited) {
      this.#tightMs = this.#overMs = Number.NaN
      return
    }
    if (Number.isNaN(this.#overMs)) this.#overMs = nowMs
    const waits = sum <= budget.bps * MUCH && nowMs - this.#overMs < (budget.calm ? CALM_STEP_MS : SLOW_STEP_MS)
    while (sum > budget.bps && !waits) {
      const highest = pick(
        allotments,
        ({ level }) => level > 0,
        (a, b) => a.rateBps > b.rateBps,
      )
      if (highest === undefined) break
      highest.lower(nowMs)
      sum = sumOf(allotments)
    }
    if (sum <= budget.bps) this.#overMs = Number.NaN
    if (sum <= budget.bps || allotments.some(({ level }) => level > 0)) {
      this.#tightMs = Number.NaN
      return
    }
    if (Number.isNaN(this.#tightMs)) this.#tightMs = nowMs
    let waitMs = sum > budget.bps * MUCH ? PAUSE_MS : SLOW_PAUSE_MS
    if (narrow(allotments)) waitMs += NARROW_MS
    if (nowMs - this.#tightMs < waitMs) return
    while (sum > budget.bps) {
      const dearest = pick(
        allotments,
        ({ level, ladder }) => level === 0 && ladder.length > 0,
        (a, b) => a.rateBps > b.rateBps,
      )
      if (dearest === undefined) return
      dearest.lower(nowMs)
      sum = sumOf(allotments)
    }
  }

  #grow(allotments: readonly Allotment[], budget: Budget, nowMs: number): void {
    let sum = sumOf(allotments)
    const full = new Set<Allotment>()
    for (;;) {
      const lowest = pick(
        allotments,
        (allotment) =>
          !full.has(allotment) && allotment.level < allotment.ladder.length - 1 && nowMs >= allotment.heldUntilMs,
        (a, b) => a.level < b.level,
      )
      if (lowest === undefined) return
      const next = rateOf(lowest, lowest.level + 1) - lowest.rateBps
      const tries = budget.tries && !budget.limited && nowMs - this.#triedMs >= TRY_MS
      // Nobody knows that the lowest layers are too much: they begin.
      const free = (lowest.level < 0 && !budget.limited) || tries
      if (!free && (sum + next) * ROOM > budget.bps) {
        full.add(lowest)
        continue
      }
      if (tries) this.#triedMs = nowMs
      lowest.raise(nowMs)
      sum += next
    }
  }
}

/** What all streams would take at their best. */
export function wantedBps(allotments: readonly Allotment[]): number {
  return allotments.reduce((sum, allotment) => {
    const bestBps = rateOf(allotment, allotment.ladder.length - 1)
    return sum + bestBps * (allotment.narrowed ? NARROWED_WANTS : 1)
  }, 0)
}

/** Notes which streams are too much as they are. @returns whether there are any */
function narrow(allotments: readonly Allotment[]): boolean {
  let any = false
  for (const allotment of allotments) {
    if (allotment.ladder.length !== 1) continue
    any = allotment.narrowed = true
  }
  return any
}

/** The first of those that pass which none is before. */
function pick(
  allotments: readonly Allotment[],
  passes: (allotment: Allotment) => boolean,
  before: (a: Allotment, b: Allotment) => boolean,
): Allotment | undefined {
  let best: Allotment | undefined
  for (const allotment of allotments) {
    if (passes(allotment) && (best === undefined || before(allotment, best))) best = allotment
  }
  return best
}
