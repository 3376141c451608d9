/** The speakers of all rooms of one worker, and what workers that share a room tell each other about them. */
import type { RoomSpeakers } from '../../control.js'
import { Speaker, Speakers } from './speakers.js'

/** Workers that share a room tell each other so often, and so often when nobody of it speaks. */
const TELL_MS = 200
const TELL_SILENT_MS = 1000
/** Since the last word: nobody speaks. */
const SILENT_MS = 1000
/** Rooms in one message; the others come with the next one. */
const MAX_ROOMS = 64

interface Room {
  speakers: Speakers
  /** Other workers have endpoints of it too. */
  spread: boolean
  toldMs: number
}

export class AudibleRooms {
  readonly #places: number
  readonly #rooms = new Map<string, Room>()
  #deadlineMs = Number.POSITIVE_INFINITY

  /** @param places how many of a room are heard at once; 0 = all, and nothing is ranked */
  constructor(places: number) {
    this.#places = places
  }

  get limited(): boolean {
    return this.#places > 0
  }

  /** @param id unique in the room, whatever worker it is on @returns a speaker and its room, or null without a limit */
  join(room: string, id: string): { speaker: Speaker; speakers: Speakers } | null {
    if (!this.limited) return null
    const { speakers } = this.#room(room)
    const speaker = new Speaker(id)
    speakers.add(speaker)
    return { speaker, speakers }
  }

  /** The speaker is in the room no more, and its place is free. */
  leave(name: string, speaker: Speaker): void {
    this.#rooms.get(name)?.speakers.remove(speaker)
    this.#drop(name)
  }

  /** Whether other workers have endpoints of the room too. */
  spread(name: string, elsewhere: boolean, nowMs: number): void {
    if (!this.limited) return
    const room = this.#room(name)
    room.spread = elsewhere
    if (elsewhere) this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + TELL_MS)
    else room.speakers.alone()
    this.#drop(name)
  }

  /** What another worker told. Rooms that are not here are passed over. */
  others(from: number, rooms: readonly RoomSpeakers[], nowMs: number): void {
    for (const { room, speakers } of rooms) this.#rooms.get(room)?.speakers.others(from, speakers, nowMs)
  }

  /** When `tell` has something to say at the earliest; Infinity = no room is spread. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** What the other workers should know now. */
  tell(nowMs: number): RoomSpeakers[] {
    const told: RoomSpeakers[] = []
    if (nowMs < this.#deadlineMs) return told
    this.#deadlineMs = Number.POSITIVE_INFINITY
    for (const [name, room] of this.#rooms) {
      if (!room.spread) continue
      this.#deadlineMs = nowMs + TELL_MS
      if (told.length === MAX_ROOMS || nowMs - room.toldMs < TELL_MS) continue
      const speakers = room.speakers.told(nowMs)
      const silent = speakers.every(({ quietMs }) => quietMs >= SILENT_MS)
      if (silent && nowMs - room.toldMs < TELL_SILENT_MS) continue
      room.toldMs = nowMs
      told.push({ room: name, speakers })
    }
    // Those behind the limit come first the next time.
    for (const { room: name } of told) {
      const room = this.#rooms.get(name)!
      this.#rooms.delete(name)
      this.#rooms.set(name, room)
    }
    return told
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name)
    if (room === undefined) {
      room = { speakers: new Speakers(this.#places), spread: false, toldMs: Number.NEGATIVE_INFINITY }
      this.#rooms.set(name, room)
    }
    return room
  }

  #drop(name: string): void {
    const room = this.#rooms.get(name)
    if (room !== undefined && room.speakers.size === 0 && !room.spread) this.#rooms.delete(name)
  }
}
