/**
 * How data channels fare on networks that lose, delay, disorder and repeat packets: twenty megabytes in order and
 * without loss, and the traffic of a game: small messages at an even rate that are worth nothing when they are old.
 */
import type { ChannelParameters } from '../../../src/media/control.js'
import type { LinkConditions } from '../../../src/media/io/simulated-link.js'
import { DataPath } from './data-path.js'
import { type Bounds, type Column, percent } from './table.js'

export interface DataRow<O> extends Bounds<O> {
  name: string
  conditions: Partial<LinkConditions>
}

export interface BulkOutcome {
  /** Messages that arrived once and in their turn, and any others. */
  delivered: number
  wrong: number
  goodputMbps: number
  /** Of what the rate leaves for payload without any loss; 0 without a rate. */
  ofCapacity: number
  /** Chunks sent again, as a share of all that were needed once. */
  again: number
}

export interface GameOutcome {
  /** Share of the messages that arrived; each must be there once at most. */
  delivered: number
  wrong: number
  /** From `send` to arrival. */
  ageP50Ms: number
  ageP95Ms: number
  ageP99Ms: number
  packetsPerMessage: number
}

const BULK_BYTES = 20_000_000
const BULK_MESSAGE_BYTES = 64_000
/** The application fills up to there, as one that looks at `bufferedAmount` does. */
const BULK_QUEUE_BYTES = 1_000_000
const BULK_TIMEOUT_MS = 3_600_000
/** Payload of a full packet and its size on the wire: SCTP, DTLS, UDP, IP. */
const PAYLOAD_SHARE = 1152 / (1180 + 37 + 28)

const GAME_SECONDS = 60
const GAME_HZ = 60
const GAME_BYTES = 100

const bulk: ChannelParameters = { label: 'bulk', protocol: '', ordered: true }
const game: ChannelParameters = { label: 'game', protocol: '', ordered: false, maxRetransmits: 0 }

function bulkRow(
  name: string,
  conditions: Partial<LinkConditions>,
  atLeastMbps: number,
  most = 1,
): DataRow<BulkOutcome> {
  return {
    name,
    conditions,
    atLeast: { delivered: 1, goodputMbps: atLeastMbps },
    atMost: { delivered: 1, wrong: 0, again: most },
  }
}

const Mbps = 1_000_000

export const bulkRows: readonly DataRow<BulkOutcome>[] = [
  bulkRow('1 Mbit/s, 20 ms', { rateBps: Mbps, delayMs: 20 }, 0.85, 0.05),
  bulkRow('20 Mbit/s, 20 ms', { rateBps: 20 * Mbps, delayMs: 20 }, 16, 0.03),
  bulkRow('20 Mbit/s, 100 ms', { rateBps: 20 * Mbps, delayMs: 100 }, 13, 0.05),
  bulkRow('100 Mbit/s, 5 ms', { rateBps: 100 * Mbps, delayMs: 5 }, 75, 0.05),
  bulkRow('20 Mbit/s, 20 ms, a queue of 20 ms', { rateBps: 20 * Mbps, delayMs: 20, queueMs: 20 }, 12, 0.03),
  bulkRow('0.1 % lost, 20 ms', { loss: 0.001, delayMs: 20 }, 5, 0.003),
  bulkRow('1 % lost, 20 ms', { loss: 0.01, delayMs: 20 }, 1.8, 0.015),
  bulkRow('2 % lost, 20 ms', { loss: 0.02, delayMs: 20 }, 1.2, 0.03),
  bulkRow('5 % lost, 20 ms', { loss: 0.05, delayMs: 20 }, 0.6, 0.07),
  bulkRow('10 % lost, 20 ms', { loss: 0.1, delayMs: 20 }, 0.3, 0.15),
  bulkRow('20 % lost, 20 ms', { loss: 0.2, delayMs: 20 }, 0.08, 0.35),
  bulkRow('2 % lost, 5 in a row, 20 ms', { loss: 0.02, burst: 5, delayMs: 20 }, 1, 0.04),
  bulkRow('2 % lost, 3 in a row, 20 ms', { loss: 0.02, burst: 3, delayMs: 20 }, 1, 0.04),
  bulkRow('2 % lost, 5 ms', { loss: 0.02, delayMs: 5 }, 3, 0.03),
  bulkRow('2 % lost, 100 ms', { loss: 0.02, delayMs: 100 }, 0.25, 0.03),
  bulkRow(
    '20 Mbit/s, 20 ms, 5 % overtaken by 5 ms',
    { rateBps: 20 * Mbps, delayMs: 20, reorder: 0.05, reorderMs: 5 },
    15,
    0.04,
  ),
  bulkRow('20 Mbit/s, 20 ms, 10 ms of jitter', { rateBps: 20 * Mbps, delayMs: 20, jitterMs: 10 }, 14, 0.05),
  bulkRow('20 Mbit/s, 20 ms, 10 % twice', { rateBps: 20 * Mbps, delayMs: 20, duplicate: 0.1 }, 16, 0.05),
  bulkRow('2 % lost, 10 % twice, 20 ms', { loss: 0.02, delayMs: 20, duplicate: 0.1 }, 1.2, 0.03),
  bulkRow(
    'a bad radio link',
    {
      rateBps: 5 * Mbps,
      loss: 0.03,
      burst: 3,
      delayMs: 60,
      jitterMs: 30,
      reorder: 0.02,
      reorderMs: 15,
      duplicate: 0.01,
    },
    0.25,
    0.1,
  ),
]

