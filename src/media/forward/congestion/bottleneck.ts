/**
 * The link to one client, which all its connections share: one rate for all of them. Each connection sees the queue
 * by the delay of its own packets; what came through and what was lost is summed up.
 */
import { AimdRate, type RateBounds } from './aimd-rate.js'
import { Allocator, type Allotment, wantedBps } from './allocation.js'
import type { Flow } from './flow.js'
import { LossRate } from './loss-rate.js'
import type { Usage } from './overuse-detector.js'
import type { ProbeResult } from './probe-estimator.js'
import { PROBE_TICK_MS, Prober } from './prober.js'
import { RembTrend } from './remb-trend.js'

export const bounds: Readonly<RateBounds> = { startBps: 500_000, minBps: 40_000, maxBps: 100_000_000 }

/** Flows that carry less than this share of what came through do not say alone that the link is used too much. */
const MIN_SHARE = 1 / 3
/** The link counts as full for so long after it was seen to be. */
const LIMITED_MS = 10_000
/** Not seen to be full for so long, it holds what is being sent, if it does not lose more than that of it at any rate. */
const CALM_MS = 1000
const CALM_LOSS = 0.05
/** Without feedback for so long, although packets went out: what went out was too much, or the link is gone. */
const SILENCE_MS = 1500
const SILENCE_STEP_MS = 1000
/** An estimate of a peer that is below what is sent: it fell so shortly ago, or does not rise for so long. */
const REMB_FELL_MS = 2000
const REMB_RISES_MS = 4000
/** Rates of sending are measured over so long. */
const MEASURE_MS = 500
/** Share of what comes through: a probe that measured less, or a loss that wants less, is wrong. */
const KEPT = 0.85
/** Share of the estimate: who sends less learns from a queue only that somebody else sends more. */
const SPARSE = 0.5
/** A queue that nobody is bothered by: frames of others, or of our own. */
const SHORT_QUEUE_MS = 60
/** Targets are looked at no more often than this; when the estimate fell, than that: peers may say so in every packet. */
const ALLOCATE_MS = 200
const ALLOCATE_FALLEN_MS = 20
const IDLE_TICK_MS = 500

/** A connection of the client, and what it can send. */
export interface Member {
  /** Its transport of the io, which names it. */
  readonly transport: number
  readonly flow: Flow
  /** Video streams that want a share. */
  readonly allotments: readonly Allotment[]
  /** Whether it can send packets that carry nothing new: RTX and transport-wide numbers were negotiated. */
  readonly probes: boolean
  /** Sent on the wire ever, media without retransmissions; and of that, audio. */
  readonly sentBytes: number
  readonly audioBytes: number
  /** Sends about `bytes` of such packets, at least one. @returns whether it could */
  probe(bytes: number, nowMs: number): boolean
  /** Brings the ladders of its `allotments` up to date. */
  refresh(nowMs: number): void
  /** The levels of its `allotments`, or the estimate, changed. */
  allocated(nowMs: number): void
}

const rethrow = (_: Member, error: unknown) => {
  throw error
}

export class Bottleneck {
  readonly #members: Member[] = []
  readonly #delay = new AimdRate(bounds)
  readonly #loss = new LossRate(bounds)
  readonly #rembTrend = new RembTrend()
  readonly prober: Prober
  readonly #allocator = new Allocator()
  #probing: Member | null = null
  #fullMs = Number.NEGATIVE_INFINITY
  #silenceMs = Number.NEGATIVE_INFINITY
  /** When no more was sent than the peers' own estimates, last. */
  #withinRembMs = Number.NEGATIVE_INFINITY
  #sentBytes = 0
  #sentBps = 0
  /** The measurement before: one alone may have had a keyframe in it. */
  #sentBeforeBps = 0
  #audioBytes = 0
  #audioBps = 0
  #measuredMs = Number.NEGATIVE_INFINITY
  #allocatedMs = Number.NEGATIVE_INFINITY
  #estimateBps = bounds.startBps
  /** Since targets were looked at. */
  #fell = false
  /** What of the estimate nobody was given; negative when it is not enough. */
  spareBps = 0
  readonly #lossCounts = { received: 0, lost: 0 }
  readonly #failed: (member: Member, error: unknown) => void

