/**
 * Every setting, once. Flags, `ROSTRA_…` variables, keys of the TOML file, `--help` and the type `Config` come from
 * this table; a test holds docs/configuration.md against it. To add a setting: a row here, a row there.
 * Names and defaults are stable: scripts depend on them.
 */
import { availableParallelism } from 'node:os'
import type { z } from 'zod'
import {
  httpUrl,
  integer,
  list,
  network,
  oneOf,
  origin,
  port,
  ranking,
  rtcIp,
  seconds,
  subfolder,
  text,
  yesNo,
} from './kinds.js'

export interface Setting {
  /** What stands for the value in `--help`, like `port`. */
  readonly value: string
  /** What `--help` says, without the default. */
  readonly description: string
  /** Checks and converts; says the default, and what a value may be. */
  readonly type: z.ZodType
  /** Words for a default that is not a fixed value. */
  readonly otherwise?: string
  /** The flag may be given several times. */
  readonly repeatable?: true
  /** SIGHUP takes a new value into use; all others need a restart. */
  readonly reloads?: true
  /** Is never shown: not in a log, not in a message. */
  readonly secret?: true
}

/** What stands for the value of a setting that is on or off. */
export const YES_NO = 'true or false'

/** As `src/janus/events` has them. */
const eventTypes = [
  'sessions',
  'handles',
  'external',
  'jsep',
  'webrtc',
  'media',
  'plugins',
  'transports',
  'core',
] as const

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** As `src/jsep/formats.ts` has them. */
const audioCodecs = ['opus', 'red'] as const
const videoCodecs = ['VP8', 'H264', 'VP9', 'AV1'] as const

