/** One measurement of one star. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ranMicroseconds, separate } from '../load/cpu.js'
import { pace } from '../load/pacer.js'
import { openStar, type SubjectName } from '../peers/open.js'
import type { Star } from '../peers/star.js'

export interface Offered {
  readonly receivers: number
  readonly packetsPerSecond: number
  readonly payloadBytes: number
  readonly seconds: number
}

export interface Measured {
  /** CPU of the server per packet that reached a receiver, µs. */
  readonly microsecondsPerForward: number
  readonly forwardsPerSecond: number
  /** Share of what should have arrived. */
  readonly delivered: number
  /** Share of one core, server and clients. */
  readonly serverCpu: number
  /** Of the process of the server that used most. */
  readonly busiestCpu: number
  readonly clientCpu: number
}

/** What is on its way when sending ends. */
const DRAIN_MS = 150
/** A queue that has not emptied by then will not. */
const SETTLE_LIMIT_MS = 10_000

export async function measure(
  star: Star,
  { receivers, packetsPerSecond, payloadBytes, seconds }: Offered,
): Promise<Measured> {
  const send = () => star.send(payloadBytes)
  const flush = () => star.flush()
  // What was busy with others since finds its way into the caches again.
  await pace(packetsPerSecond, 0.5, send, flush)
  await settle(star)
  const received = star.received()
  const server = star.pids.map((pid) => ranMicroseconds([pid]))
  const clients = process.cpuUsage()
  const startMs = performance.now()
  await pace(packetsPerSecond, seconds, send, flush)
  const elapsedMs = performance.now() - startMs
  await sleep(DRAIN_MS)
  const { user, system } = process.cpuUsage(clients)
  const forwards = star.received() - received
  const each = star.pids.map((pid, i) => ranMicroseconds([pid]) - server[i]!)
  const cpuMicros = each.reduce((sum, micros) => sum + micros, 0)
  return {
    microsecondsPerForward: cpuMicros / Math.max(1, forwards),
    forwardsPerSecond: (forwards * 1_000) / elapsedMs,
    delivered: forwards / (Math.round(packetsPerSecond * seconds) * receivers),
    serverCpu: cpuMicros / (elapsedMs * 1_000),
    busiestCpu: Math.max(...each) / (elapsedMs * 1_000),
    clientCpu: (user + system) / (elapsedMs * 1_000),
  }
}

/** Resolves when nothing comes any more of what was sent. */
async function settle(star: Star): Promise<void> {
  const limitMs = performance.now() + SETTLE_LIMIT_MS
  for (let before = -1; before !== star.received() && performance.now() < limitMs; ) {
    before = star.received()
    await sleep(DRAIN_MS)
  }
}

/** The stars that can be had here, each with a first receiver, and all on the first core. */
export async function openStars(
  names: readonly SubjectName[],
  say: (line: string) => void,
): Promise<Map<SubjectName, Star>> {
  const stars = new Map<SubjectName, Star>()
  for (const name of names) {
    const star = await attempt(`${name} does not start`, openStar(name), say)
    if (star) stars.set(name, star)
    else say(`${name}: not here (Janus: apt-get install janus; root)`)
  }
  return stars
}

/** @returns undefined when `work` fails, which is said: who waits for it can do without */
export async function attempt<T>(
  failure: string,
  work: Promise<T>,
  say: (line: string) => void,
): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    say(`${failure}: ${(error as Error).message}`)
    return undefined
  }
}

/** What one of them says when it ends is of no interest to the figures, which are there by now. */
export async function closeAll(stars: ReadonlyMap<unknown, Star>, say: (line: string) => void): Promise<void> {
  for (const star of stars.values()) await attempt(`${star.name} does not end well`, star.close(), say)
}

/** More receivers for all of them; processes that came with it are kept on the first core too. */
export async function growAll(stars: ReadonlyMap<SubjectName, Star>, receivers: number): Promise<void> {
  for (const star of stars.values()) await star.grow(receivers)
  separate([...stars.values()].flatMap(({ pids }) => pids))
}

/** V8 compiles what packets pass for about so long at a bench's rates; a server that has been up for a minute is what is asked about. */
export const compiledAfterSeconds = (quick: boolean) => (quick ? 6 : 30)

/** Sent before anything is measured. */
export async function warmUp(
  star: Star,
  packetsPerSecond: number,
  payloadBytes: number,
  seconds: number,
): Promise<void> {
  await pace(
    packetsPerSecond,
    seconds,
    () => star.send(payloadBytes),
    () => star.flush(),
  )
  await settle(star)
}
