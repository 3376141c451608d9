/** Starts a server under test by its name. */
import { type StartOptions, startServer } from '../../test/support/server-process.js'
import { FloorStar } from './floor-star.js'
import { JanusApiStar, type StartedServer, sfuWords, VIDEO_ROOM, videoroomWords } from './janus-api-star.js'
import { startJanusInNamespace } from './janus-namespace.js'
import type { Star } from './star.js'

export const subjectNames = ['floor', 'rostra', 'janus', 'janus-one-loop'] as const
export type SubjectName = (typeof subjectNames)[number]

/** As tables call them. */
export const labels: Readonly<Record<SubjectName, string>> = {
  floor: 'floor program',
  rostra: 'rostra',
  janus: 'Janus',
  'janus-one-loop': 'Janus, event_loops=1',
}

/** UDP ports of Janus: one for each handle. */
const PORTS = 2_000

export interface StartedRostra extends StartedServer {
  /** Endpoints that each media worker has now. */
  endpoints(): Promise<number[]>
}

export async function startRostra(
  workers = 1,
  flags: readonly string[] = [],
  options: StartOptions = {},
): Promise<StartedRostra> {
  const server = await startServer(['--workers', String(workers), ...flags], 0, options)
  const pids = [server.pid, ...server.workerPids]
  const endpoints = async () => {
    const values = (await server.metrics()).matchAll(/^rostra_live\{worker="\d+",kind="endpoints"\} (\d+)$/gm)
    return [...values].map(([, value]) => Number(value))
  }
  return { name: labels.rostra, url: server.webSocketUrl, pids, endpoints, stop: () => server.stop() }
}

/** @returns undefined when there is no Janus, or no right to make a namespace */
export async function startJanus(name: 'janus' | 'janus-one-loop', publishers = 6): Promise<StartedServer | undefined> {
  const janus = await startJanusInNamespace({
    ports: PORTS,
    eventLoops: name === 'janus' ? 0 : 1,
    rooms: `room-${VIDEO_ROOM}: { description = "bench"; publishers = ${publishers}; notify_joining = true }\n`,
    textRooms: `room-${VIDEO_ROOM}: { description = "bench" }\n`,
  })
  return janus && { name: labels[name], url: janus.url, pids: [janus.pid], stop: () => janus.stop() }
}

/** @returns undefined for one that is not to be had here */
export async function openStar(name: SubjectName): Promise<Star | undefined> {
  if (name === 'floor') return FloorStar.open()
  if (name === 'rostra') return JanusApiStar.open(await startRostra(), sfuWords())
  const server = await startJanus(name)
  return server && JanusApiStar.open(server, videoroomWords)
}
