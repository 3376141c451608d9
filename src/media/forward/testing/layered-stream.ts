/** A publisher of one layered encoding and its subscriber, for tests. */
import assert from 'node:assert/strict'
import type { ReceiveStream, SendStream } from '../../control.js'
import { writeNack } from '../../rtp/rtcp/index.js'
import type { Peer } from '../router.js'
import type { SentRtp } from './recording-io.js'
import { Scene, sendVideo, VIDEO_SSRC, videoStream } from './scene.js'

/** Asserts that numbers go on without a gap. */
export function gapless(sent: SentRtp[]): void {
  for (let i = 1; i < sent.length; i++) assert.equal(sent[i]!.extSeq, sent[i - 1]!.extSeq + 1)
}

/** `peer` asks for these packets of its stream again. */
export function nack(scene: Scene, peer: Peer, ...extSeqs: number[]): void {
  const bytes = new Uint8Array(200)
  const seqs = extSeqs.map((extSeq) => extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 99, 20, seqs)))
}

export class Stream {
  readonly scene = new Scene()
  readonly publisher: Peer
  readonly peer: Peer
  seq = 1000
  timestamp = 0

  constructor(change: Partial<ReceiveStream> = {}, subscriber: Partial<SendStream> = {}) {
    this.publisher = this.scene.publisher([{ ...videoStream, ...change }])
    this.peer = this.scene.subscriber(this.publisher, [sendVideo(20, subscriber)])
  }

  packet(payload: Uint8Array, change: object = {}) {
    const { seq, timestamp } = this
    this.seq = (seq + 1) & 0xffff
    return { pt: 96, seq, timestamp, ssrc: VIDEO_SSRC, extensions: { 4: '1' }, payload, ...change }
  }

  send(payload: Uint8Array, change: object = {}): void {
    this.scene.rtp(this.publisher, this.packet(payload, change))
  }

  target(spatial: number, temporal: number): void {
    this.peer.feeds[0]!.subscription.setTarget({ spatial, temporal }, this.scene.nowMs)
  }

  next(): void {
    this.timestamp += 3000
    this.scene.advance(33)
  }

  plis(): number {
    return this.scene.said().flatMap(({ keyframes }) => keyframes).length
  }
}

/** A packet in the two-byte form of RFC 8285: structures are longer than 16 bytes. */
export function wide(
  packet: { pt: number; seq: number; timestamp: number; ssrc: number; payload: Uint8Array } & object,
): Uint8Array {
  const { marker, extensions } = packet as unknown as {
    marker: boolean
    extensions: Record<number, Uint8Array | string>
  }
  const elements: number[] = []
  for (const [id, value] of Object.entries(extensions)) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    elements.push(Number(id), bytes.length, ...bytes)
  }
  while (elements.length % 4 !== 0) elements.push(0)
  const head = Buffer.alloc(16)
  head[0] = 0x90
  head[1] = packet.pt | (marker ? 0x80 : 0)
  head.writeUInt16BE(packet.seq, 2)
  head.writeUInt32BE(packet.timestamp, 4)
  head.writeUInt32BE(packet.ssrc, 8)
  head.writeUInt16BE(0x1000, 12)
  head.writeUInt16BE(elements.length / 4, 14)
  return Uint8Array.from([...head, ...elements, ...packet.payload])
}
