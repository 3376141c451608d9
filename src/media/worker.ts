/**
 * THE loop: every packet of this worker goes through `#batch`, stage by stage, in the order written there.
 *
 *   receive (io) → sort → route → decide → write → send (router, io) → deadlines
 *
 * Beside it, commands of the main process (`control.ts`). No sockets and no process here: the io and the
 * report channel are arguments, so the same loop runs over a simulated network in virtual time.
 */
import { Captures } from './capture/captures.js'
import {
  type Answers,
  type CaptureAnswer,
  type ChannelParameters,
  type Command,
  type Counters,
  type EndpointId,
  type EndpointInfo,
  MAX_ENDPOINTS,
  MAX_LINKS,
  type Report,
  type WorkerLimits,
} from './control.js'
import { DataRelay } from './data-relay.js'
import { DeadlineHeap } from './deadline-heap.js'
import { Endpoint, type EndpointEvents } from './endpoint/endpoint.js'
import { iceReasonNames } from './endpoint/ice.js'
import { readUfrag } from './endpoint/stun.js'
import { Router } from './forward/router.js'
import { Kind, type MediaIo, Meta } from './io/io.js'
import { MediaRelay } from './media-relay.js'
import { Rooms } from './rooms.js'
import { type Seat, Seats } from './seats.js'
import { Sweeps } from './sweeps.js'
import { countersOf, figuresPage } from './worker-figures.js'
import type { WorkerHost } from './worker-host.js'

