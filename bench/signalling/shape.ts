/** What the processes of this benchmark tell each other. */
import type { Latencies } from '../../src/load/latency.js'

/** Clients that join, and what they say afterwards. */
export interface Shape {
  rooms: number
  clientsPerRoom: number
  /** Messages per second of all clients together; each goes to everybody else in the sender's room. */
  messagesPerSecond: number
  seconds: number
}

/** How to be a client of a server: which plugin, and what its messages look like. */
export interface Dialect {
  readonly name: 'rostra' | 'janus'
  readonly url: string
}

export interface StormResult {
  /** From the first connection to the last join that was answered. */
  readonly allJoinedMs: number
  /** From a request to its reply (`join`: to the plugin's), by request. */
  readonly replies: Record<'create' | 'attach' | 'join', Latencies>
  /** Pushes that came with it: one to everybody in the room when somebody joins. */
  readonly pushes: number
}

export interface LoadResult {
  readonly sent: number
  readonly deliveries: number
  readonly expected: number
  /** From the start of sending to the last delivery. */
  readonly elapsedMs: number
  /** From sending a message to each of its deliveries. */
  readonly delivery: Latencies
  /** From sending a message to the plugin's reply to its sender. */
  readonly reply: Latencies
  /** Deliveries to one socket by those that it should have had: the worst and the best off. */
  readonly leastServed: number
  readonly mostServed: number
  /** CPU of the clients' process by time that passed: near 1 it is the clients that are measured. */
  readonly clientCpu: number
}

export type ToClients =
  | { readonly kind: 'storm'; readonly dialect: Dialect; readonly shape: Shape }
  | { readonly kind: 'load'; readonly messagesPerSecond: number; readonly seconds: number }
  | { readonly kind: 'end' }

export type FromClients =
  | { readonly kind: 'ready' }
  | { readonly kind: 'storm'; readonly result: StormResult }
  | { readonly kind: 'load'; readonly result: LoadResult }
