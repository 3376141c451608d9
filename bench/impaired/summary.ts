/** What a recording comes to: one row of the table. */
import type { EncodingFigures, Sample } from '../../test/support/impaired/stage.js'
import type { Recording } from './run.js'

export interface Summary {
  /** Time without a new picture, by the browser's own definition where it has one. */
  frozenMs: number
  freezes: number
  framesPerSecond: number
  /** Frames that were decoded, of the pictures that there were to send. */
  delivered: number
  /** Of the same, those that the publisher encoded in the size that was shown: the most that could have been delivered. */
  encoded: number
  receivedBps: number
  /** Height of the picture in most samples. */
  height: number
  /** From drawing to showing: median and nine tenths of the samples. */
  ageMs: { p50: number; p90: number }
  /** Mean time of a frame in the receiver's jitter buffer. */
  jitterBufferMs: number
  /** Longest wait at the bottleneck of the subscriber's link, or of the publisher's. */
  queueMs: number
  /** Of sound, made up by the receiver. */
  concealed: number
  /** The publisher had too little CPU for its picture in some sample: the row is worth nothing. */
  cpuLimited: boolean
  /** After capacity fell: until nothing was dropped at the bottleneck for two seconds. */
  downMs?: number
  /** After capacity rose again: until the bitrate was back at three quarters of what it had been. */
  upMs?: number
  /** Received in the second half of the thin phase, as a share of the capacity. */
  thinUse?: number
  /** Median of the longest waits before the bottleneck in that time. */
  thinQueueMs?: number
}

/** Where pictures wait. */
const waitMs = ({ relay: { links } }: Sample) =>
  Math.max(links.subscriber?.down.queueMaxMs ?? 0, links.publisher?.up.queueMaxMs ?? 0)

/** Frames that the publisher encoded in the size that was being shown: another one may be left out, or be less lively. */
function encodedAsShown(samples: readonly Sample[]): number {
  return samples.slice(1).reduce((sum, { sender, receiver }, index) => {
    const away = ({ height }: EncodingFigures) => Math.abs(height - receiver.height)
    const [shown] = sender.encodings.toSorted((a, b) => away(a) - away(b))
    const before = samples[index]!.sender.encodings.find(({ rid }) => rid === shown?.rid)
    return sum + (shown?.framesEncoded ?? 0) - (before?.framesEncoded ?? 0)
  }, 0)
}

/** Time between two samples that counts as frozen where the browser does not tell: not one frame was decoded. */
function stoodStillMs(samples: readonly Sample[]): { frozenMs: number; freezes: number } {
  let frozenMs = 0
  let freezes = 0
  let still = false
  for (const [index, { atMs, receiver }] of samples.entries()) {
    const before = samples[index - 1]
    if (!before) continue
    const moved = receiver.framesDecoded > before.receiver.framesDecoded
    if (!moved) frozenMs += atMs - before.atMs
    if (!moved && !still) freezes++
    still = !moved
  }
  return { frozenMs, freezes }
}

/** A browser counts a freeze when it ends: what stands still at the end is added. */
function frozen(samples: readonly Sample[]): { frozenMs: number; freezes: number } {
  const first = samples[0]!.receiver
  const last = samples.at(-1)!.receiver
  if (first.frozenMs === undefined || last.frozenMs === undefined) return stoodStillMs(samples)
  const moving = samples.findLastIndex(
    ({ receiver }, index) => index > 0 && receiver.framesDecoded > samples[index - 1]!.receiver.framesDecoded,
  )
  const tail = stoodStillMs(samples.slice(Math.max(0, moving)))
  return {
    frozenMs: last.frozenMs - first.frozenMs + tail.frozenMs,
    freezes: last.freezes! - first.freezes! + tail.freezes,
  }
}

const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0
}

export function summarise({ samples, phasesMs, capacitiesBps }: Recording): Summary {
  const first = samples[0]!
  const last = samples.at(-1)!
  const ms = last.atMs - first.atMs
  const sum = (of: (sample: Sample) => number) => of(last) - of(first)
  const frames = sum(({ receiver }) => receiver.framesDecoded)
  const drawn = Math.max(
    1,
    sum(({ sender }) => sender.framesDrawn),
  )
  const ages = samples.flatMap(({ receiver }) => receiver.ageMs ?? [])
  const emitted = sum(({ receiver }) => receiver.jitterBufferFrames)
  return {
    ...frozen(samples),
    framesPerSecond: (frames * 1_000) / ms,
    delivered: frames / drawn,
    encoded: encodedAsShown(samples) / drawn,
    receivedBps: (sum(({ receiver }) => receiver.bytes) * 8_000) / ms,
    height: mostFrequent(samples.map(({ receiver }) => receiver.height)),
    ageMs: { p50: quantile(ages, 0.5), p90: quantile(ages, 0.9) },
    jitterBufferMs: emitted > 0 ? sum(({ receiver }) => receiver.jitterBufferMs) / emitted : 0,
    queueMs: Math.max(...samples.map(waitMs)),
    concealed:
      sum(({ receiver }) => receiver.audioConcealed) /
      Math.max(
        1,
        sum(({ receiver }) => receiver.audioSamples),
      ),
    cpuLimited: samples.some(({ sender }) => sender.encodings.some(({ limitedBy }) => limitedBy === 'cpu')),
    ...steps(samples, phasesMs, capacitiesBps),
  }
}

/** Bit/s received up to each sample, over about a second. */
export function receivedBps(samples: readonly Sample[]): { atMs: number; bps: number }[] {
  return samples.slice(2).map((sample, index) => {
    const before = samples[index]!
    const bytes = sample.receiver.bytes - before.receiver.bytes
    return { atMs: sample.atMs, bps: (bytes * 8_000) / (sample.atMs - before.atMs) }
  })
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

function steps(
  samples: readonly Sample[],
  phasesMs: readonly number[],
  capacitiesBps: Recording['capacitiesBps'],
): Pick<Summary, 'downMs' | 'upMs' | 'thinUse' | 'thinQueueMs'> {
  const [, thinMs, wideMs] = phasesMs
  const thinBps = capacitiesBps[1]
  if (thinBps === undefined || thinMs === undefined || wideMs === undefined) return {}
  const rates = receivedBps(samples)
  const between = (fromMs: number, toMs: number) => rates.filter(({ atMs }) => atMs > fromMs && atMs <= toMs)
  const before = mean(between(thinMs - 3_000, thinMs).map(({ bps }) => bps))
  const halfMs = (thinMs + wideMs) / 2
  const thin = samples.filter(({ atMs }) => atMs > thinMs && atMs <= wideMs)
  const overflown = ({ relay }: Sample) =>
    Object.values(relay.links).reduce((sum, { up, down }) => sum + up.overflow + down.overflow, 0)
  const quiet = thin.find(({ atMs }, index) => {
    const later = thin.findLast((sample) => sample.atMs <= atMs + 2_000)!
    return later.atMs > atMs + 1_000 && overflown(later) === overflown(thin[index]!)
  })
  // Of a publisher that had sent no more than the thin link takes nobody can say when it was back.
  const rising = before > 1.5 * thinBps ? between(wideMs, Number.POSITIVE_INFINITY) : []
  const back = rising.find(({ bps }) => bps > 0.75 * before)
  return {
    ...(quiet && { downMs: quiet.atMs - thinMs }),
    ...(back && { upMs: back.atMs - wideMs }),
    thinUse: mean(between(halfMs, wideMs).map(({ bps }) => bps)) / thinBps,
    thinQueueMs: quantile(thin.filter(({ atMs }) => atMs > halfMs).map(waitMs), 0.5),
  }
}
