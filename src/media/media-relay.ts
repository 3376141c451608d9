/**
 * The worker's part in the relay of media between workers. A publisher lives on one worker, where it is connected; on
 * another one a mirror stands for it, an ordinary peer of the router that has no transport. Packets go from publisher to
 * mirror as they came, once for each worker, and what the mirror asks of its publisher goes back (`forward/relay`).
 *
 * ```
 * worker 0                                                worker 1
 * publisher ──▶ subscribers                               mirror ──▶ subscribers
 *     └──────────── link: UDP on loopback, SRTP ─────────────▲
 * ```
 *
 * Who mirrors whom, and the keys, come from the main process.
 */
import { type Command, type EndpointId, RELAY_PROBLEM, type ReceiveStream } from './control.js'
import { FRAME_BYTES, Frame, Link, type RelayRoute } from './forward/relay/link.js'
import type { Peer, Router } from './forward/router.js'
import { Addr, Kind, type MediaIo } from './io/io.js'
import { readU16, readU32 } from './rtp/big-endian.js'

const LOOPBACK = [127, 0, 0, 1]

type RelayCommand = Extract<Command, { kind: 'link' | 'mirror' | 'sources' | 'unpass' }>

class WorkerLink extends Link {
  /** Port of the other worker; 0 = there is no link. */
  port = 0
}

interface Mirror {
  readonly peer: Peer
  readonly link: Link
}

interface Outlet {
  readonly publisher: Peer
  readonly route: RelayRoute
}

/** A transport-wide number means nothing behind a link: what it counts was counted where the packets arrived. */
function withoutTransportNumbers(stream: ReceiveStream): ReceiveStream {
  const { 'transport-cc': _, ...extensions } = stream.extensions
  return { ...stream, extensions }
}

export class MediaRelay {
  readonly #io: MediaIo
  readonly #router: Router
  readonly #failed: (endpoint: EndpointId, error: unknown) => void
  #socket = -1
  /** By number of the other worker. */
  readonly #links = new Map<number, WorkerLink>()
  readonly #byTransport = new Map<number, WorkerLink>()
  readonly #mirrors = new Map<EndpointId, Mirror>()
  /** By number of the mirror. */
  readonly #outlets = new Map<EndpointId, Outlet>()
  /** Packets for mirrors that are not there (any more), and what is no packet of a link. */
  #dropped = 0

  /** @param failed a bug of ours in what came for that endpoint or mirror */
  constructor(io: MediaIo, router: Router, failed: (endpoint: EndpointId, error: unknown) => void) {
    this.#io = io
    this.#failed = failed
    this.#router = router
  }

  /**
   * @returns the port on loopback that other workers send to
   * @throws Error with one clear line when there is none to be had
   */
  listen(): number {
    const address = LOOPBACK.join('.')
    try {
      const { socket, port } = this.#io.listen(address, 0)
      this.#socket = socket
      return port
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new Error(`${RELAY_PROBLEM}: no port of ${address} is to be had (${code ?? message})`)
    }
  }

