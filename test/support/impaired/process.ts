/** The relay's process: sockets and one timer around the impaired directions. Ends with its parent. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { seededRandom } from '../../../src/media/chance/mulberry32.js'
import type { DirectionFigures, Endpoint, FromRelay, LinkFigures, RelayFigures, ToRelay, Way } from './control.js'
import { ImpairedDirection } from './direction.js'

type Send = () => void

const BUFFERS = { recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 }
/** Flows of one front: browsers try each of their addresses, and nobody else comes here. */
const FLOWS_MAX = 256
const LATE_SAMPLES = 4_096

class Link {
  readonly up: ImpairedDirection<Send>
  readonly down: ImpairedDirection<Send>
  readonly #queueMaxMs = { up: 0, down: 0 }

  constructor(seed: number) {
    this.up = new ImpairedDirection(seededRandom(seed))
    this.down = new ImpairedDirection(seededRandom(seed + 1))
  }

  offer(way: Way, bytes: number, nowMs: number, send: Send): void {
    this[way].offer(send, bytes, nowMs)
    this.#queueMaxMs[way] = Math.max(this.#queueMaxMs[way], this[way].queueMs(nowMs))
  }

  figures(nowMs: number): LinkFigures {
    const of = (way: Way): DirectionFigures => {
      const figures = { ...this[way].counts, queueMs: this[way].queueMs(nowMs), queueMaxMs: this.#queueMaxMs[way] }
      this.#queueMaxMs[way] = 0
      return figures
    }
    return { up: of('up'), down: of('down') }
  }
}

/** What makes the engine compile what every packet goes through: so often, so many packets there and back. */
const WARM_UP_ROUNDS = 60
const WARM_UP_PACKETS = 25
const WARM_UP_WAIT_MS = 200

const [seed = '1'] = process.argv.slice(2)
const links = new Map<string, Link>()
const late = new Float64Array(LATE_SAMPLES)
let lateCount = 0
let lateMaxMs = 0
let timer: NodeJS.Timeout | undefined
let timerMs = Number.POSITIVE_INFINITY
let warmed: Promise<void> | undefined

function linkOf(name: string): Link {
  let link = links.get(name)
  // Each link has chances of its own, whatever the order in which links come to be used.
  if (!link) links.set(name, (link = new Link(Number(seed) + 1_000 * (links.size + 1))))
  return link
}

const deliver = (send: Send, lateMs: number) => {
  late[lateCount++ % LATE_SAMPLES] = lateMs
  lateMaxMs = Math.max(lateMaxMs, lateMs)
  send()
}

function pass(link: Link): void {
  const nowMs = performance.now()
  link.up.take(nowMs, deliver)
  link.down.take(nowMs, deliver)
  arm(Math.min(link.up.nextMs(), link.down.nextMs()))
}

/** One timer for all: the soonest. */
function arm(atMs: number): void {
  if (atMs >= timerMs) return
  clearTimeout(timer)
  timerMs = atMs
  timer = setTimeout(
    () => {
      timerMs = Number.POSITIVE_INFINITY
      for (const link of links.values()) pass(link)
    },
    Math.max(0, atMs - performance.now()),
  )
}

/** Opens `front` for clients; each of them gets a socket of its own towards `server`, which so tells them apart. */
async function open(link: Link, front: Endpoint, server: Endpoint): Promise<Endpoint & { close(): void }> {
  const socket = createSocket({ type: 'udp4', ...BUFFERS })
  const flows = new Map<string, Socket>()
  const flowOf = (address: string, port: number) => {
    const key = `${address}:${port}`
    let flow = flows.get(key)
    if (!flow && flows.size < FLOWS_MAX) {
      flow = createSocket({ type: 'udp4', ...BUFFERS })
      flow.on('message', (packet) => {
        link.offer('down', packet.length, performance.now(), () => socket.send(packet, port, address))
        pass(link)
      })
      // The other side may be gone already: as on any network, that is nobody's business here.
      flow.on('error', () => {})
      flows.set(key, flow)
    }
    return flow
  }
  socket.on('message', (packet, { address, port }) => {
    const flow = flowOf(address, port)
    if (!flow) return
    link.offer('up', packet.length, performance.now(), () => flow.send(packet, server.port, server.address))
    pass(link)
  })
  socket.bind(front.port, front.address)
  await once(socket, 'listening')
  socket.on('error', () => {})
  const close = () => {
    for (const each of [socket, ...flows.values()]) each.close()
  }
  return { address: front.address, port: socket.address().port, close }
}

/**
 * Sends packets there and back on a link of their own. Browsers probe a path with their first pictures and believe for a
 * minute what they found: a relay that still compiles would have bunched these packets up.
 */
async function warmUp(): Promise<void> {
  const [client, server] = [createSocket({ type: 'udp4' }), createSocket({ type: 'udp4' })]
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const link = new Link(0)
  links.set('', link)
  const { close, ...front } = await open(link, { address: '127.0.0.1', port: 0 }, server.address())
  server.on('message', (packet, { address, port }) => server.send(packet, port, address))
  server.on('error', () => {})
  const packet = Buffer.alloc(1_000)
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    const way = { delayMs: round % 3 }
    link.up.impair(way)
    link.down.impair(way)
    const back = new Promise<void>((resolve) => {
      let left = WARM_UP_PACKETS
      // Whatever got lost on the way.
      setTimeout(resolve, WARM_UP_WAIT_MS)
      client.removeAllListeners('message').on('message', () => --left === 0 && resolve())
    })
    for (let n = 0; n < WARM_UP_PACKETS; n++) client.send(packet, front.port, front.address)
    await back
  }
  for (const socket of [client, server]) socket.close()
  close()
  links.delete('')
  lateCount = lateMaxMs = 0
}

function figures(): RelayFigures {
  const nowMs = performance.now()
  const sorted = late.slice(0, Math.min(lateCount, LATE_SAMPLES)).sort()
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  return {
    links: Object.fromEntries([...links].map(([name, link]) => [name, link.figures(nowMs)])),
    late: { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: lateMaxMs },
  }
}

async function answer(message: ToRelay): Promise<Omit<FromRelay, 'id'>> {
  if (message.kind === 'figures') return { figures: figures() }
  await (warmed ??= warmUp())
  const link = linkOf(message.link)
  if (message.kind === 'open') {
    const { address, port } = await open(link, message.front, message.server)
    return { front: { address, port } }
  }
  link[message.way].impair(message.impairment)
  pass(link)
  return {}
}

try {
  // Packets are to be late because of the link, not because others compute.
  setPriority(constants.priority.PRIORITY_HIGHEST)
} catch {
  // Only root may.
}

process.on('message', (message: ToRelay) => {
  const say = (rest: Omit<FromRelay, 'id'>) => process.send?.({ id: message.id, ...rest } satisfies FromRelay)
  answer(message).then(say, (error: Error) => say({ error: error.message }))
})
process.on('disconnect', () => process.exit(0))
