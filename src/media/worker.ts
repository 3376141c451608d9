/**
 * THE loop: every packet of this worker goes through `#batch`, stage by stage, in the order written there.
 *
 *   receive (io) → sort → route → decide → write → send (router, io) → deadlines
 *
 * Beside it, commands of the main process (`commands.ts`). No sockets and no process here: the io and the
 * report channel are arguments, so the same loop runs over a simulated network in virtual time.
 */
import { Captures } from './capture/captures.js'
import { Commands } from './commands.js'
import { Containment } from './containment.js'
import {
  type Answers,
  type ChannelParameters,
  type Command,
  type Counters,
  type EndpointId,
  MAX_ENDPOINTS,
  MAX_LINKS,
  type Report,
  type WorkerLimits,
} from './control.js'
import { DataRelay } from './data-relay.js'
import { DeadlineHeap } from './deadline-heap.js'
import { Endpoint, type EndpointEvents, type EndpointHost } from './endpoint/endpoint.js'
import { iceReasonNames } from './endpoint/ice.js'
import { newSctpCounts } from './endpoint/sctp/association.js'
import { readUfrag } from './endpoint/stun.js'
import { Router } from './forward/router.js'
import { Kind, type MediaIo, Meta } from './io/io.js'
import { MediaRelay } from './media-relay.js'
import { Rooms } from './rooms.js'
import { type Seat, Seats } from './seats.js'
import { Sweeps } from './sweeps.js'
import { countersOf } from './worker-figures.js'
import type { WorkerHost } from './worker-host.js'

