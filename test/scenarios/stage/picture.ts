/**
 * What a browser does with the video it gets, as far as the server can tell: it puts packets in order, asks again
 * for those that are missing, decodes frames whose predecessors it has, and asks for a keyframe when it is stuck.
 */
import { ReceptionStatistics } from '../../../src/media/forward/reception.js'
import type { ReceivedRtp } from '../../../src/media/io/simulated-peer.js'
import { nearest } from '../../../src/media/io/simulated-srtp.js'
import { newReportBlock, type ReportBlock, type SenderReport } from '../../../src/media/rtp/rtcp/index.js'
import type { Client } from './client.js'
import { type FramePart, readPart } from './frames.js'
import { nackPacket, pliPacket } from './rtcp.js'

export interface Picture {
  /** Number that the publisher gave the frame. */
  frame: number
  publisher: number
  keyframe: boolean
  atMs: number
}

const TICK_MS = 10
/** A receiver that nobody told how long a round trip is. */
const NACK_AGAIN_MS = 80
/** What a jitter buffer lets a frame wait for the ones before it, when decoding could begin anew with it. */
const KEYFRAME_WAIT_MS = 400
const GIVE_UP_MS = 1500
/** As long as Chromium waits for a frame. */
const MAX_GIVE_UP_MS = 3000
/** Parts of the first frame that come behind later ones. */
const FIRST_PARTS_MS = 100
const PLI_INTERVAL_MS = 500
const OUR_SSRC = 1

interface Hole {
  sinceMs: number
  dueMs: number
}

export class VideoReceiver {
  readonly ssrc: number
  /** Decoded frames, in order. */
  readonly frames: Picture[] = []
  /** Numbers of the media SSRC, repaired ones included, in the order of arrival. */
  readonly extSeqs: number[] = []
  /** Packets that came more than once, and of those the ones that came on the media SSRC again. */
  duplicates = 0
  mediaDuplicates = 0
  /** Packets that came on the media SSRC, and as RTX. */
  packets = 0
  rtxPackets = 0
  /** Sequence numbers that were asked for. */
  nacked = 0
  /** Times it went on with a keyframe instead of waiting for what was missing before. */
  jumps = 0
  /** Keyframes that were asked for. */
  plis = 0
  #client: Client
  #nacks: boolean
  #nackAgainMs: number
  #giveUpMs: number
  #seen = new Set<number>()
  #mediaSeen = new Set<number>()
  /** First packet of the newest keyframe. */
  #keyframeAt = -1
  /** First packet of the last keyframe that was jumped to. */
  #beganAt = -1
  #reception: ReceptionStatistics | undefined
  #waiting = new Map<number, FramePart>()
  #holes = new Map<number, Hole>()
  #next = -1
  #highest = -1
  #assembling = { frame: -1, parts: 0 }
  #last = { frame: -1, publisher: -1 }
  #awaitsKeyframe = true
  #lastPliMs = Number.NEGATIVE_INFINITY
  #ticking = false

  /** @param rttMs to the server, if it was measured: nothing is asked for twice in it */
  constructor(client: Client, ssrc: number, nacks: boolean, rttMs?: number) {
    this.#client = client
    this.#nackAgainMs = rttMs === undefined ? NACK_AGAIN_MS : Math.max(40, rttMs + 20)
    this.#giveUpMs = Math.min(MAX_GIVE_UP_MS, Math.max(GIVE_UP_MS, 6 * this.#nackAgainMs))
    this.ssrc = ssrc
    this.#nacks = nacks
  }

  get rtxSsrc(): number {
    return this.ssrc + 1
  }

