import type { RoomConnection } from './room-connection.js'

/** Loudness by user id, linear, 0 (silence) to 1. A user without audio has no entry. */
export type Levels = ReadonlyMap<string, number>

/** A source that delivered nothing for this long has stopped. */
const SILENT_AFTER_MS = 2_500
/** Levels are older than what is heard by at most this. */
const LEVEL_AGE_MS = 500

/** @returns whether one of the receivers delivered media lately */
export function receives(receivers: readonly RTCRtpReceiver[]): boolean {
  return receivers.some((receiver) => sources(receiver, SILENT_AFTER_MS).length > 0)
}

/** Reads what the browser knows about loudness: the senders' own level in their packets, or what was decoded. */
export async function readLevels(
  connection: RoomConnection | undefined,
  ownUser: string,
  users: Iterable<string>,
): Promise<Levels> {
  const levels = new Map<string, number>()
  if (!connection) return levels
  const reads = [...users].map(async (user) => {
    for (const receiver of connection.subscriber(user)?.receivers('audio') ?? []) {
      const level = await receivedLevel(receiver)
      if (level !== undefined) levels.set(user, Math.max(level, levels.get(user) ?? 0))
    }
  })
  const sender = connection.publisher?.sender('audio')
  if (sender?.track) reads.push(statsLevel(sender, 'media-source').then((level) => void levels.set(ownUser, level)))
  await Promise.all(reads)
  return levels
}

async function receivedLevel(receiver: RTCRtpReceiver): Promise<number | undefined> {
  const recent = sources(receiver, LEVEL_AGE_MS)
  if (recent.length === 0) return undefined
  const levels = recent.map(({ audioLevel }) => audioLevel).filter((level) => level !== undefined)
  return levels.length > 0 ? Math.max(...levels) : await statsLevel(receiver, 'inbound-rtp')
}

function sources(receiver: RTCRtpReceiver, maxAgeMs: number): RTCRtpSynchronizationSource[] {
  const sinceMs = performance.timeOrigin + performance.now() - maxAgeMs
  return receiver.getSynchronizationSources().filter(({ timestamp }) => timestamp >= sinceMs)
}

async function statsLevel(of: RTCRtpReceiver | RTCRtpSender, type: 'media-source' | 'inbound-rtp'): Promise<number> {
  let level = 0
  for (const report of (await of.getStats()).values()) {
    if (report.type === type && typeof report.audioLevel === 'number') level = Math.max(level, report.audioLevel)
  }
  return level
}