/** @param lateMs how much older than the way is long 95 of 100 messages may be */
function gameRow(name: string, conditions: Partial<LinkConditions>, least: number, lateMs = 1): DataRow<GameOutcome> {
  const { loss = 0 } = conditions
  const wayMs = (conditions.delayMs ?? 1) + (conditions.jitterMs ?? 0)
  return {
    name,
    conditions,
    atLeast: { delivered: least },
    atMost: {
      delivered: 1,
      wrong: 0,
      ageP95Ms: wayMs + lateMs,
      ageP99Ms: wayMs + lateMs + 20,
      packetsPerMessage: 1.02 + loss * 0.8,
    },
  }
}

export const gameRows: readonly DataRow<GameOutcome>[] = [
  gameRow('nothing lost, 20 ms', { delayMs: 20 }, 1),
  gameRow('1 % lost, 20 ms', { loss: 0.01, delayMs: 20 }, 0.98),
  gameRow('5 % lost, 20 ms', { loss: 0.05, delayMs: 20 }, 0.935),
  gameRow('10 % lost, 20 ms', { loss: 0.1, delayMs: 20 }, 0.88, 20),
  gameRow('20 % lost, 20 ms', { loss: 0.2, delayMs: 20 }, 0.77, 100),
  gameRow('5 % lost, 5 in a row, 20 ms', { loss: 0.05, burst: 5, delayMs: 20 }, 0.92, 300),
  gameRow('5 % lost, 100 ms', { loss: 0.05, delayMs: 100 }, 0.93),
  gameRow('5 % overtaken by 30 ms', { delayMs: 20, reorder: 0.05, reorderMs: 30 }, 1, 31),
  gameRow('20 ms, 30 ms of jitter', { delayMs: 20, jitterMs: 30 }, 1),
  gameRow('10 % twice', { delayMs: 20, duplicate: 0.1 }, 1),
  gameRow('200 kbit/s, 20 ms', { rateBps: 200_000, delayMs: 20 }, 1, 10),
]

export const bulkColumns: readonly Column<BulkOutcome>[] = [
  { key: 'goodputMbps', title: 'goodput', format: (value) => `${value.toFixed(value < 10 ? 2 : 1)} Mbit/s` },
  { key: 'ofCapacity', title: 'of what the rate allows', format: (value) => (value === 0 ? '' : percent(value)) },
  { key: 'again', title: 'sent again', format: percent },
]