export class MediaWorker implements EndpointEvents {
  readonly io: MediaIo
  readonly #host: WorkerHost
  readonly #endpointHost: EndpointHost
  readonly #router: Router
  readonly #rooms = new Rooms()
  readonly #seats = new Seats()
  readonly #data = new DataRelay(this.#rooms, this.#seats, {
    pending: (seat) => this.#flushLater(seat),
    failed: (seat, error) => this.#containment.contain(seat, error),
  })
  readonly #drops = { stun: new Float64Array(iceReasonNames.length), sctp: newSctpCounts() }
  readonly #totals = { endpoints_refused: 0, stun_requests: 0, drop_stun_unknown: 0 }
  /** Seats by the earliest time at which their endpoint may be due. */
  readonly #due = new DeadlineHeap<Seat>()
  /** Seats with data-channel messages or acknowledgements that leave at the end of the batch. */
  readonly #unflushed: Seat[] = []
  readonly #captures: Captures
  readonly #mirrors: MediaRelay
  readonly #containment: Containment
  readonly #commands: Commands
  readonly #sweeps = new Sweeps()
  #wakeMs = Number.POSITIVE_INFINITY
  /** Since the batch began something was done that may use `process.nextTick` or a promise. */
  #putsOff = false

  constructor(host: WorkerHost, limits: WorkerLimits) {
    this.#host = host
    this.io = host.openIo({ maxTransports: MAX_ENDPOINTS + MAX_LINKS }, (count, nowMs) => this.#batch(count, nowMs))
    const sctp = { random: () => host.random(), counts: this.#drops.sctp }
    this.#endpointHost = { io: this.io, events: this, limits, sctp }
    this.#captures = new Captures(this.io, {
      open: (options, ended) => host.openCapture(options, ended),
      sendThrough: (io) => this.#router.sendThrough(io),
    })
    this.#router = new Router(
      this.io,
      {
        media: (endpoint, mid, media, receiving, silentMs) =>
          this.#report({
            kind: 'media',
            endpoint,
            mid,
            media,
            receiving,
            ...(silentMs !== undefined && { silentMs }),
          }),
        slowlink: (endpoint, mid, media, uplink, lost) =>
          this.#report({ kind: 'slowlink', endpoint, mid, media, uplink, lost }),
        speakers: (rooms) => this.#report({ kind: 'speakers', rooms }),
        sources: (endpoint, sources) => this.#report({ kind: 'sources', endpoint, sources }),
        failed: (endpoint, error) => this.#containment.containOf(endpoint, error),
      },
      { maxPublisherBps: limits.maxPublisherBps, audible: limits.audible ?? 0, random: () => host.random() },
    )
    this.#mirrors = new MediaRelay(this.io, this.#router, (id, error) => this.#containment.containOf(id, error))
    const ends = {
      report: (report: Report) => this.#report(report),
      close: (seat: Seat) => this.#close(seat),
      closeMirror: (id: EndpointId) => this.#closeMirror(id),
    }
    this.#containment = new Containment({
      ...ends,
      seats: this.#seats,
      free: (transport) => this.io.free(transport),
    })
    this.#commands = new Commands({
      ...ends,
      router: this.#router,
      rooms: this.#rooms,
      seats: this.#seats,
      mirrors: this.#mirrors,
      data: this.#data,
      captures: this.#captures,
      counters: () => this.counters(),
      open: (nowMs, id, local) => this.#open(nowMs, id, local),
      expect: (seat) => this.#expect(seat),
    })
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
        this.#containment.contain(this.#seatOf(row), error)
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
    this.#drops.stun[seat.endpoint.stun(nowMs, row, offset, length)]!++
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
        this.#containment.contain(seat, error)
      }
    }
    this.#unflushed.length = 0
  }

  #deadlines(nowMs: number): void {
    this.#flushData(nowMs)
    const batch = this.#data.window.take()
    if (batch) this.#report({ kind: 'relay', ...batch })
    if (nowMs >= this.#router.deadlineMs) this.#router.expire(nowMs)
    if (this.#sweeps.begin(nowMs, this.#due.earliestMs)) this.#sweep(nowMs)
    const next = Math.min(this.#router.deadlineMs, this.#sweeps.nextMs(this.#due.earliestMs))
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
        if (nowMs >= seat.endpoint.deadlineMs) seat.endpoint.expire(nowMs)
        this.#expect(seat)
      } catch (error) {
        this.#containment.contain(seat, error)
      }
    }
  }

  /** Something happened that may have given an endpoint an earlier deadline; a later one is seen when it is swept. */
  #expect(seat: Seat): void {
    const dueMs = seat.endpoint.deadlineMs
    if (dueMs < seat.dueMs) this.#due.set(seat, dueMs)
  }

  // ---- what endpoints say

  connected(endpoint: Endpoint): void {
    const seat = this.#seats.get(endpoint.id)
    if (!seat) return
    seat.peer.connected(this.#host.nowMs())
    this.#commands.nameClient(this.#host.nowMs(), seat)
    this.#report({ kind: 'connected', endpoint: endpoint.id })
  }

  silence(endpoint: Endpoint, isSilent: boolean): void {
    this.#report({ kind: 'silence', endpoint: endpoint.id, isSilent })
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
      this.#commands.obey(nowMs, command)
      value = this.#commands.answer(nowMs, command)
    } catch (error) {
      if ('endpoint' in command) this.#containment.containOf(command.endpoint, error)
      else this.#containment.contain(undefined, error)
    }
    if (command.ask !== undefined) {
      this.#report({ kind: 'done', ask: command.ask, ...(value && { value }) })
    }
    this.#deadlines(nowMs)
    this.io.flush()
  }

  // ---- endpoints and mirrors, as commands want them

  #closeMirror(id: EndpointId): void {
    this.#rooms.remove(id)
    this.#mirrors.closeMirror(id, this.#host.nowMs())
  }

  #open(nowMs: number, id: EndpointId, local: Extract<Command, { kind: 'open' }>['local']): void {
    // The io has some more, for links.
    const transport = this.#seats.size < MAX_ENDPOINTS ? this.io.allocate() : -1
    if (transport < 0) {
      this.#totals.endpoints_refused++
      this.#report({ kind: 'closed', endpoint: id, reason: 'Internal error' })
      return
    }
    const endpoint = new Endpoint(nowMs, this.#endpointHost, id, transport, local)
    const peer = this.#router.openPeer(id, transport, nowMs)
    this.#expect(this.#seats.open(endpoint, peer, local.ufrag))
  }

  #close(seat: Seat): void {
    const { id, transport } = seat.endpoint
    if (!this.#seats.remove(seat)) return
    this.#due.remove(seat)
    this.#rooms.remove(id)
    this.#mirrors.forget(seat.peer)
    this.#router.closePeer(id, this.#host.nowMs())
    seat.endpoint.close()
    this.#captures.stop(transport)
  }

  // ---- what is going on

  /** Totals since the worker began, and what is alive now. */
  counters(): Counters {
    const own = { ...this.#totals, ...this.#data.totals, bugs: this.#containment.bugs }
    return countersOf(own, this.#drops, this.#host.usage?.(), {
      io: this.io,
      seats: this.#seats,
      rooms: this.#rooms,
      window: this.#data.window,
      captures: this.#captures,
      router: this.#router,
      mirrors: this.#mirrors,
    })
  }

  /**
   * Ends all peers (DTLS close_notify), mirrors and captures, and the timer. No `closed` is reported.
   * @returns when sockets are closed and files of captures are written
   */
  async close(): Promise<void> {
    for (const seat of [...this.#seats.all()]) this.#close(seat)
    this.#mirrors.close(this.#host.nowMs())
    this.#host.wakeAt(Number.POSITIVE_INFINITY, () => {})
    this.io.flush()
    await Promise.all([this.io.close(), this.#captures.close()])
  }
}