  /** Packets that were lost between workers, and those that nobody was there for. */
  totals(): { relay_lost: number; drop_relay: number } {
    let lost = 0
    for (const link of this.#links.values()) lost += link.lost
    return { relay_lost: lost, drop_relay: this.#dropped }
  }

  /** Mirrors that are here, and mirrors elsewhere of publishers that are here. */
  live(): { mirrors: number; mirrored: number } {
    return { mirrors: this.#mirrors.size, mirrored: this.#outlets.size }
  }

  isMirror(endpoint: EndpointId): boolean {
    return this.#mirrors.has(endpoint)
  }

  // ---- what the main process says

  /** Carries out one of the commands that are about the relay alone. @throws Error when there is no place for a link */
  obey(nowMs: number, command: RelayCommand): void {
    switch (command.kind) {
      case 'link':
        if (!this.#link(command)) throw new Error(`no link to worker ${command.worker}`)
        return
      case 'mirror':
        return this.#mirror(command.endpoint, command.from, nowMs)
      case 'sources':
        return this.#mirrors.get(command.endpoint)?.peer.setSources(command.sources, nowMs)
      case 'unpass':
        return this.#unpass(command.mirror)
    }
  }

  /** @returns false when there is no place for it: what should go that way is not sent */
  #link({ worker, port, keys }: Extract<RelayCommand, { kind: 'link' }>): boolean {
    const link = this.#linkTo(worker)
    this.#cut(link)
    // A worker that died may have left its port to another one.
    for (const other of this.#links.values()) if (other.port === port) this.#cut(other)
    const transport = this.#socket < 0 ? -1 : this.#io.allocate()
    if (transport < 0) return false
    const row = new Uint8Array(Addr.stride)
    row[Addr.family] = 4
    row[Addr.socket] = this.#socket
    row[Addr.port] = port >> 8
    row[Addr.port + 1] = port
    row.set(LOOPBACK, Addr.ip)
    if (!this.#io.link(transport, row, keys)) {
      this.#io.free(transport)
      return false
    }
    link.renew(transport)
    link.port = port
    this.#byTransport.set(transport, link)
    return true
  }

  #cut(link: WorkerLink): void {
    if (link.transport >= 0) {
      this.#byTransport.delete(link.transport)
      this.#io.free(link.transport)
    }
    link.renew(-1)
    link.port = 0
  }

  /** Opens the mirror of a publisher on worker `from`. */
  #mirror(endpoint: EndpointId, from: number, nowMs: number): void {
    const link = this.#linkTo(from)
    const peer = this.#router.openMirror(endpoint, { link, mirror: endpoint }, nowMs)
    this.#mirrors.set(endpoint, { peer, link })
  }

  /** What the publisher of that mirror sends, whole, as `Peer.setReceiveStreams` takes it. */
  setReceiveStreams(mirror: EndpointId, streams: readonly ReceiveStream[], nowMs: number): void {
    this.#mirrors.get(mirror)?.peer.setReceiveStreams(streams.map(withoutTransportNumbers), nowMs)
  }

  /** Ends the mirror, and with it what its followers get. Twice is harmless. */
  closeMirror(endpoint: EndpointId, nowMs: number): void {
    if (this.#mirrors.delete(endpoint)) this.#router.closePeer(endpoint, nowMs)
  }

  /** What `publisher` sends goes to that mirror on worker `to`. */
  pass(publisher: Peer, mirror: EndpointId, to: number): void {
    const route = { link: this.#linkTo(to), mirror }
    this.#outlets.set(mirror, { publisher, route })
    publisher.addRoute(route)
  }

  #unpass(mirror: EndpointId): void {
    const outlet = this.#outlets.get(mirror)
    this.#outlets.delete(mirror)
    outlet?.publisher.removeRoute(outlet.route)
  }

  /** The publisher has ended. */
  forget(publisher: Peer): void {
    for (const { mirror } of [...publisher.routes]) this.#unpass(mirror)
  }

  /** Ends all mirrors. */
  close(nowMs: number): void {
    for (const endpoint of [...this.#mirrors.keys()]) this.closeMirror(endpoint, nowMs)
  }

  #linkTo(worker: number): WorkerLink {
    let link = this.#links.get(worker)
    if (link === undefined) this.#links.set(worker, (link = new WorkerLink()))
    return link
  }

  // ---- packets

  /** @returns the number of the mirror that the packet is for, or from; 0 = none */
  #addressee(transport: number, kind: number, offset: number, length: number): EndpointId {
    const link = this.#byTransport.get(transport)
    if (link === undefined) return 0
    if (kind !== Kind.rtp || length < FRAME_BYTES) {
      this.#dropped++
      return 0
    }
    const { rx } = this.#io
    link.received(readU32(rx, offset + 8), readU16(rx, offset + 2))
    const mirror = readU32(rx, offset + 4)
    const at =
      (rx[offset + 1]! & 0x7f) === Frame.request
        ? this.#outlets.get(mirror)?.route.link
        : this.#mirrors.get(mirror)?.link
    if (at === link) return mirror
    this.#dropped++
    return 0
  }

  /** A row of the batch whose transport is no endpoint's. */
  received(nowMs: number, transport: number, kind: number, offset: number, length: number): void {
    const mirror = this.#addressee(transport, kind, offset, length)
    if (mirror === 0) return
    try {
      this.#take(nowMs, mirror, offset, length)
    } catch (error) {
      this.#failed(this.#outlets.get(mirror)?.publisher.endpoint ?? mirror, error)
    }
  }

  /** One packet for that mirror, or from it. */
  #take(nowMs: number, mirror: EndpointId, offset: number, length: number): void {
    const frame = this.#io.rx[offset + 1]! & 0x7f
    const from = offset + FRAME_BYTES
    const bytes = length - FRAME_BYTES
    if (frame === Frame.request) {
      const { publisher, route } = this.#outlets.get(mirror)!
      return this.#router.requested(nowMs, publisher, route, from, bytes)
    }
    const { peer } = this.#mirrors.get(mirror)!
    if (frame === Frame.report) this.#router.rtcp(nowMs, peer, from, bytes, 0)
    else this.#router.relayed(nowMs, peer, from, bytes, frame === Frame.packet)
  }
}
