/**
 * What a browser does with the video it gets, as far as the server can tell: it puts packets in order, asks again
 * for those that are missing, decodes frames whose predecessors it has, and asks for a keyframe when it is stuck.
 */
import type { ReceivedRtp } from '../../../src/media/io/simulated-peer.js'
import { nearest } from '../../../src/media/io/simulated-srtp.js'
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
const NACK_AGAIN_MS = 80
const GIVE_UP_MS = 1500
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
  /** Packets that came more than once. */
  duplicates = 0
  /** Sequence numbers that were asked for. */
  nacked = 0
  /** Keyframes that were asked for. */
  plis = 0
  #client: Client
  #nacks: boolean
  #seen = new Set<number>()
  #waiting = new Map<number, FramePart>()
  #holes = new Map<number, Hole>()
  #next = -1
  #highest = -1
  #assembling = { frame: -1, parts: 0 }
  #last = { frame: -1, publisher: -1 }
  #awaitsKeyframe = true
  #lastPliMs = Number.NEGATIVE_INFINITY
  #ticking = false

  constructor(client: Client, ssrc: number, nacks: boolean) {
    this.#client = client
    this.ssrc = ssrc
    this.#nacks = nacks
  }

  get rtxSsrc(): number {
    return this.ssrc + 1
  }

  /** Numbers from the first packet on that never came: 0 when the server left no gap. What came before it is not asked for. */
  get missing(): number {
    const first = this.extSeqs[0]
    if (first === undefined) return 0
    let came = 0
    for (const extSeq of this.#seen) if (extSeq >= first) came++
    return this.#highest - first + 1 - came
  }

  media(packet: ReceivedRtp): void {
    this.#take(packet.extSeq, readPart(packet.payload), packet.atMs)
  }

  /** RFC 4588 §4: the original's number, then its payload. */
  rtx({ payload, atMs }: ReceivedRtp): void {
    if (this.#highest < 0) return
    const osn = (payload[0]! << 8) | payload[1]!
    this.#take(nearest(this.#highest, osn), readPart(payload.subarray(2)), atMs)
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
        this.#holes.set(i, { sinceMs: atMs + FIRST_PARTS_MS - GIVE_UP_MS, dueMs: Number.POSITIVE_INFINITY })
      }
    }
    for (let i = this.#highest + 1; i < extSeq; i++) this.#holes.set(i, { sinceMs: atMs, dueMs: atMs + TICK_MS })
    this.#highest = Math.max(this.#highest, extSeq)
    if (extSeq < this.#next) return
    this.#waiting.set(extSeq, part)
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
      if (nowMs - hole.sinceMs >= GIVE_UP_MS) this.#giveUp(extSeq, nowMs)
      else if (nowMs >= hole.dueMs) {
        due.push(extSeq)
        hole.dueMs = nowMs + NACK_AGAIN_MS
      }
    }
    if (this.#nacks && due.length > 0) {
      due.sort((a, b) => a - b)
      this.nacked += due.length
      const seqs = due.map((extSeq) => extSeq % 0x10000)
      this.#client.peer.sendRtcp(nackPacket(OUR_SSRC, this.ssrc, seqs))
    }
    if (this.#awaitsKeyframe && nowMs - this.#lastPliMs >= PLI_INTERVAL_MS) this.askForKeyframe()
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