/** By key: `rtcPort` is `--rtc-port`, `ROSTRA_RTC_PORT`, and `rtc-port` in the file. */
export const settings = {
  host: {
    value: 'address',
    description: 'address of the HTTP and WebSocket listener',
    type: text.default('0.0.0.0'),
  },
  port: {
    value: 'port',
    description: 'its port: WebSocket on any path, demo page at /',
    type: port.default(8188),
  },
  httpPort: {
    value: 'port',
    description:
      'another port for the Janus API over HTTP, like the 8088 of Janus; without it only at /janus of --port',
    type: port.optional(),
  },
  tlsCert: {
    value: 'file',
    description: 'certificate chain (PEM); with --tls-key the listener speaks TLS',
    type: text.optional(),
    reloads: true,
  },
  tlsKey: {
    value: 'file',
    description: 'private key (PEM)',
    type: text.optional(),
    reloads: true,
  },
  rtcPort: {
    value: 'port',
    description: 'UDP and TCP port of the first media worker, worker i uses port + i; 0 = any',
    type: port.default(40_000),
  },
  rtcTcp: {
    value: YES_NO,
    description: 'media may come over TCP, on the same ports, where UDP is blocked',
    type: yesNo.default(true),
  },
  rtcIp: {
    value: 'address',
    description: 'address to listen on and announce; LISTEN=ANNOUNCED behind NAT; repeatable',
    type: list(rtcIp).default([]),
    otherwise: 'all addresses of the host',
    repeatable: true,
  },
  workers: {
    value: 'count',
    description: 'media worker processes',
    type: integer(1, 256).default(availableParallelism()),
    otherwise: 'number of cores',
  },
  pinWorkers: {
    value: YES_NO,
    description: 'each media worker stays on a CPU of its own',
    type: yesNo.default(false),
  },
  dataDir: {
    value: 'folder',
    description: 'folder of the embedded store',
    type: text.default('./rostra-data'),
  },
  profile: {
    value: 'profile',
    description: 'documented or upstream: behaviour of rooms towards clients',
    type: oneOf(['documented', 'upstream']).default('documented'),
  },
  adminHost: {
    value: 'address',
    description: 'address of metrics, health and the admin API',
    type: text.default('127.0.0.1'),
  },
  adminPort: {
    value: 'port',
    description: 'its port',
    type: port.default(7088),
  },
  adminSecret: {
    value: 'secret',
    description: 'turns the admin API on; needed for any --admin-host that is not loopback',
    type: text.optional(),
    secret: true,
  },
  adminAcl: {
    value: 'network',
    description: 'address or network (10.0.0.0/8) that may use the admin listener; repeatable',
    type: list(network).default([]),
    otherwise: 'all that reach it',
    repeatable: true,
  },
  captureDir: {
    value: 'folder',
    description: 'below --data-dir: lets operators capture what clients send and get, decrypted, into files there',
    type: subfolder.optional(),
  },
  captureMax: {
    value: 'bytes',
    description: 'most that one captured file may have',
    type: integer(1024, 64 * 1024 * 1024 * 1024).default(64 * 1024 * 1024),
  },
  audioCodecs: {
    value: 'codec',
    description: 'opus, and red beside it; without red there is no redundancy; repeatable',
    type: ranking(audioCodecs)
      .refine((ranked) => ranked.includes('opus'), { error: 'expected opus among them: red only goes around it' })
      .default([...audioCodecs]),
    repeatable: true,
  },
  videoCodecs: {
    value: 'codec',
    description: `of ${videoCodecs.join(', ')}: a publisher gets the first that it has; repeatable`,
    type: ranking(videoCodecs).default([...videoCodecs]),
    repeatable: true,
  },
  mediaTimeout: {
    value: 'seconds',
    description: 'an m-line without packets for so long is told by a media event; 0 = never',
    type: integer(0, 3600).default(1),
  },
  slowlinkThreshold: {
    value: 'packets',
    description: 'lost within a second, are told by a slowlink event; 0 = never',
    type: integer().default(0),
  },
  authKey: {
    value: 'file or URL',
    description: 'public key (PEM or DER file) or JWKS URL: turns token auth on',
    type: text.optional(),
    reloads: true,
  },
  authAlgorithms: {
    value: 'algorithm',
    description: 'JWS algorithm that tokens may use, of those that fit the key; repeatable',
    type: list(text).default([]),
    otherwise: 'RS512 for RSA, else what fits the key',
    repeatable: true,
    reloads: true,
  },
  authBindSub: {
    value: YES_NO,
    description: 'the "sub" of a token says who its user is, when it has no user_id',
    type: yesNo.default(false),
    reloads: true,
  },
  maxRoomSize: {
    value: 'users',
    description: 'most users in a room; 0 = no limit',
    type: integer().default(0),
    reloads: true,
  },
  maxCcu: {
    value: 'users',
    description: 'most users on the server; 0 = no limit',
    type: integer().default(0),
    reloads: true,
  },
  sessionTimeout: {
    value: 'seconds',
    description: 'a session without a sign of life ends after this; 0 = never',
    type: seconds().default(60),
    reloads: true,
  },
  reclaimSessionTimeout: {
    value: 'seconds',
    description: 'a session that lost its socket waits so long for a claim, from its last request on; 0 = ends at once',
    type: seconds().default(0),
  },
  candidatesTimeout: {
    value: 'seconds',
    description: 'ICE candidates that came earlier before the end of a negotiation are dropped',
    type: seconds().default(45),
  },
  opaqueidInApi: {
    value: YES_NO,
    description: 'events carry the opaque_id of their handle',
    type: yesNo.default(false),
  },
  apiSecret: {
    value: 'secret',
    description: 'every request of the Janus API needs it as "apisecret"',
    type: text.optional(),
    secret: true,
  },
  tokenAuth: {
    value: YES_NO,
    description: 'every request of the Janus API needs a "token" (or the API secret): one that an operator added',
    type: yesNo.default(false),
  },
  tokenAuthSecret: {
    value: 'secret',
    description: 'instead of one that an operator added, any token that this secret signed',
    type: text.optional(),
    secret: true,
  },
  fullTrickle: {
    value: YES_NO,
    description: 'ICE candidates of the server come in trickle events and not in the SDP',
    type: yesNo.default(false),
  },
  allowOrigin: {
    value: 'origin',
    description: 'pages of this origin may use the server, like https://example.com; * = all',
    type: origin.default('*'),
  },
  enforceCors: {
    value: YES_NO,
    description: 'refuse pages of other origins, over WebSocket too',
    type: yesNo.default(false),
  },
  trustedProxy: {
    value: 'address or network',
    description: 'proxy that is believed whom it speaks for (X-Forwarded-For), like 10.0.0.0/8; repeatable',
    type: list(network).default([]),
    otherwise: 'nobody',
    repeatable: true,
  },
  maxSockets: {
    value: 'count',
    description: 'most WebSockets',
    type: integer(1, 1_000_000).default(50_000),
    reloads: true,
  },
  maxSocketsPerAddress: {
    value: 'count',
    description: 'most WebSockets of one address',
    type: integer(1, 1_000_000).default(4096),
    reloads: true,
  },
  maxSessions: {
    value: 'count',
    description: 'most sessions',
    type: integer(1, 10_000_000).default(200_000),
    reloads: true,
  },
  maxSessionsPerSocket: {
    value: 'count',
    description: 'most sessions of one WebSocket; over HTTP, of one address',
    type: integer(1, 10_000_000).default(1024),
    reloads: true,
  },
  maxHandles: {
    value: 'count',
    description: 'most handles on the server, each takes about 7 KB',
    type: integer(1, 100_000_000).default(100_000),
    reloads: true,
  },
  maxHandlesPerSession: {
    value: 'count',
    description: 'most handles of one session: a client needs one, and one for each user it watches',
    type: integer(1, 10_000_000).default(4096),
    reloads: true,
  },
  maxMessageRate: {
    value: 'messages/s',
    description: "read from one socket, in bursts of up to four seconds' worth; 0 = no limit",
    type: integer(0, 1_000_000).default(500),
    reloads: true,
  },
  maxMessageBytes: {
    value: 'bytes',
    description: 'longest WebSocket message, and longest body of an HTTP request',
    type: integer(64 * 1024, 64 * 1024 * 1024).default(1024 * 1024),
    reloads: true,
  },
  maxPollsPerAddress: {
    value: 'count',
    description: 'most long polls of one address that wait',
    type: integer(1, 1_000_000).default(4096),
    reloads: true,
  },
  maxUnsentBytes: {
    value: 'bytes',
    description: 'replies and events that wait for a client that does not take them; past it its sessions end',
    type: integer(256 * 1024, 1024 * 1024 * 1024).default(8 * 1024 * 1024),
    reloads: true,
  },
  maxUnsentBytesTotal: {
    value: 'bytes',
    description: 'the same for all clients together; past it those end that have most of it',
    type: integer(1024 * 1024, 64 * 1024 * 1024 * 1024).default(256 * 1024 * 1024),
    reloads: true,
  },
  maxDataBody: {
    value: 'bytes',
    description: 'longest body of a data message',
    type: integer(0, 1024 * 1024).default(64 * 1024),
    reloads: true,
  },
  dataBufferMax: {
    value: 'bytes',
    description: 'queued towards one receiver of data channels; past it its channel is closed',
    type: integer(64 * 1024, 1024 * 1024 * 1024).default(4 * 1024 * 1024),
  },
  maxPublisherRate: {
    value: 'bits/s',
    description: 'most that one publisher is asked to send (REMB)',
    type: integer(10_000, 1_000_000_000).default(4_000_000),
  },
  audible: {
    value: 'speakers',
    description: 'of each room only the sound of so many, the loudest, is forwarded; 0 = of all',
    type: integer(0, 1000).default(0),
  },
  maxPeerConnections: {
    value: 'count',
    description: 'most PeerConnections of one session: a client needs one, and one for each user it watches',
    type: integer(1, 65_536).default(512),
    reloads: true,
  },
  maxPeerConnectionsPerAddress: {
    value: 'count',
    description: 'most PeerConnections of all clients of one address',
    type: integer(1, 10_000_000).optional(),
    otherwise: '3/4 of what all workers take',
    reloads: true,
  },
  maxPeerConnectionsPerWorker: {
    value: 'count',
    description: 'most PeerConnections that one media worker takes',
    type: integer(1, 4096).default(4096),
  },
  drainTime: {
    value: 'seconds',
    description: 'after SIGTERM, sessions that are there may go on so long',
    type: seconds().default(0),
    reloads: true,
  },
  events: {
    value: 'types',
    description: 'types of events that --event-url gets',
    type: list(oneOf(eventTypes)).default([...eventTypes]),
    otherwise: 'all types',
    repeatable: true,
  },
  eventUrl: {
    value: 'URL',
    description: 'http or https URL that events are posted to; without one there are none',
    type: httpUrl.optional(),
    secret: true,
  },
  eventSecret: {
    value: 'secret',
    description: 'signs what is posted; needed with --event-url',
    type: text.optional(),
    secret: true,
  },
  eventGrouping: {
    value: YES_NO,
    description: 'post arrays of events, not one event at a time',
    type: yesNo.default(true),
  },
  eventBatchMax: {
    value: 'events',
    description: 'most events in one array',
    type: integer(1, 10_000).default(100),
  },
  eventBatchDelay: {
    value: 'seconds',
    description: 'an event waits so long for others to go with',
    type: seconds(60).default(0.1),
  },
  eventQueueMax: {
    value: 'events',
    description: 'events that may wait while the URL does not take them; then the oldest are dropped',
    type: integer(1, 1_000_000).default(10_000),
  },
  statsPeriod: {
    value: 'seconds',
    description: 'statistics of each m-line are posted so often, if the type media is; 0 = never',
    type: integer(0, 3600).default(1),
  },
  logLevel: {
    value: 'level',
    description: logLevels.join(', '),
    type: oneOf(logLevels).default('info'),
    reloads: true,
  },
} satisfies Readonly<Record<string, Setting>>

type Settings = typeof settings
export type SettingKey = keyof Settings
export type Config = { readonly [Key in SettingKey]: z.output<Settings[Key]['type']> }

export const settingKeys = Object.keys(settings) as SettingKey[]

/** As the generic shape, which has the properties that few rows have. */
export const settingOf = (key: SettingKey): Setting => settings[key]

/** `rtc-port`: the flag without dashes, and the key in the file. */
export const settingName = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** `ROSTRA_RTC_PORT`. */
export const variableName = (key: string) => `ROSTRA_${settingName(key).replaceAll('-', '_').toUpperCase()}`

/** The default as docs and `--help` write it; undefined when there is none. */
export function defaultText(key: SettingKey): string | undefined {
  const { otherwise, type } = settingOf(key)
  const value = type.parse(undefined)
  return otherwise ?? (value === undefined ? undefined : String(value))
}
