/**
 * Who of a room is heard when only the N loudest are. There are N places:
 *
 * - a free place goes to whoever sends, so that nothing changes in rooms of N speakers and fewer;
 * - who begins to speak takes the place of who has been silent longest, at once;
 * - when all speak, the place of the quietest goes to who has been clearly louder for a while, and not before the quietest
 *   has had it for some time.
 *
 * A room may be spread over workers. Each one decides about its own speakers; what the others have decided comes as
 * lists (`others`) some times per second, and counts as places taken. When two took the same place, the worker of the
 * weaker one gives it back as soon as it hears of it; the other worker has taken it for given up since then.
 */
import type { RoomSpeakers } from '../../control.js'
import { Loudness, SPEECH_LOUDNESS } from './loudness.js'

/** Without speech for so long somebody has ended and may be replaced. */
const PAUSE_MS = 400
/** So much louder, for so long, than who is replaced while speaking. */
const MARGIN_DB = 6
const CHALLENGE_MS = 400
/** Nobody who speaks loses a place sooner. */
const HOLD_MS = 2000
/** A pause is not measured beyond; never to have spoken is one too. */
const MAX_QUIET_MS = 60_000
/** What another worker said holds for so long. */
const STALE_MS = 3000

/** A place that a speaker has, as other workers are told. */
type Elsewhere = RoomSpeakers['speakers'][number]

/** Who has a place: one of ours, or another worker's. */
interface Holder {
  readonly id: string
  /** Since when. */
  readonly placeMs: number
  loudnessAt(nowMs: number): number
  /** Since it last spoke, at most 60,000. */
  quietMs(nowMs: number): number
}

/** Somebody on this worker: one m-line of sound. */
export class Speaker implements Holder {
  readonly id: string
  readonly #loudness = new Loudness()
  #spokeMs = Number.NEGATIVE_INFINITY
  /** NaN = it has no place. */
  placeMs = Number.NaN
  /** Since when it has been louder than the weakest who has a place; NaN = it is not. */
  louderMs = Number.NaN
  /** It gave its place to somebody on another worker: it gets a free one only by speaking, or both would go on so for ever. */
  gaveBack = false

  constructor(id: string) {
    this.id = id
  }

  get audible(): boolean {
    return !Number.isNaN(this.placeMs)
  }

