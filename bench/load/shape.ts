/** What is sent in one measurement. */
export interface Shape {
  subscribers: number
  packetsPerSecond: number
  /** Bytes of RTP payload. */
  payloadBytes: number
  seconds: number
}

export interface Result {
  /** CPU of the whole server per packet that reached a receiver, µs. */
  microsecondsPerForward: number
  forwards: number
  /** Share of what should have arrived, 1 = everything. */
  delivered: number
}
