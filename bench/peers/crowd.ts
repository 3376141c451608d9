/** Rooms on a rostra of several media workers: who publishes, and who comes to watch, all at once or one after the other. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pace } from '../load/pacer.js'
import { JanusApiStar, type Words } from './janus-api-star.js'
import type { StartedRostra } from './open.js'
import type { Star } from './star.js'

/** Who is in which room, and how they come. */
export interface Attendance {
  readonly rooms: number
  /** Of each room. */
  readonly publishers: number
  /** Of each publisher. */
  readonly receivers: number
  /** Receivers who come in a second while packets flow; undefined: as fast as they can, before there are any. */
  readonly comePerSecond?: number
}

/**
 * As clients do who keep a room together (ADR 3): joined before they publish. The documented flow publishes first, which spreads
 * publishers, and with them those who watch them, whatever the room.
 */
const joinsFirst = (room: string, publisher: string): Words => ({
  plugin: 'janus.plugin.sfu',
  join: { kind: 'join', room_id: room, user_id: publisher },
  publish: {},
  subscribe: (index) => ({
    kind: 'join',
    room_id: room,
    user_id: `watches-${publisher}-${index}`,
    subscribe: { media: publisher },
  }),
  start: {},
})

/** All publishers of one rostra, and who watches them. */
export class Crowd {
  readonly #server: StartedRostra
  readonly #attendance: Attendance
  readonly #stars: Star[] = []

  private constructor(server: StartedRostra, attendance: Attendance) {
    this.#server = server
    this.#attendance = attendance
  }

  /** Takes the server over: `close` of `asStar()` stops it. */
  static async open(server: StartedRostra, attendance: Attendance): Promise<Crowd> {
    const crowd = new Crowd(server, attendance)
    const { rooms, publishers } = attendance
    try {
      for (let room = 0; room < rooms; room++) {
        for (let index = 0; index < publishers; index++) {
          const words = joinsFirst(`room-${room}`, `publisher-${index}`)
          crowd.#stars.push(await JanusApiStar.open({ ...server, stop: async () => {} }, words))
        }
      }
    } catch (error) {
      await server.stop()
      throw error
    }
    return crowd
  }

  /**
   * Resolves when everybody who watches is there.
   * @param packetsPerSecond of each publisher, while they come if they take their time
   */
  async come(packetsPerSecond: number, payloadBytes: number): Promise<void> {
    const { rooms, publishers, receivers, comePerSecond } = this.#attendance
    if (comePerSecond === undefined) return this.#grow()
    const seconds = (rooms * publishers * receivers) / comePerSecond
    const { send, flush } = this.asStar()
    const flowing = pace(packetsPerSecond, seconds, () => send(payloadBytes), flush)
    await Promise.all([flowing, this.#grow()])
  }

  /** One more for each publisher in turn, so that nobody's come first. */
  async #grow(): Promise<void> {
    const { receivers, comePerSecond } = this.#attendance
    const startMs = performance.now()
    for (let each = 1; each <= receivers; each++) {
      await Promise.all(this.#stars.map((star) => star.grow(each)))
      if (comePerSecond === undefined) continue
      const dueMs = (each * this.#stars.length * 1_000) / comePerSecond
      await sleep(Math.max(0, startMs + dueMs - performance.now()))
    }
  }

  /** Of each media worker, now. */
  endpoints(): Promise<number[]> {
    return this.#server.endpoints()
  }

  /** What is sent goes from each publisher; closing it stops the server. */
  asStar(): Star {
    const [stars, server] = [this.#stars, this.#server]
    return {
      name: server.name,
      pids: server.pids,
      grow: async () => {},
      send: (payloadBytes) => {
        for (const star of stars) star.send(payloadBytes)
      },
      flush: () => {
        for (const star of stars) star.flush()
      },
      received: () => stars.reduce((sum, star) => sum + star.received(), 0),
      watch: () => false,
      close: async () => {
        try {
          for (const star of stars) await star.close()
        } finally {
          await server.stop()
        }
      },
    }
  }
}
