/** One scenario on one stage: samples at even intervals, from the first phase to the last. */
import type { Sample } from '../../test/support/impaired/stage.js'
import { ImpairedStage, type StageOptions } from '../../test/support/impaired/stage.js'
import type { Scenario } from './scenarios.js'

const WARM_UP_MS = 5_000
/**
 * A publisher finds its path by a few probes in its first second. When the machine stalls for some tens of milliseconds between two of their
 * packets they tell of a thin path, and it climbs by a few per cent a second, whatever the server. Two rows of a table are not to
 * differ by that: it is waited for, and then somebody else tries.
 */
const FULL_RATE_LIMIT_MS = 6_000
/** Of what its encodings may have. */
const FULL_RATE = 0.7

export interface Recording {
  samples: Sample[]
  /** When each phase began, on the clock of the samples; the last is the end. */
  phasesMs: number[]
  /** Capacity from each phase on, bit/s; undefined: no limit. */
  capacitiesBps: (number | undefined)[]
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** @returns undefined when the publisher did not come to send all that it may, on links with nothing wrong */
export async function record(scenario: Scenario, options: StageOptions): Promise<Recording | undefined> {
  const { before } = scenario
  const stage = await ImpairedStage.open({ ...options, links: { publisher: before, subscriber: before } })
  try {
    await pause(WARM_UP_MS)
    if (!(await fullRate(stage, options.encodings))) return undefined
    const recording: Recording = { samples: [await stage.sample()], phasesMs: [], capacitiesBps: [] }
    for (const { seconds, links } of scenario.phases) {
      await stage.impair(links)
      recording.phasesMs.push(recording.samples.at(-1)!.atMs)
      recording.capacitiesBps.push(scenario.steps && links[scenario.steps]?.rateBps)
      recording.samples.push(...(await stage.during(seconds * 1_000)))
    }
    recording.phasesMs.push(recording.samples.at(-1)!.atMs)
    return recording
  } finally {
    await stage.close()
  }
}

/** Waits for it by what is sent: not every browser says what it aims at. */
async function fullRate(stage: ImpairedStage, encodings: readonly RTCRtpEncodingParameters[]): Promise<boolean> {
  const bytesOf = ({ sender }: Sample) => sender.encodings.reduce((sum, { bytes }) => sum + bytes, 0)
  const fullBps = encodings.reduce((sum, { maxBitrate = 0 }) => sum + maxBitrate, 0)
  const limitMs = performance.now() + FULL_RATE_LIMIT_MS
  for (let before = await stage.sample(); performance.now() < limitMs; ) {
    await pause(1_000)
    const now = await stage.sample()
    const sentBps = ((bytesOf(now) - bytesOf(before)) * 8_000) / (now.atMs - before.atMs)
    if (sentBps >= FULL_RATE * fullBps) return true
    before = now
  }
  return false
}