  /** @param random uint32: when to probe @param failed a bug of ours in what was done for one member; the others' is done */
  constructor(random: () => number = () => 0, failed: (member: Member, error: unknown) => void = rethrow) {
    this.prober = new Prober(random)
    this.#failed = failed
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** What the link holds, as far as is known. */
  get estimateBps(): number {
    return this.#estimateBps
  }

  /** Shares of 0…1: lost lately, and what of it the link loses at any rate. */
  get loss(): Pick<LossRate, 'share' | 'ownShare'> {
    return this.#loss
  }

  /** For audio of all connections, measured. */
  get audioBps(): number {
    return this.#audioBps
  }

  /** Whether the link was seen to be full lately. If not, the estimate only says what has been tried. */
  limited(nowMs: number): boolean {
    return nowMs - this.#seenFullMs < LIMITED_MS
  }

  get #seenFullMs(): number {
    return Math.max(this.#delay.reducedMs, this.#loss.reducedMs, this.#fullMs)
  }

  /** Whether all that is sent seems to come through. A short queue that overflows all the time looks like loss of the link's own. */
  #isCalm(nowMs: number): boolean {
    if (nowMs - this.#seenFullMs < CALM_MS || this.#loss.ownShare > CALM_LOSS || this.usage(nowMs) === 'over')
      return false
    return !(this.#rembBps(nowMs) < Math.min(this.#sentBps, this.#sentBeforeBps))
  }

  /** Whether anything is known that targets can be chosen by. */
  get informed(): boolean {
    return this.#members.some(({ flow }) => flow.informed)
  }

  /** Whether nothing was sent lately. */
  get idle(): boolean {
    return this.#sentBps === 0
  }

  /** A connection of the client joins: it shares the link from now on. */
  add(member: Member): void {
    this.#members.push(member)
  }

  /** A connection has ended, or says nothing of its link any more. A probe that it carries is given up. */
  remove(member: Member, nowMs: number): void {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    // The sum of the others is less, and did not fall.
    this.#rembTrend.take(Number.NaN, nowMs)
    member.flow.cluster = null
    if (this.#probing !== member) return
    this.#endCluster()
    this.#probing = null
    this.prober.abandon(nowMs)
  }

  usage(nowMs: number): Usage {
    let total = 0
    let over = 0
    let under = 0
    for (const { flow } of this.#members) {
      // A flow of which little is known still counts a little.
      const weight = (flow.acknowledgedBps(nowMs) || 0) + 1
      const usage = flow.usage(nowMs)
      total += weight
      if (usage === 'over') over += weight
      else if (usage === 'under') under += weight
    }
    if (over > 0 && over >= total * MIN_SHARE) return 'over'
    return under > 0 && under >= total * MIN_SHARE ? 'under' : 'normal'
  }

  /** What came through of all flows lately; NaN = not known. */
  acknowledgedBps(nowMs: number): number {
    let sum = Number.NaN
    for (const { flow } of this.#members) {
      const bps = flow.acknowledgedBps(nowMs)
      if (!Number.isNaN(bps)) sum = (Number.isNaN(sum) ? 0 : sum) + bps
    }
    return sum
  }

  /** Whether so little is sent that a queue is hardly ours. */
  get #sparse(): boolean {
    return this.#sentBps < this.#estimateBps * SPARSE
  }

  /** How long packets wait in the queue of the connection where they wait longest. */
  get #queueMs(): number {
    return this.#members.reduce((most, { flow }) => Math.max(most, flow.queueMs), 0)
  }

  /** `usage`; but bursts of others that make a short queue, while little of ours is on its way, are not our affair. */
  #ownUsage(nowMs: number): Usage {
    const usage = this.usage(nowMs)
    return usage === 'over' && this.#sparse && this.#queueMs < SHORT_QUEUE_MS ? 'under' : usage
  }

  /**
   * What the link let through as it was used too much; NaN = not known. On average less may have been sent than it
   * holds: then what came through while packets waited says more, and of several connections that of one burst.
   */
  #throughputBps(nowMs: number): number {
    let sum = Number.NaN
    let most = 0
    for (const { flow } of this.#members) {
      const bps = flow.acknowledgedBps(nowMs)
      if (Number.isNaN(bps)) continue
      sum = (Number.isNaN(sum) ? 0 : sum) + bps
      most = Math.max(most, (flow.busyBps(nowMs) || 0) - bps)
    }
    if (this.#sparse) return Math.max(sum, this.#estimateBps)
    // What comes through all the same need not become less.
    return this.#queueMs < SHORT_QUEUE_MS ? Math.max(sum + most, sum / KEPT) : sum + most
  }

