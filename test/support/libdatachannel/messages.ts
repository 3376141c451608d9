/** What a test and the process of its libdatachannel peer tell each other, over the channel of `fork`. */
import type { DataChannelInitConfig } from 'node-datachannel'

export type Order =
  | { kind: 'open'; label: string; config: DataChannelInitConfig }
  | { kind: 'say'; label: string; data: string | Uint8Array }
  | { kind: 'shut'; label: string }
  | { kind: 'answer'; sdp: string }

export type Event =
  /** Its offer, with all candidates. */
  | { kind: 'offer'; sdp: string }
  | { kind: 'opened'; label: string }
  | { kind: 'heard'; label: string; data: string | Uint8Array }
  | { kind: 'closed'; label: string }