export class MediaWorker implements EndpointEvents {
  readonly io: MediaIo
  readonly #host: WorkerHost
  readonly #limits: WorkerLimits
  readonly #router: Router
  readonly #rooms = new Rooms()
  readonly #seats = new Seats()
  readonly #data = new DataRelay(this.#rooms, this.#seats, {
    pending: (seat) => this.#flushLater(seat),
    failed: (seat, error) => this.#contain(seat, error),
  })
  readonly #stunDrops = new Float64Array(iceReasonNames.length)
  readonly #totals = {
    endpoints_refused: 0,
    stun_requests: 0,
    drop_stun_unknown: 0,
    bugs: 0,
  }
  /** Seats by the earliest time at which their endpoint may be due. */
  readonly #due = new DeadlineHeap<Seat>()
  /** Seats with data-channel messages or acknowledgements that leave at the end of the batch. */
  readonly #unflushed: Seat[] = []
  readonly #captures: Captures
  readonly #mirrors: MediaRelay
  readonly #sweeps = new Sweeps()
  #wakeMs = Number.POSITIVE_INFINITY
  /** Since the batch began something was done that may use `process.nextTick` or a promise. */
  #putsOff = false

  constructor(host: WorkerHost, limits: WorkerLimits) {
    this.#host = host
    this.#limits = limits
    this.io = host.openIo({ maxTransports: MAX_ENDPOINTS + MAX_LINKS }, (count, nowMs) => this.#batch(count, nowMs))
    this.#captures = new Captures(this.io, {
      open: (options, ended) => host.openCapture(options, ended),
      sendThrough: (io) => this.#router.sendThrough(io),
    })
    this.#router = new Router(
      this.io,
      {
        media: (endpoint, mid, media, receiving, silentMs) =>
          this.#report({
            ...{ kind: 'media', endpoint, mid, media, receiving },
            ...(silentMs !== undefined && { silentMs }),
          }),
        slowlink: (endpoint, mid, media, uplink, lost) =>
          this.#report({ kind: 'slowlink', endpoint, mid, media, uplink, lost }),
        speakers: (rooms) => this.#report({ kind: 'speakers', rooms }),
        sources: (endpoint, sources) => this.#report({ kind: 'sources', endpoint, sources }),
        failed: (endpoint, error) => this.#containOf(endpoint, error),
      },
      { maxPublisherBps: limits.maxPublisherBps, audible: limits.audible ?? 0, random: () => host.random() },
    )
    this.#mirrors = new MediaRelay(this.io, this.#router, (id, error) => this.#containOf(id, error))
  }

  /** @returns the port on loopback for packets of other workers' publishers */
  openRelay(): number {
    return this.#mirrors.listen()
  }

  // ---- packets

  /** @returns as `OnBatch` wants it */
  #batch(count: number, nowMs: number): boolean {
    this.#putsOff = this.#captures.size > 0
    if (this.#captures.size > 0) this.#captures.received(count)
    for (let row = 0; row < count; row++) {
      try {
        this.#step(nowMs, row)
      } catch (error) {
        this.#contain(this.#seatOf(row), error)
      }
    }
    this.#deadlines(nowMs)
    return this.#putsOff
  }

  #report(report: Report): void {
    this.#putsOff = true
    this.#host.report(report)
  }

  /** Whose packet it is; checks say so themselves, as in `#stun`. */
  #seatOf(row: number): Seat | undefined {
    const { meta, rx } = this.io
    const at = row * Meta.stride
    if (meta[at + Meta.kind] !== Kind.stun) return this.#seats.at(meta[at + Meta.transport]!)
    const ufrag = readUfrag(rx, meta[at + Meta.offset]!, meta[at + Meta.length]!)
    return ufrag === undefined ? undefined : this.#seats.named(ufrag)
  }

  #step(nowMs: number, row: number): void {
    const { meta } = this.io
    const at = row * Meta.stride
    const offset = meta[at + Meta.offset]!
    const length = meta[at + Meta.length]!
    const kind = meta[at + Meta.kind]!
    if (kind === Kind.stun) return this.#stun(nowMs, row, offset, length)
    const seat = this.#seats.at(meta[at + Meta.transport]!)
    if (seat === undefined) return this.#mirrors.received(nowMs, meta[at + Meta.transport]!, kind, offset, length)
    const waitedUs = meta[at + Meta.waitedUs]!
    if (kind === Kind.rtp) return this.#router.rtp(nowMs, seat.peer, offset, length, waitedUs)
    if (kind === Kind.rtcp) return this.#router.rtcp(nowMs, seat.peer, offset, length, waitedUs)
    this.#putsOff = true
    switch (kind) {
      case Kind.data:
        seat.endpoint.data(nowMs, offset, length, meta[at + Meta.extra] === 1)
        return this.#flushLater(seat)
      case Kind.connected:
        return seat.endpoint.dtlsConnected(nowMs, meta[at + Meta.extra]!)
      case Kind.closed:
        return seat.endpoint.dtlsClosed(meta[at + Meta.extra]!)
    }
  }

  /** Names of endpoints are in the packets: an address that is known may belong to a peer's next connection. */
  #stun(nowMs: number, row: number, offset: number, length: number): void {
    this.#totals.stun_requests++
    const seat = this.#seatOf(row)
    if (seat === undefined) {
      this.#totals.drop_stun_unknown++
      return
    }
    this.#stunDrops[seat.endpoint.stun(nowMs, row, offset, length)]!++
    this.#expect(seat)
  }

  #flushLater(seat: Seat): void {
    if (seat.isUnflushed) return
    seat.isUnflushed = true
    this.#unflushed.push(seat)
  }

  /** One packet per association for all that the batch brought, if it fits. */
  #flushData(nowMs: number): void {
    for (const seat of this.#unflushed) {
      seat.isUnflushed = false
      try {
        seat.endpoint.flush(nowMs)
        this.#expect(seat)
      } catch (error) {
        this.#contain(seat, error)
      }
    }
    this.#unflushed.length = 0
  }

  #deadlines(nowMs: number): void {
    this.#flushData(nowMs)
    const batch = this.#data.window.take()
    if (batch) this.#report({ kind: 'relay', ...batch })
    if (nowMs >= this.#router.deadline()) this.#router.expire(nowMs)
    if (this.#sweeps.begin(nowMs, this.#due.earliestMs)) this.#sweep(nowMs)
    const next = Math.min(this.#router.deadline(), this.#sweeps.nextMs(this.#due.earliestMs))
    if (next >= this.#wakeMs && this.#wakeMs > nowMs) return
    this.#wakeMs = next
    this.#host.wakeAt(next, () => {
      this.#wakeMs = Number.POSITIVE_INFINITY
      this.#deadlines(this.#host.nowMs())
      this.io.flush()
    })
  }

  /** What becomes due because of the sweep itself waits for the next one: a sweep ends. */
  #sweep(nowMs: number): void {
    for (let left = this.#due.size; left > 0; left--) {
      const seat = this.#due.takeDue(nowMs)
      if (seat === undefined) return
      try {
        if (nowMs >= seat.endpoint.deadline()) seat.endpoint.expire(nowMs)
        this.#expect(seat)
      } catch (error) {
        this.#contain(seat, error)
      }
    }
  }

  /** Something happened that may have given an endpoint an earlier deadline; a later one is seen when it is swept. */
  #expect(seat: Seat): void {
    const dueMs = seat.endpoint.deadline()
    if (dueMs < seat.dueMs) this.#due.set(seat, dueMs)
  }

  /** A bug of ours ends one endpoint, loudly, and nothing else. */
  #contain(seat: Seat | undefined, error: unknown): void {
    this.#bug(seat?.endpoint.id, error)
    if (!seat) return
    this.#report({ kind: 'closed', endpoint: seat.endpoint.id, reason: 'Internal error' })
    try {
      this.#close(seat)
    } catch {
      // What is broken cannot say goodbye either; its transport must not outlive it.
      this.io.free(seat.endpoint.transport)
    }
  }

  /** The same for an endpoint, or a mirror, that may not even have come to be: whoever follows it has to hear. */
  #containOf(id: EndpointId, error: unknown): void {
    const seat = this.#seats.get(id)
    if (seat) return this.#contain(seat, error)
    this.#bug(id, error)
    this.#report({ kind: 'closed', endpoint: id, reason: 'Internal error' })
    try {
      this.#closeMirror(id)
    } catch {
      // It has no transport that could outlive it.
    }
  }

  #bug(endpoint: EndpointId | undefined, error: unknown): void {
    this.#totals.bugs++
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#report({ kind: 'bug', error: text, ...(endpoint !== undefined && { endpoint }) })
  }

  // ---- what endpoints say

  connected(endpoint: Endpoint): void {
    const seat = this.#seats.get(endpoint.id)
    if (!seat) return
    seat.peer.connected(this.#host.nowMs())
    this.#nameClient(this.#host.nowMs(), seat)
    this.#report({ kind: 'connected', endpoint: endpoint.id })
  }

  closed(endpoint: Endpoint, reason: Extract<Report, { kind: 'closed' }>['reason']): void {
    const seat = this.#seats.get(endpoint.id)
    if (!seat) return
    this.#close(seat)
    this.#report({ kind: 'closed', endpoint: endpoint.id, reason })
  }

  message(endpoint: Endpoint, channel: ChannelParameters, binary: boolean, payload: Uint8Array): void {
    this.#data.said(this.#host.nowMs(), endpoint, channel, binary, payload)
  }

  // ---- commands

  /** Carries out one command. `start` and `stop` are the process' own (`worker-main.ts`). */
  command(command: Command): void {
    const nowMs = this.#host.nowMs()
    let value: Answers[keyof Answers] | undefined
    try {
      this.#obey(nowMs, command)
      value = this.#answer(nowMs, command)
    } catch (error) {
      if ('endpoint' in command) this.#containOf(command.endpoint, error)
      else this.#contain(undefined, error)
    }
    if (command.ask !== undefined) {
      this.#report({ kind: 'done', ask: command.ask, ...(value && { value }) })
    }
    this.#deadlines(nowMs)
    this.io.flush()
  }

  /** What the question that comes with a command is answered with; most only want to know that it was carried out. */
  #answer(nowMs: number, command: Command): Answers[keyof Answers] | undefined {
    if (command.kind === 'link') return true
    if (command.kind === 'counters') return this.counters()
    if (command.kind === 'inspect') return this.#inspect(nowMs, command.endpoint)
    if (command.kind === 'figures') return figuresPage(this.#seats.entries(), nowMs, command.after)
    return command.kind === 'capture' ? this.#capture(command) : undefined
  }

  #obey(nowMs: number, command: Command): void {
    switch (command.kind) {
      case 'configure':
        return this.#router.configure(command.settings)
      case 'open':
        return this.#open(nowMs, command.endpoint, command.local)
      case 'spread':
        this.#router.spread(command.room, command.elsewhere)
        return this.#rooms.spread(command.room, command.elsewhere)
      case 'speakers':
        return this.#router.elsewhere(nowMs, command.from, command.rooms)
      case 'relay':
        for (const data of command.data) this.#data.relayed(nowMs, data)
        return
      case 'relayed':
        return this.#data.window.acknowledged(command.batch)
      case 'link':
      case 'mirror':
      case 'sources':
      case 'unpass':
        return this.#mirrors.obey(nowMs, command)
      case 'forget':
        return this.#rooms.forget(command.room)
      case 'block':
        this.#rooms.block(command.room, command.users, command.blocked)
        if (command.blocked) this.#data.blocked(command.room, command.users)
        return this.#pauseRoom(nowMs, command.room, (seat) => {
          const place = this.#rooms.placeOf(seat.endpoint.id)
          return place !== undefined && command.users.includes(place.user)
        })
    }
    if (!('endpoint' in command)) return
    const seat = this.#seats.get(command.endpoint)
    // Ended by itself a moment ago: the main process will hear, or has just heard.
    if (!seat) return this.#mirrors.isMirror(command.endpoint) ? this.#obeyOfMirror(nowMs, command) : undefined
    switch (command.kind) {
      case 'connect':
        seat.endpoint.connect(nowMs, command.remote, command.dtls, command.maxMessageBytes)
        return this.#expect(seat)
      case 'restart':
        seat.endpoint.ice.restart(nowMs, command.local)
        this.#seats.name(seat, command.local.ufrag)
        return this.#expect(seat)
      case 'receive':
        return seat.peer.receive(command.streams, nowMs)
      case 'send':
        return seat.peer.send(command.streams, nowMs)
      case 'prefer':
        return seat.peer.prefer(command.preferences, nowMs)
      case 'source':
        seat.source = command.publisher
        this.#pause(nowMs, seat)
        return seat.peer.source(command.publisher, nowMs)
      case 'place':
        this.#place(nowMs, command)
        this.#nameClient(nowMs, seat)
        return this.#pause(nowMs, seat)
      case 'pass':
        return this.#mirrors.pass(seat.peer, command.mirror, command.to)
      case 'close':
        return this.#close(seat)
    }
  }

  #obeyOfMirror(nowMs: number, command: Command): void {
    if (command.kind === 'receive') this.#mirrors.receive(command.endpoint, command.streams, nowMs)
    else if (command.kind === 'place') this.#place(nowMs, command)
    else if (command.kind === 'close') this.#closeMirror(command.endpoint)
  }

  #place(nowMs: number, place: Extract<Command, { kind: 'place' }>): void {
    const { endpoint, room } = place
    this.#rooms.place(endpoint, place)
    this.#router.place(endpoint, room)
    this.#pauseRoom(nowMs, room, (other) => other.source === endpoint)
  }

  #closeMirror(id: EndpointId): void {
    this.#rooms.remove(id)
    this.#mirrors.closeMirror(id)
  }

  #open(nowMs: number, id: EndpointId, local: Extract<Command, { kind: 'open' }>['local']): void {
    // The io has some more, for links.
    const transport = this.#seats.size < MAX_ENDPOINTS ? this.io.allocate() : -1
    if (transport < 0) {
      this.#totals.endpoints_refused++
      this.#report({ kind: 'closed', endpoint: id, reason: 'Internal error' })
      return
    }
    const endpoint = new Endpoint(nowMs, this.io, id, transport, local, this, this.#limits)
    const peer = this.#router.openPeer(id, transport)
    this.#expect(this.#seats.open(endpoint, peer, local.ufrag))
  }

  #close(seat: Seat): void {
    const { id, transport } = seat.endpoint
    if (!this.#seats.remove(seat)) return
    this.#due.remove(seat)
    this.#rooms.remove(id)
    this.#mirrors.forget(seat.peer)
    this.#router.closePeer(id)
    seat.endpoint.close()
    this.#captures.stop(transport)
  }

  /**
   * Connections of one user from one address have one link in common, if they are of one session: an address is many
   * people's, and any of them may take another's user id and lie about what arrives.
   */
  #nameClient(nowMs: number, seat: Seat): void {
    const place = this.#rooms.placeOf(seat.endpoint.id)
    const ip = seat.endpoint.info(nowMs).ice.selected?.ip
    if (!place || !ip) return
    const { session, room, user } = place
    seat.peer.setClient(JSON.stringify([ip, session, room, user]), nowMs)
  }

  /** Nothing passes between endpoints that may not hear each other: not joined, another room, blocked. */
  #pause(nowMs: number, seat: Seat): void {
    seat.peer.setPaused(seat.source === null || !this.#rooms.mayHear(seat.endpoint.id, seat.source), nowMs)
  }

  #pauseRoom(nowMs: number, room: string, concerned: (seat: Seat) => boolean): void {
    for (const id of this.#rooms.membersOf(room) ?? []) {
      const seat = this.#seats.get(id)
      if (seat && concerned(seat)) this.#pause(nowMs, seat)
    }
  }

  // ---- what is going on

  counters(): Counters {
    return countersOf({ ...this.#totals, ...this.#data.totals }, this.#stunDrops, this.#host.usage?.(), {
      ...{ io: this.io, seats: this.#seats, rooms: this.#rooms, window: this.#data.window },
      ...{ captures: this.#captures, router: this.#router, mirrors: this.#mirrors },
    })
  }

  #inspect(nowMs: number, id: EndpointId): EndpointInfo | undefined {
    const seat = this.#seats.get(id)
    return seat && { ...seat.endpoint.info(nowMs), ...seat.peer.info(nowMs) }
  }

  #capture({ endpoint, capture }: Extract<Command, { kind: 'capture' }>): CaptureAnswer | undefined {
    const transport = this.#seats.get(endpoint)?.endpoint.transport
    if (transport === undefined) return undefined
    if (!capture) return this.#captures.stop(transport)
    return this.#captures.start(transport, capture, (why) => this.#report({ kind: 'captured', endpoint, why }))
  }

  async close(): Promise<void> {
    for (const seat of [...this.#seats.all()]) this.#close(seat)
    this.#mirrors.close()
    this.#host.wakeAt(Number.POSITIVE_INFINITY, () => {})
    this.io.flush()
    await Promise.all([this.io.close(), this.#captures.close()])
  }
}
