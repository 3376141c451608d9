/**
 * Which worker a new endpoint goes to. A room stays together as long as its worker has CPU and places to spare; a room
 * that is too big for one worker goes on growing on others, so that it uses the whole machine. The same holds for the
 * subscribers of one publisher, which is mirrored where they go (ADR 3).
 */

/** A worker that uses more of a core, or of its places, is given no more of a room while another one has clearly less. */
const FULL = 0.6
/** Loads that differ by less are the same: what an idle process uses, and what a measurement misses by. */
const SAME = 0.1
/**
 * The share of a core that an endpoint is taken to use that has just been opened, as long as the worker's other endpoints
 * use less: a hundred packets a second at 10 µs.
 */
const MIN_ENDPOINT_LOAD = 0.001
/**
 * The share of a core that an endpoint of one big room is taken to need sooner or later, however little it does now: sound and
 * 2 Mbit/s of video, some 280 packets a second at 10 µs. People come before anything is shown to them, and nobody is moved later.
 */
const ROOM_ENDPOINT_LOAD = 0.003

/** Measured over less, a load says little. */
const MIN_MEASURED_MS = 1_000

/** How much of a worker is used: CPU as measured from time to time, and what has been opened since. */
export class WorkerLoad {
  #cpuSeconds = Number.NaN
  #atMs = 0
  #cores = 0
  /** Endpoints at the last measurement. */
  #endpoints = 0

  /**
   * @param cpuSeconds that the process used since its start
   * @param endpoints that it has now
   */
  measured(cpuSeconds: number, endpoints: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs
    // A process that was started again begins at 0.
    const used = cpuSeconds - this.#cpuSeconds
    if (used >= 0 && elapsedMs < MIN_MEASURED_MS) return
    if (used >= 0) this.#cores = (used * 1000) / elapsedMs
    else this.#cores = 0
    this.#cpuSeconds = cpuSeconds
    this.#atMs = nowMs
    this.#endpoints = endpoints
  }

  /** Cores that it is expected to use with `endpoints` endpoints, ≥ 0: media threads use one at most. */
  cores(endpoints: number): number {
    const each = this.#endpoints > 0 ? this.#cores / this.#endpoints : 0
    const opened = Math.max(0, endpoints - this.#endpoints)
    return this.#cores + opened * Math.max(each, MIN_ENDPOINT_LOAD)
  }
}

/** The share of a core that `endpoints` endpoints of one room may come to need. */
export const roomLoad = (endpoints: number): number => endpoints * ROOM_ENDPOINT_LOAD

/** A worker that could take the endpoint. */
export interface Candidate<W> {
  readonly worker: W
  /** Endpoints that it has. */
  readonly endpoints: number
  /** Endpoints of the room that it has, or of the publisher that is asked for; 0 when neither is. */
  readonly belongs: number
  /** Share of it that is used: of a core, or of its places, or by what the room may come to need (`roomLoad`), whichever is most. */
  readonly load: number
}

/**
 * The worker that has most of what is asked for, unless it is full and another one is not; else the one with the least to do.
 * @returns undefined when there is none
 */
export function chooseWorker<W>(candidates: readonly Candidate<W>[]): W | undefined {
  const least = Math.min(...candidates.map(({ load }) => load))
  const hasSpare = ({ load }: Candidate<W>) => load < FULL || load < least + SAME
  const home = largest(
    candidates.filter((candidate) => candidate.belongs > 0 && hasSpare(candidate)),
    ({ belongs }) => belongs,
  )
  const idlest = candidates.filter(({ load }) => load < least + SAME)
  return (home ?? largest(idlest, ({ endpoints }) => -endpoints))?.worker
}

/** The first of those that weigh most. */
function largest<T>(items: readonly T[], weight: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>((best, item) => {
    return best === undefined || weight(item) > weight(best) ? item : best
  }, undefined)
}
