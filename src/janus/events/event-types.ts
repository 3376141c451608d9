/** What event handlers can be told: the types of Janus, their numbers, and what is in an event of each. */

/** By name, as in `--events`. The number is the `type` of an event, and a bit of Janus' masks. */
export const eventTypes = {
  sessions: 1,
  handles: 2,
  external: 4,
  jsep: 8,
  webrtc: 16,
  media: 32,
  plugins: 64,
  transports: 128,
  core: 256,
} as const

export type EventType = keyof typeof eventTypes

export const eventTypeNames = Object.keys(eventTypes) as [EventType, ...EventType[]]

/** One kind of event. Fields with a question mark are not always there. */
export interface EventKind {
  readonly type: EventType
  /** Only types that have several in Janus. */
  readonly subtype?: number
  readonly fields: readonly string[]
}

/** docs/events.md has the same rows, in the same order; a test holds both against what is sent. */
export const eventKinds = [
  { type: 'sessions', fields: ['name', 'transport?'] },
  { type: 'handles', fields: ['name', 'plugin', 'opaque_id?'] },
  { type: 'external', fields: ['schema', 'data'] },
  { type: 'jsep', fields: ['owner', 'jsep'] },
  { type: 'webrtc', subtype: 1, fields: ['ice', 'stream_id', 'component_id'] },
  { type: 'webrtc', subtype: 2, fields: ['local-candidate', 'stream_id', 'component_id'] },
  { type: 'webrtc', subtype: 3, fields: ['remote-candidate', 'stream_id', 'component_id'] },
  { type: 'webrtc', subtype: 4, fields: ['selected-pair', 'candidates', 'stream_id', 'component_id'] },
  { type: 'webrtc', subtype: 5, fields: ['dtls', 'stream_id', 'component_id', 'retransmissions'] },
  { type: 'webrtc', subtype: 6, fields: ['connection', 'reason?'] },
  { type: 'media', subtype: 1, fields: ['media', 'mid', 'receiving', 'seconds?'] },
  { type: 'media', subtype: 2, fields: ['media', 'mid', 'slow_link', 'lost_lastsec'] },
  {
    type: 'media',
    subtype: 3,
    fields: [
      ...['mid', 'mindex', 'media', 'codec?', 'base?', 'rtt?', 'lost?', 'lost-by-remote?'],
      ...['jitter-local?', 'jitter-remote?', 'in-link-quality?', 'in-media-link-quality?'],
      ...['out-link-quality?', 'out-media-link-quality?'],
      ...['packets-received', 'packets-sent', 'bytes-received', 'bytes-sent'],
      ...['bytes-received-lastsec?', 'bytes-sent-lastsec?'],
      ...['nacks-received?', 'nacks-sent?', 'retransmissions-received?', 'estimate?'],
    ],
  },
  { type: 'plugins', fields: ['plugin', 'data'] },
  { type: 'transports', fields: ['transport', 'id', 'data'] },
  { type: 'core', subtype: 1, fields: ['status', 'info'] },
  { type: 'core', subtype: 2, fields: ['status', 'signum'] },
] as const satisfies readonly EventKind[]
