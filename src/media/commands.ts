/** What each command of the main process (`control.ts`) does to the parts of a worker. */
import type { Captures } from './capture/captures.js'
import type { Answers, CaptureAnswer, Command, Counters, EndpointId, EndpointInfo, Report } from './control.js'
import type { DataRelay } from './data-relay.js'
import type { Router } from './forward/router.js'
import type { MediaRelay } from './media-relay.js'
import type { Rooms } from './rooms.js'
import type { Seat, Seats } from './seats.js'
import { figuresPage } from './worker-figures.js'

/** A command of one kind. */
type Of<K extends Command['kind']> = Extract<Command, { kind: K }>

export interface CommandedParts {
  readonly router: Router
  readonly rooms: Rooms
  readonly seats: Seats
  readonly mirrors: MediaRelay
  readonly data: DataRelay
  readonly captures: Captures
  report(report: Report): void
  counters(): Counters
  open(nowMs: number, id: EndpointId, local: Of<'open'>['local']): void
  close(seat: Seat): void
  closeMirror(id: EndpointId): void
  /** Its endpoint may have an earlier deadline now. */
  expect(seat: Seat): void
}

export class Commands {
  readonly #parts: CommandedParts

  constructor(parts: CommandedParts) {
    this.#parts = parts
  }

  /** Carries out one command. @throws what a bug of ours throws */
  obey(nowMs: number, command: Command): void {
    const { router, rooms, seats, mirrors, data } = this.#parts
    switch (command.kind) {
      case 'configure':
        return router.configure(command.settings, nowMs)
      case 'open':
        return this.#parts.open(nowMs, command.endpoint, command.local)
      case 'spread':
        router.spread(command.room, command.elsewhere, nowMs)
        return rooms.spread(command.room, command.elsewhere)
      case 'speakers':
        return router.elsewhere(nowMs, command.from, command.rooms)
      case 'relay':
        for (const message of command.data) data.relayed(nowMs, message)
        return
      case 'relayed':
        return data.window.acknowledged(command.batch)
      case 'link':
      case 'mirror':
      case 'sources':
      case 'unpass':
        return mirrors.obey(nowMs, command)
      case 'forget':
        return rooms.forget(command.room)
      case 'block':
        return this.#block(nowMs, command)
    }
    if (!('endpoint' in command)) return
    const seat = seats.get(command.endpoint)
    // One that is neither has ended by itself a moment ago: the main process will hear, or has just heard.
    if (seat) this.#obeyOfSeat(nowMs, seat, command)
    else if (mirrors.isMirror(command.endpoint)) this.#obeyOfMirror(nowMs, command)
  }

  #obeyOfSeat(nowMs: number, seat: Seat, command: Command): void {
    const { seats, mirrors, close, expect } = this.#parts
    switch (command.kind) {
      case 'connect':
        seat.endpoint.connect(nowMs, command.remote, command.dtls, command.maxMessageBytes)
        return expect(seat)
      case 'restart':
        seat.endpoint.ice.restart(nowMs, command.local)
        seats.name(seat, command.local.ufrag)
        return expect(seat)
      case 'setReceiveStreams':
        return seat.peer.setReceiveStreams(command.streams, nowMs)
      case 'setSendStreams':
        return seat.peer.setSendStreams(command.streams, nowMs)
      case 'prefer':
        return seat.peer.prefer(command.preferences, nowMs)
      case 'follow':
        seat.source = command.publisher
        this.#pause(nowMs, seat)
        return seat.peer.follow(command.publisher, nowMs)
      case 'place':
        this.#place(nowMs, command)
        this.nameClient(nowMs, seat)
        return this.#pause(nowMs, seat)
      case 'pass':
        return mirrors.pass(seat.peer, command.mirror, command.to)
      case 'close':
        return close(seat)
    }
  }

  #obeyOfMirror(nowMs: number, command: Command): void {
    if (command.kind === 'setReceiveStreams')
      this.#parts.mirrors.setReceiveStreams(command.endpoint, command.streams, nowMs)
    else if (command.kind === 'place') this.#place(nowMs, command)
    else if (command.kind === 'close') this.#parts.closeMirror(command.endpoint)
  }

  /** What the question that comes with a command is answered with; most only want to know that it was carried out. */
  answer(nowMs: number, command: Command): Answers[keyof Answers] | undefined {
    if (command.kind === 'link') return true
    if (command.kind === 'counters') return this.#parts.counters()
    if (command.kind === 'inspect') return this.#inspect(nowMs, command.endpoint)
    if (command.kind === 'figures') return figuresPage(this.#parts.seats.entries(), nowMs, command.after)
    return command.kind === 'capture' ? this.#capture(command) : undefined
  }

  #inspect(nowMs: number, id: EndpointId): EndpointInfo | undefined {
    const seat = this.#parts.seats.get(id)
    return seat && { ...seat.endpoint.info(nowMs), ...seat.peer.info(nowMs) }
  }

  #capture({ endpoint, capture }: Of<'capture'>): CaptureAnswer | undefined {
    const { seats, captures, report } = this.#parts
    const transport = seats.get(endpoint)?.endpoint.transport
    if (transport === undefined) return undefined
    if (!capture) return captures.stop(transport)
    return captures.start(transport, capture, (why) => report({ kind: 'captured', endpoint, why }))
  }

  // ---- who may hear whom

  #place(nowMs: number, place: Of<'place'>): void {
    const { endpoint, room } = place
    this.#parts.rooms.place(endpoint, place)
    this.#parts.router.place(endpoint, room)
    this.#pauseRoom(nowMs, room, (other) => other.source === endpoint)
  }

  #block(nowMs: number, { room, users, blocked }: Of<'block'>): void {
    const { rooms, data } = this.#parts
    rooms.block(room, users, blocked)
    this.#pauseRoom(nowMs, room, ({ endpoint }) => {
      const place = rooms.placeOf(endpoint.id)
      return place !== undefined && users.includes(place.user)
    })
    if (blocked) data.blocked(room, users)
  }

  /** Nothing passes between endpoints that may not hear each other: not joined, another room, blocked. */
  #pause(nowMs: number, seat: Seat): void {
    seat.peer.setPaused(seat.source === null || !this.#parts.rooms.mayHear(seat.endpoint.id, seat.source), nowMs)
  }

  #pauseRoom(nowMs: number, room: string, concerned: (seat: Seat) => boolean): void {
    for (const id of this.#parts.rooms.membersOf(room) ?? []) {
      const seat = this.#parts.seats.get(id)
      if (seat && concerned(seat)) this.#pause(nowMs, seat)
    }
  }

  /**
   * Connections of one user from one address have one link in common, if they are of one session: an address is many
   * people's, and any of them may take another's user id and lie about what arrives. To be called when either is known.
   */
  nameClient(nowMs: number, seat: Seat): void {
    const place = this.#parts.rooms.placeOf(seat.endpoint.id)
    const ip = seat.endpoint.info(nowMs).ice.selected?.ip
    if (!place || !ip) return
    const { session, room, user } = place
    seat.peer.setClient(JSON.stringify([ip, session, room, user]), nowMs)
  }
}
