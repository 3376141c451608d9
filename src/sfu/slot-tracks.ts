/** What a subscriber is told of the tracks behind its m-lines, and when it has to be told anew. */
import type { PublishedTrack, SlotTrack, SubscriberSlot } from '../jsep/jsep.js'

/** Where the slots are that clients count on: they read the tracks once, as soon as the PeerConnection is up. */
const isFirst = ({ index }: SubscriberSlot) => index === 0

export class SlotTracks {
  /** Stands for the MediaStream of tracks that came without one. */
  readonly #streamId: string
  /** What the last offer said, by mid. */
  readonly #told = new Map<string, SlotTrack>()

  /** @param streamId random, so that no publisher can have the same; 1–48 letters and digits */
  constructor(streamId: string) {
    this.#streamId = streamId
  }

  /**
   * What an offer says now, slot by slot. The publisher's ids are passed on, so that receivers can tell a camera from a
   * screen. Without a track the first m-lines stay as they are, and others are inactive.
   */
  of(slots: readonly SubscriberSlot[], tracks: readonly PublishedTrack[]): SlotTrack[] {
    const names = new Set<string>()
    return slots.map((slot) => {
      const track = tracks.find(({ kind, index }) => kind === slot.kind && index === slot.index)
      const now = track === undefined ? this.#without(slot) : this.#with(slot, track)
      const name = `${now.streamId} ${now.trackId}`
      // A track that is there twice is one that receivers cannot tell apart: the second gets a name of ours.
      const unique = now.active && names.has(name) ? this.#with(slot, { ...track, msid: {} }) : now
      names.add(`${unique.streamId} ${unique.trackId}`)
      return unique
    })
  }

  /** Whether the last offer said something else. */
  changed(slots: readonly SubscriberSlot[], tracks: readonly PublishedTrack[]): boolean {
    return this.of(slots, tracks).some((now, position) => {
      const told = this.#told.get(slots[position]!.mid)
      if (told === undefined || told.active !== now.active) return true
      return now.active && (told.streamId !== now.streamId || told.trackId !== now.trackId || told.sprop !== now.sprop)
    })
  }

  /** An offer goes out that says this. */
  tell(slots: readonly SubscriberSlot[], said: readonly SlotTrack[]): void {
    for (const [position, { mid }] of slots.entries()) this.#told.set(mid, said[position]!)
  }

  #with({ mid }: SubscriberSlot, { msid, sprop = '' }: Pick<PublishedTrack, 'msid'> & { sprop?: string }): SlotTrack {
    const { stream = this.#streamId, track = `${this.#streamId}-${mid}` } = msid
    return { active: true, streamId: stream, trackId: track, sprop }
  }

  #without(slot: SubscriberSlot): SlotTrack {
    const told = this.#told.get(slot.mid) ?? this.#with(slot, { msid: {} })
    return { ...told, active: isFirst(slot) }
  }
}
