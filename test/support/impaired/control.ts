/** What the test and the relay's process say to each other. */
import type { DirectionCounts, Impairment } from './direction.js'

export interface Endpoint {
  address: string
  port: number
}

export type Way = 'up' | 'down'

export interface DirectionFigures extends DirectionCounts {
  /** How long a packet that came now would wait. */
  queueMs: number
  /** The longest such wait since the last question. */
  queueMaxMs: number
}

export interface LinkFigures {
  up: DirectionFigures
  down: DirectionFigures
}

export interface RelayFigures {
  links: Record<string, LinkFigures>
  /** How late the relay itself was with packets, ms: what it adds to what it was told to add. */
  late: { p50Ms: number; p99Ms: number; maxMs: number }
}

export type ToRelay = { id: number } & (
  | { kind: 'open'; link: string; front: Endpoint; server: Endpoint }
  | { kind: 'impair'; link: string; way: Way; impairment: Impairment }
  | { kind: 'figures' }
)

export interface FromRelay {
  id: number
  front?: Endpoint
  figures?: RelayFigures
  error?: string
}