  /**
   * Numbers that never came, from the first packet on, or from the last keyframe that was jumped to: 0 when the server left
   * no gap.
   */
  get missing(): number {
    if (this.extSeqs.length === 0) return 0
    const first = Math.max(this.extSeqs[0]!, this.#beganAt)
    let came = 0
    for (const extSeq of this.#seen) if (extSeq >= first) came++
    return this.#highest - first + 1 - came
  }

  media(packet: ReceivedRtp): void {
    this.packets++
    if (this.#mediaSeen.has(packet.extSeq)) this.mediaDuplicates++
    this.#mediaSeen.add(packet.extSeq)
    this.#reception ??= new ReceptionStatistics(this.ssrc, 90_000, packet.extSeq)
    this.#reception.received(packet.extSeq, packet.timestamp, packet.atMs)
    this.#take(packet.extSeq, readPart(packet.payload), packet.atMs)
  }

  /** RFC 4588 §4: the original's number, then its payload. */
  rtx({ payload, atMs }: ReceivedRtp): void {
    this.rtxPackets++
    if (this.#highest < 0) return
    const osn = (payload[0]! << 8) | payload[1]!
    this.#take(nearest(this.#highest, osn), readPart(payload.subarray(2)), atMs)
  }

  /** A sender report of the stream came. */
  senderReport(report: SenderReport): void {
    const middle = ((report.ntpSeconds & 0xffff) * 0x10000 + (report.ntpFraction >>> 16)) >>> 0
    this.#reception?.senderReport(middle, this.#client.stage.nowMs)
  }

  /** What to report about the stream, nothing before it came. */
  report(): ReportBlock[] {
    const block = newReportBlock()
    this.#reception?.report(block, this.#client.stage.nowMs)
    return this.#reception ? [block] : []
  }

  askForKeyframe(): void {
    this.plis++
    this.#lastPliMs = this.#client.stage.nowMs
    if (this.#client.peer.connected) this.#client.peer.sendRtcp(pliPacket(OUR_SSRC, this.ssrc))
  }

  #take(extSeq: number, part: FramePart, atMs: number): void {
    if (this.#seen.has(extSeq)) {
      this.duplicates++
      return
    }
    this.#seen.add(extSeq)
    this.extSeqs.push(extSeq)
    this.#holes.delete(extSeq)
    if (this.#highest < 0) {
      this.#next = extSeq - part.part
      this.#highest = extSeq
      // Nobody asks again for what was before the first packet.
      for (let i = this.#next; i < extSeq; i++) {
        this.#holes.set(i, { sinceMs: atMs + FIRST_PARTS_MS - this.#giveUpMs, dueMs: Number.POSITIVE_INFINITY })
      }
    }
    for (let i = this.#highest + 1; i < extSeq; i++) this.#holes.set(i, { sinceMs: atMs, dueMs: atMs + TICK_MS })
    this.#highest = Math.max(this.#highest, extSeq)
    if (extSeq < this.#next) return
    this.#waiting.set(extSeq, part)
    if (part.keyframe && part.part === 0) this.#keyframeAt = Math.max(extSeq, this.#keyframeAt)
    this.#assemble(atMs)
    this.#wake()
  }

  #assemble(atMs: number): void {
    for (let part = this.#waiting.get(this.#next); part; part = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next++)
      const assembling = this.#assembling
      if (part.part === 0) this.#assembling = { frame: part.frame, parts: 1 }
      else if (assembling.frame === part.frame && assembling.parts === part.part) assembling.parts++
      else this.#assembling = { frame: -1, parts: 0 }
      if (this.#assembling.parts === part.parts) this.#decode(part, atMs)
    }
  }

  #decode({ frame, publisher, keyframe }: FramePart, atMs: number): void {
    const follows = frame === this.#last.frame + 1 && publisher === this.#last.publisher
    if (!keyframe && (this.#awaitsKeyframe || !follows)) {
      this.#awaitsKeyframe = true
      return
    }
    this.#awaitsKeyframe = false
    this.#last = { frame, publisher }
    this.frames.push({ frame, publisher, keyframe, atMs })
  }

  #wake(): void {
    if (this.#ticking || (this.#holes.size === 0 && !this.#awaitsKeyframe)) return
    this.#ticking = true
    const { net } = this.#client.stage
    net.schedule(net.nowMs + TICK_MS, () => {
      this.#ticking = false
      if (!this.#client.peer.connected) return
      this.#tick(net.nowMs)
      this.#wake()
    })
  }

  #tick(nowMs: number): void {
    const due: number[] = []
    for (const [extSeq, hole] of this.#holes) {
      if (nowMs - hole.sinceMs >= this.#giveUpMs) this.#giveUp(extSeq, nowMs)
      else if (nowMs >= hole.dueMs) {
        due.push(extSeq)
        hole.dueMs = nowMs + this.#nackAgainMs
      }
    }
    this.#jump(nowMs)
    if (this.#nacks && due.length > 0) {
      due.sort((a, b) => a - b)
      this.nacked += due.length
      const seqs = due.map((extSeq) => extSeq % 0x10000)
      this.#client.peer.sendRtcp(nackPacket(OUR_SSRC, this.ssrc, seqs))
    }
    if (this.#awaitsKeyframe && nowMs - this.#lastPliMs >= PLI_INTERVAL_MS) this.askForKeyframe()
  }

  /** Goes on with a whole keyframe when what is missing before it does not come. */
  #jump(nowMs: number): void {
    const at = this.#keyframeAt
    const parts = this.#waiting.get(at)?.parts
    const hole = this.#holes.get(this.#next)
    if (at <= this.#next || parts === undefined || (hole && nowMs - hole.sinceMs < KEYFRAME_WAIT_MS)) return
    for (let i = 0; i < parts; i++) if (!this.#waiting.has(at + i)) return
    for (let i = this.#next; i < at; i++) {
      this.#waiting.delete(i)
      this.#holes.delete(i)
    }
    this.#next = at
    this.#beganAt = at
    this.jumps++
    this.#assemble(nowMs)
  }

  /** The packet will not come: what depends on it is lost. */
  #giveUp(extSeq: number, nowMs: number): void {
    this.#holes.delete(extSeq)
    if (extSeq < this.#next) return
    for (let i = this.#next; i <= extSeq; i++) this.#waiting.delete(i)
    this.#next = extSeq + 1
    this.#assembling = { frame: -1, parts: 0 }
    this.#awaitsKeyframe = true
    this.#assemble(nowMs)
  }
}