  /** See `Loudness.add`. @returns whether it speaks */
  heard(nowMs: number, level: number, voice: boolean): boolean {
    this.#loudness.add(nowMs, level, voice)
    if (this.#loudness.at(nowMs) < SPEECH_LOUDNESS) return false
    this.#spokeMs = nowMs
    return true
  }

  loudnessAt(nowMs: number): number {
    return this.#loudness.at(nowMs)
  }

  quietMs(nowMs: number): number {
    return Math.min(MAX_QUIET_MS, nowMs - this.#spokeMs)
  }
}

/** Somebody on another worker who has a place. */
class Other implements Holder {
  readonly id: string
  readonly from: number
  readonly saidMs: number
  readonly #loudness: number
  readonly #spokeMs: number

  constructor(from: number, { id, loudness, quietMs }: Elsewhere, nowMs: number) {
    this.id = id
    this.from = from
    this.saidMs = nowMs
    this.#loudness = loudness
    this.#spokeMs = nowMs - quietMs
  }

  /** Not known: long enough ago to be replaced. */
  get placeMs(): number {
    return this.saidMs - HOLD_MS
  }

  loudnessAt(): number {
    return this.#loudness
  }

  quietMs(nowMs: number): number {
    return Math.min(MAX_QUIET_MS, nowMs - this.#spokeMs)
  }
}

export class Speakers {
  readonly #speakers = new Set<Speaker>()
  /** Who has a place, ours and the other workers'. */
  #holders: Holder[] = []
  /** Places of others that ours took, until when those others are not believed. */
  readonly #takenUntilMs = new Map<string, number>()
  #places: number

  /** @param places the N of the N loudest, ≥ 1 */
  constructor(places: number) {
    this.#places = places
  }

  /** How many speakers of the room are on this worker. */
  get size(): number {
    return this.#speakers.size
  }

  /** From now on it takes part in who is heard. */
  add(speaker: Speaker): void {
    this.#speakers.add(speaker)
  }

  /** It takes part no more: its place is free for another one. */
  remove(speaker: Speaker): void {
    this.#speakers.delete(speaker)
    this.#release(speaker)
  }

  /** One packet of `speaker`. Afterwards its `audible`, and that of another one, may have changed. */
  heard(speaker: Speaker, nowMs: number, level: number, voice: boolean): void {
    const speaks = speaker.heard(nowMs, level, voice)
    if (speaker.audible) return
    const weakest = this.#weakest(nowMs)
    if (this.#holders.length < this.#places || weakest === null) {
      if (speaks || !speaker.gaveBack) this.#give(speaker, nowMs)
      return
    }
    if (!speaks) speaker.louderMs = Number.NaN
    else if (mayReplace(speaker, weakest, nowMs)) {
      this.#release(weakest)
      if (weakest instanceof Other) this.#takenUntilMs.set(weakest.id, nowMs + STALE_MS)
      this.#give(speaker, nowMs)
    }
  }

  /** The places that another worker's speakers have now, whole. @param from number of the worker */
  others(from: number, list: readonly Elsewhere[], nowMs: number): void {
    this.#holders = this.#holders.filter((holder) => !(holder instanceof Other && holder.from === from))
    for (const [id, untilMs] of this.#takenUntilMs) if (nowMs >= untilMs) this.#takenUntilMs.delete(id)
    for (const said of list.slice(0, this.#places)) {
      if (!this.#takenUntilMs.has(said.id)) this.#holders.push(new Other(from, said, nowMs))
    }
    this.#giveBack(nowMs)
  }

  /** Nobody of the room is on another worker any more. */
  alone(): void {
    this.#holders = this.#holders.filter((holder) => holder instanceof Speaker)
    this.#takenUntilMs.clear()
  }

  /** What other workers are told: the places that ours have. */
  told(nowMs: number): Elsewhere[] {
    const list: Elsewhere[] = []
    for (const speaker of this.#speakers) {
      if (!speaker.audible) continue
      const quietMs = Math.round(speaker.quietMs(nowMs))
      list.push({ id: speaker.id, loudness: Math.round(speaker.loudnessAt(nowMs)), quietMs })
    }
    return list
  }

  #give(speaker: Speaker, nowMs: number): void {
    speaker.placeMs = nowMs
    speaker.louderMs = Number.NaN
    speaker.gaveBack = false
    this.#holders.push(speaker)
  }

  #release(holder: Holder): void {
    const at = this.#holders.indexOf(holder)
    if (at >= 0) this.#holders.splice(at, 1)
    if (holder instanceof Speaker) holder.placeMs = Number.NaN
  }

  /** Who loses a place first, or null when all are free. Forgets what was said too long ago. */
  #weakest(nowMs: number): Holder | null {
    let weakest: Holder | null = null
    for (let i = this.#holders.length - 1; i >= 0; i--) {
      const holder = this.#holders[i]!
      if (holder instanceof Other && nowMs - holder.saidMs > STALE_MS) this.#holders.splice(i, 1)
      else if (weakest === null || isWeaker(holder, weakest, nowMs)) weakest = holder
    }
    return weakest
  }

  /** More places are taken than there are: ours among the weakest go. */
  #giveBack(nowMs: number): void {
    const tooMany = this.#holders.length - this.#places
    if (tooMany <= 0) return
    const order = this.#holders.toSorted((a, b) => (isWeaker(a, b, nowMs) ? -1 : 1))
    for (const holder of order.slice(0, tooMany)) {
      if (!(holder instanceof Speaker)) continue
      this.#release(holder)
      holder.gaveBack = true
    }
  }
}

/** Whether `a` loses its place before `b`: who pauses before who speaks, the longer pause first, then the quieter. */
function isWeaker(a: Holder, b: Holder, nowMs: number): boolean {
  const aQuietMs = a.quietMs(nowMs)
  const bQuietMs = b.quietMs(nowMs)
  const pauses = aQuietMs >= PAUSE_MS
  if (pauses !== bQuietMs >= PAUSE_MS) return pauses
  if (pauses && aQuietMs !== bQuietMs) return aQuietMs > bQuietMs
  const louder = a.loudnessAt(nowMs) - b.loudnessAt(nowMs)
  return louder === 0 ? a.id < b.id : louder < 0
}

function mayReplace(speaker: Speaker, weakest: Holder, nowMs: number): boolean {
  if (weakest.quietMs(nowMs) >= PAUSE_MS) return true
  if (speaker.loudnessAt(nowMs) < weakest.loudnessAt(nowMs) + MARGIN_DB) {
    speaker.louderMs = Number.NaN
    return false
  }
  if (Number.isNaN(speaker.louderMs)) speaker.louderMs = nowMs
  return nowMs - speaker.louderMs >= CHALLENGE_MS && nowMs - weakest.placeMs >= HOLD_MS
}
