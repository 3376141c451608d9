/**
 * Data-channel messages on their way from one endpoint of a room to the others, here and on other workers.
 *
 * ```
 * endpoint ──said──▶ ┬──▶ associations of the room's receivers here
 *                    └──▶ window ──report `relay`──▶ main process ──command `relay`──▶ `relayed` of other workers
 * ```
 */
import type { ChannelParameters, RelayedData } from './control.js'
import type { Endpoint } from './endpoint/endpoint.js'
import { RelayWindow } from './relay-window.js'
import type { Rooms } from './rooms.js'
import type { Seat, Seats } from './seats.js'
import { Senders } from './senders.js'

export interface DataRelayEvents {
  /** Its association has something to do: `flush` has to follow. */
  pending(seat: Seat): void
  /** A bug of ours in its association. */
  failed(seat: Seat, error: unknown): void
}

const isReliable = (channel: ChannelParameters) =>
  channel.maxRetransmits === undefined && channel.maxPacketLifeTimeMs === undefined

export class DataRelay {
  readonly totals = { data_received: 0, data_relayed: 0, data_dropped: 0, data_discarded: 0, data_relay_dropped: 0 }
  /** Messages on their way to other workers. */
  readonly window = new RelayWindow()
  readonly #rooms: Rooms
  readonly #seats: Pick<Seats, 'get'>
  readonly #events: DataRelayEvents
  readonly #senders = new Senders()

  constructor(rooms: Rooms, seats: Pick<Seats, 'get'>, events: DataRelayEvents) {
    this.#rooms = rooms
    this.#seats = seats
    this.#events = events
  }

  /** An endpoint of this worker said something. */
  said(nowMs: number, endpoint: Endpoint, channel: ChannelParameters, binary: boolean, payload: Uint8Array): void {
    this.totals.data_received++
    const place = this.#rooms.placeOf(endpoint.id)
    if (!place?.relaysData) return
    const data: RelayedData = { room: place.room, from: place.user, channel, binary, payload }
    this.relayed(nowMs, data)
    if (!this.#rooms.isSpread(place.room) || this.window.add(endpoint.id, data)) return
    this.totals.data_relay_dropped++
    if (isReliable(channel)) endpoint.closeChannels(channel.label)
  }

  /** A message, of this worker or of another one, for the room's receivers here. */
  relayed(nowMs: number, data: RelayedData): void {
    const sender = this.#senders.of(data.from)
    this.#rooms.forReceivers(data.room, data.from, (receiver) => {
      const seat = this.#seats.get(receiver)
      if (seat) this.#tell(nowMs, seat, data, sender)
    })
  }

  /** A bug in the receiver's association is not the fault of who speaks. */
  #tell(nowMs: number, seat: Seat, { channel, binary, payload }: RelayedData, sender: string): void {
    try {
      const outcome = seat.endpoint.send(nowMs, channel, binary, payload, sender)
      this.#events.pending(seat)
      if (outcome === 'sent') this.totals.data_relayed++
      else this.totals.data_dropped++
    } catch (error) {
      this.#events.failed(seat, error)
    }
  }

  /** Two users were blocked: of what waits from one for the other, only messages that are half sent still leave. */
  blocked(room: string, [a, b]: readonly [string, string]): void {
    this.#takeBack(room, a, b)
    this.#takeBack(room, b, a)
  }

  #takeBack(room: string, from: string, to: string): void {
    for (const member of this.#rooms.membersOf(room) ?? []) {
      const seat = this.#rooms.placeOf(member)?.user === to ? this.#seats.get(member) : undefined
      if (seat === undefined) continue
      try {
        this.totals.data_discarded += seat.endpoint.discardFrom(from)
        this.#events.pending(seat)
      } catch (error) {
        this.#events.failed(seat, error)
      }
    }
  }
}
