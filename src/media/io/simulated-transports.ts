/** The transports of a simulated io: ids with generations, and which addresses belong to which. */
import type { SimulatedDtls } from './simulated-dtls.js'
import { addressKey, type SimulatedAddress } from './simulated-network.js'
import type { SimulatedSrtp } from './simulated-srtp.js'

const MAX_ADDRESSES = 8
const INDEX_BITS = 16
const MAX_GENERATION = 0x7fff

/** A remote address as seen from one of our sockets. */
export interface Path extends SimulatedAddress {
  socket: number
}

export interface Transport {
  id: number
  /** Oldest first. */
  paths: Path[]
  selected: Path | undefined
  /** Where the handshake goes while nothing is selected. */
  handshakeFrom: Path | undefined
  dtls: SimulatedDtls | undefined
  /** Keys of a transport both of whose ends are ours: it has no `dtls`. */
  link: { out: SimulatedSrtp; in: SimulatedSrtp } | undefined
  /** State of which a row told last. */
  reported: SimulatedDtls['state']
}

const pathKey = (path: Path): string => `${path.socket}/${addressKey(path)}`

export class TransportTable {
  #capacity: number
  #byIndex: (Transport | undefined)[] = []
  #generations: number[] = []
  #freed: number[] = []
  #byPath = new Map<string, Transport>()

  /** @param capacity 1–65536 */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1 << INDEX_BITS) {
      throw new RangeError(`maxTransports ${capacity}`)
    }
    this.#capacity = capacity
  }

  /** @returns an id, or −1 when all are taken */
  allocate(): number {
    const index = this.#freed.shift() ?? this.#byIndex.length
    if (index >= this.#capacity) return -1
    const generation = ((this.#generations[index] ?? 0) % MAX_GENERATION) + 1
    this.#generations[index] = generation
    const id = generation * (1 << INDEX_BITS) + index
    const nothing = { selected: undefined, handshakeFrom: undefined, dtls: undefined, link: undefined }
    this.#byIndex[index] = { id, paths: [], ...nothing, reported: 'handshaking' }
    return id
  }

  /** @returns undefined when it was freed @throws RangeError for what is no id */
  find(id: number): Transport | undefined {
    if (!Number.isInteger(id) || id < 1 << INDEX_BITS || id > 0x7fffffff) throw new RangeError(`transport id ${id}`)
    const transport = this.#byIndex[id % (1 << INDEX_BITS)]
    return transport?.id === id ? transport : undefined
  }

  at(path: Path): Transport | undefined {
    return this.#byPath.get(pathKey(path))
  }

  all(): Transport[] {
    return this.#byIndex.filter((transport) => transport !== undefined)
  }

  /**
   * The address belongs to `transport` from now on, unless another one is connected or has heard a handshake
   * there: a check proves who sent it, not that its source address is real.
   */
  addPath(transport: Transport, path: Path): boolean {
    const owner = this.at(path)
    if (owner === transport) return true
    if (owner) {
      const state = owner.dtls?.state
      const heard = samePath(state === 'connected' ? owner.selected : owner.handshakeFrom, path)
      if (owner.link || (heard && state !== 'closed')) return false
      this.#forget(owner, path)
    }
    if (transport.paths.length === MAX_ADDRESSES) {
      this.#forget(transport, transport.paths.find((known) => !samePath(known, transport.selected))!)
    }
    transport.paths.push(path)
    this.#byPath.set(pathKey(path), transport)
    return true
  }

  free(transport: Transport): void {
    const index = transport.id % (1 << INDEX_BITS)
    for (const path of transport.paths) this.#byPath.delete(pathKey(path))
    this.#byIndex[index] = undefined
    this.#freed.push(index)
  }

  #forget(transport: Transport, path: Path): void {
    transport.paths = transport.paths.filter((known) => !samePath(known, path))
    if (samePath(transport.selected, path)) transport.selected = undefined
    if (samePath(transport.handshakeFrom, path)) transport.handshakeFrom = undefined
    this.#byPath.delete(pathKey(path))
  }
}

function samePath(a: Path | undefined, b: Path | undefined): boolean {
  return a !== undefined && b !== undefined && pathKey(a) === pathKey(b)
}
