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

/** Sent before measuring, the same to both: compiling and tidying up after the start is not what is asked about. */
export const WARM_UP_SECONDS = 10