const ms = (value: number): string => `${value.toFixed(0)} ms`
export const gameColumns: readonly Column<GameOutcome>[] = [
  { key: 'delivered', title: 'arrived', format: percent },
  { key: 'ageP50Ms', title: 'age, median', format: ms },
  { key: 'ageP95Ms', title: '95 %', format: ms },
  { key: 'ageP99Ms', title: '99 %', format: ms },
  { key: 'packetsPerMessage', title: 'packets per message', format: (value) => value.toFixed(2) },
]

export function playBulk({ conditions }: DataRow<BulkOutcome>, seed: number): BulkOutcome {
  const path = new DataPath(seed, conditions)
  const count = Math.ceil(BULK_BYTES / BULK_MESSAGE_BYTES)
  let sent = 0
  let arrived = 0
  let wrong = 0
  path.arrived = ({ payload }) => {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    if (number === arrived && payload.length === BULK_MESSAGE_BYTES) arrived++
    else wrong++
  }
  const fill = () => {
    while (sent < count && path.bufferedBytes < BULK_QUEUE_BYTES) {
      const payload = new Uint8Array(BULK_MESSAGE_BYTES)
      new DataView(payload.buffer).setUint32(0, sent++)
      path.send(bulk, payload)
    }
    if (sent < count) path.net.schedule(path.nowMs + 5, fill)
  }
  fill()
  path.net.runUntil(() => arrived + wrong >= count || path.troubles.length > 0, BULK_TIMEOUT_MS)
  const goodputMbps = (arrived * BULK_MESSAGE_BYTES * 8) / 1000 / path.nowMs
  const { rateBps } = conditions
  return {
    delivered: arrived / count,
    wrong: wrong + path.troubles.length,
    goodputMbps,
    ofCapacity: rateBps === undefined ? 0 : (goodputMbps * Mbps) / (rateBps * PAYLOAD_SHARE),
    again: path.chunksAgain / (path.chunks - path.chunksAgain),
  }
}

export function playGame({ conditions }: DataRow<GameOutcome>, seed: number): GameOutcome {
  const path = new DataPath(seed, conditions)
  // The channel is there before the game begins.
  let open = false
  path.arrived = () => {
    open = true
  }
  const hello = () => {
    if (!open) path.send(game, new Uint8Array(1))
    if (!open) path.net.schedule(path.nowMs + 500, hello)
  }
  hello()
  path.net.runUntil(() => open)
  path.net.run({ untilMs: path.nowMs + 3000 })

  const count = GAME_SECONDS * GAME_HZ
  const sentMs: number[] = []
  const seen = new Set<number>()
  const ages: number[] = []
  let wrong = 0
  path.arrived = ({ payload, atMs }) => {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    if (seen.has(number) || payload.length !== GAME_BYTES) wrong++
    seen.add(number)
    ages.push(atMs - sentMs[number]!)
  }
  const packetsBefore = path.packets
  for (let i = 0; i < count; i++) {
    path.net.schedule(path.nowMs + (i * 1000) / GAME_HZ, () => {
      const payload = new Uint8Array(GAME_BYTES)
      new DataView(payload.buffer).setUint32(0, i)
      sentMs.push(path.nowMs)
      path.send(game, payload)
    })
  }
  path.net.run({ untilMs: path.nowMs + GAME_SECONDS * 1000 + 5000 })
  ages.sort((a, b) => a - b)
  const percentile = (share: number) => ages[Math.min(ages.length - 1, Math.floor(ages.length * share))] ?? Number.NaN
  return {
    delivered: seen.size / count,
    wrong: wrong + path.troubles.length,
    ageP50Ms: percentile(0.5),
    ageP95Ms: percentile(0.95),
    ageP99Ms: percentile(0.99),
    packetsPerMessage: (path.packets - packetsBefore) / count,
  }
}
