/** Flags of the load generator, once: `--help`, checks, and a row each in docs/load.md (which a test holds against it). */
import { z } from 'zod'
import { integer, text } from '../config/kinds.js'
import { STAMP_BYTES } from './stamp.js'

export interface LoadFlag<T extends z.ZodType = z.ZodType> {
  /** Stands for the value in `--help`; none: the flag stands alone. */
  readonly value?: string
  readonly description: string
  /** Checks and converts, and has the default. */
  readonly type: T
}

const valued = <T extends z.ZodType>(value: string, description: string, type: T): LoadFlag<T> => ({
  value,
  description,
  type,
})
const alone = (description: string) => ({ description, type: z.boolean().default(false) })

const DAY_SECONDS = 86_400

/** By key: `audioBytes` is `--audio-bytes`. */
export const loadFlags = {
  url: valued('url', 'server to load, like ws://localhost:8188', text),
  rooms: valued('count', 'rooms', integer(1, 1_000).default(1)),
  users: valued('count', 'users in each room', integer(1, 1_000).default(2)),
  views: valued('count', 'others that each user subscribes to, at most', integer(0, 1_000).default(1_000)),
  audio: alone('each user sends sound: 50 packets a second'),
  audioBytes: valued('bytes', 'of a packet of sound', integer(STAMP_BYTES + 1, 1_100).default(100)),
  video: alone('each user sends pictures: VP8, 25 frames a second'),
  videoBitrate: valued('kbit/s', 'of the pictures', integer(16, 20_000).default(500)),
  data: valued('rate', 'data-channel messages that each user sends in a second', integer(0, 1_000).default(0)),
  dataBytes: valued('bytes', 'of a message', integer(STAMP_BYTES, 65_536).default(200)),
  unreliable: alone('messages are unordered and never sent again'),
  duration: valued('seconds', 'how long traffic is measured', integer(0, DAY_SECONDS).default(30)),
  ramp: valued('users/s', 'users that come in a second; 0: all at once', integer(0, 1_000).default(10)),
  room: valued('name', "beginning of the rooms' names", text.default('load')),
  token: valued('token', 'of join, where the server wants one', text.optional()),
  json: alone('the summary as one JSON object'),
  allowRemote: alone('the server may be another machine than this one: yours'),
} as const

export type LoadFlagKey = keyof typeof loadFlags
export type LoadFlagValues = { readonly [K in LoadFlagKey]: z.output<(typeof loadFlags)[K]['type']> }

export const loadFlagKeys = Object.keys(loadFlags) as LoadFlagKey[]
export const loadFlagName = (key: LoadFlagKey) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** The default as text; undefined when there is none. */
export function loadFlagDefault(key: LoadFlagKey): string | undefined {
  const { value } = loadFlags[key] as LoadFlag
  const read = (loadFlags[key] as LoadFlag).type.safeParse(undefined)
  return value === undefined || !read.success || read.data === undefined ? undefined : String(read.data)
}

/** @returns the values, or a sentence for each that is wrong */
export function readLoadFlags(options: Readonly<Record<string, unknown>>): LoadFlagValues | string[] {
  const values: Record<string, unknown> = {}
  const mistakes: string[] = []
  for (const key of loadFlagKeys) {
    const read = (loadFlags[key] as LoadFlag).type.safeParse(options[key])
    if (read.success) values[key] = read.data
    else mistakes.push(`${loadFlagName(key)}: ${read.error.issues[0]!.message}`)
  }
  return mistakes.length > 0 ? mistakes : (values as LoadFlagValues)
}