  /** The peer of `member` says what it holds the link for. */
  remb(member: Member, bps: number, nowMs: number): void {
    member.flow.remb(bps, nowMs)
    this.#noticeRemb(nowMs)
    this.#settle(nowMs)
  }

  /** `member.flow` took feedback or reports. */
  update(member: Member, nowMs: number): void {
    this.#lossCounts.received = this.#lossCounts.lost = 0
    member.flow.takeLoss(this.#lossCounts)
    const acknowledgedBps = this.acknowledgedBps(nowMs)
    const floorBps = KEPT * (acknowledgedBps || 0)
    this.#loss.add(this.#lossCounts.received, this.#lossCounts.lost, this.#estimateBps, nowMs, floorBps)
    const usage = this.#ownUsage(nowMs)
    if (usage === 'over') this.prober.holdOff(nowMs)
    this.#delay.update(usage, usage === 'over' ? this.#throughputBps(nowMs) : acknowledgedBps, member.flow.rttMs, nowMs)
    if (this.#probing === member) this.#takeProbe(usage, nowMs)
    this.#settle(nowMs)
  }

  /** Sends what is due of a probe, and looks whether anything changed. @returns when to call again */
  tick(nowMs: number): number {
    this.#measure(nowMs)
    this.#noticeSilence(nowMs)
    this.#noticeRemb(nowMs)
    if (this.prober.state === 'waiting' && this.prober.overdue(this.#probing?.flow.rttMs ?? 0, nowMs)) {
      this.#finishProbe(null, nowMs)
    }
    this.#settle(nowMs)
    this.#beginProbe(nowMs)
    this.#sendProbe(nowMs)
    return this.prober.state === 'sending' ? nowMs + PROBE_TICK_MS : nowMs + IDLE_TICK_MS
  }

  // ---- the estimate

  #settle(nowMs: number): void {
    const before = this.#estimateBps
    this.#estimateBps = this.#combined(nowMs)
    this.#fell ||= this.#estimateBps < before
    if (nowMs - this.#allocatedMs < (this.#fell ? ALLOCATE_FALLEN_MS : ALLOCATE_MS) || !this.informed) return
    this.#fell = false
    this.#allocatedMs = nowMs
    this.#forEach((member) => member.refresh(nowMs))
    const budget = {
      bps: Math.max(0, this.#estimateBps - this.#audioBps),
      limited: this.limited(nowMs),
      calm: this.#isCalm(nowMs),
      tries: !this.#members.some(({ probes }) => probes),
    }
    const allotments = this.#allotments()
    this.#allocator.allocate(allotments, budget, nowMs)
    this.spareBps = allotments.reduce((spare, { rateBps }) => spare - rateBps, budget.bps)
    this.#forEach((member) => member.allocated(nowMs))
  }

  #forEach(work: (member: Member) => void): void {
    for (const member of this.#members) this.#contained(member, () => work(member))
  }

  /** @returns what `work` does, undefined when it threw: that ends `member` */
  #contained<T>(member: Member, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#failed(member, error)
      return undefined
    }
  }

  /** The least of what delay, loss and the peers' own estimates allow. */
  #combined(nowMs: number): number {
    const rembBps = this.#rembBps(nowMs)
    const heard = this.#members.some(({ flow }) => flow.feedbackMs !== Number.NEGATIVE_INFINITY)
    // The rate that follows the delay means something only with feedback, or while nobody says anything.
    const delayBps = heard || Number.isNaN(rembBps) ? this.#delay.rateBps : Number.POSITIVE_INFINITY
    const ours = Math.min(delayBps, this.#loss.rateBps)
    return Number.isNaN(rembBps) ? ours : Math.max(bounds.minBps, Math.min(ours, rembBps))
  }

  /** Sum of the peers' own estimates; NaN when one has none. */
  #rembBps(nowMs: number): number {
    return this.#members.reduce((sum, { flow }) => sum + flow.rembBps(nowMs), 0)
  }

  /**
   * A peer that estimates by itself can only see what it gets: after a step up its estimate is below what is sent, and
   * rises. When it does not, or falls, no more than that comes through.
   */
  #noticeRemb(nowMs: number): void {
    const bps = this.#rembBps(nowMs)
    this.#rembTrend.take(bps, nowMs)
    if (!(bps < Math.min(this.#sentBps, this.#sentBeforeBps))) {
      this.#withinRembMs = nowMs
      return
    }
    const risesMs = Math.max(this.#withinRembMs, this.#rembTrend.roseMs)
    const fell = nowMs - this.#rembTrend.fellMs < REMB_FELL_MS
    if (fell || nowMs - risesMs >= REMB_RISES_MS) this.#fullMs = nowMs
  }

  #noticeSilence(nowMs: number): void {
    if (nowMs - this.#silenceMs < SILENCE_STEP_MS) return
    for (const { flow } of this.#members) {
      if (flow.feedbackMs === Number.NEGATIVE_INFINITY) continue
      if (nowMs - flow.feedbackMs < SILENCE_MS + flow.rttMs) continue
      // Nothing was sent that could be told of.
      if (flow.sent.newestMs < Math.max(nowMs - SILENCE_STEP_MS, flow.feedbackMs)) continue
      this.#silenceMs = nowMs
      this.#delay.update('over', Number.NaN, 0, nowMs)
      return
    }
  }

  #measure(nowMs: number): void {
    const elapsedMs = nowMs - this.#measuredMs
    if (elapsedMs < MEASURE_MS) return
    let sent = 0
    let audio = 0
    for (const member of this.#members) {
      sent += member.sentBytes
      audio += member.audioBytes
    }
    // A member that left takes its bytes along.
    this.#sentBeforeBps = this.#sentBps
    this.#sentBps = Math.max(0, ((sent - this.#sentBytes) * 8000) / elapsedMs)
    this.#audioBps = Math.max(0, ((audio - this.#audioBytes) * 8000) / elapsedMs)
    this.#sentBytes = sent
    this.#audioBytes = audio
    this.#measuredMs = nowMs
  }

  #allotments(): readonly Allotment[] {
    const [only] = this.#members
    return this.#members.length === 1 ? only!.allotments : this.#members.flatMap(({ allotments }) => allotments)
  }

  // ---- probing

  #beginProbe(nowMs: number): void {
    const wanted = wantedBps(this.#allotments()) + this.#audioBps
    const totalBps = this.prober.plan(this.#estimateBps, wanted, nowMs)
    if (totalBps === 0 || this.usage(nowMs) !== 'normal') return
    const member = this.#members.find(({ probes, flow }) => probes && flow.answers(nowMs))
    if (member === undefined) return
    this.#probing = member
    this.prober.begin(totalBps, nowMs)
    for (const { flow } of this.#members) flow.cluster = this.prober.beside
    member.flow.cluster = this.prober.cluster
  }

  #sendProbe(nowMs: number): void {
    const member = this.#probing
    if (member === null || this.prober.state !== 'sending') return
    // Media that went out meanwhile is part of the cluster.
    const owed = this.prober.owed(nowMs)
    if (owed > 0 && !this.#contained(member, () => member.probe(owed, nowMs))) {
      this.#endCluster()
      this.#probing = null
      this.prober.abandon(nowMs)
    } else if (this.prober.complete(nowMs)) this.#endCluster()
  }

  #endCluster(): void {
    for (const { flow } of this.#members) flow.cluster = null
  }

  #takeProbe(usage: Usage, nowMs: number): void {
    if (this.prober.state !== 'waiting') return
    const result = this.#probing!.flow.probes.result(this.prober.cluster, this.#loss.ownShare)
    if (result === null) return
    // Packets of the other connections stood in the same queue.
    const { cluster, beside } = this.prober
    const bps = (result.bps * (cluster.bytes + beside.bytes)) / cluster.bytes
    if (result.full) this.#fullMs = nowMs
    if (usage !== 'over' && bps > this.#estimateBps) {
      this.#delay.set(bps, nowMs)
      this.#loss.atLeast(bps)
    } else if (result.full && bps < this.#estimateBps) {
      // More than that was believed; what does come through is no less.
      this.#delay.set(Math.max(bps, KEPT * (this.acknowledgedBps(nowMs) || 0)), nowMs)
    }
    // Under overuse a good result is no reason to go on: a peer that lies could have padding sent for ever.
    this.#finishProbe({ bps, full: result.full || usage === 'over' }, nowMs)
  }

  #finishProbe(result: ProbeResult | null, nowMs: number): void {
    this.prober.finish(result, nowMs)
    this.#probing = null
  }
}
