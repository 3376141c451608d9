import { startServer } from '../../test/support/server-process.js'

/** A server that was started for one measurement. */
export interface BenchServer {
  readonly name: 'rostra' | 'janus'
  /** Where clients connect. */
  readonly url: string
  /** The process that talks to clients. */
  readonly pid: number
  /** Processes that it has, and that have nothing to do here. */
  readonly otherPids: readonly number[]
  stop(): Promise<unknown>
}

/**
 * `upstream`: who joins is told to the room only. With the documented profile everybody on the server is told of
 * everybody (`--profile documented` measures that: two million events for 2,100 clients).
 */
export async function startRostra(profile: string): Promise<BenchServer> {
  const server = await startServer(['--workers', '1', '--log-level', 'info', '--profile', profile])
  return {
    name: 'rostra',
    url: `${server.webSocketUrl}/`,
    pid: server.pid,
    otherPids: server.workerPids,
    stop: () => server.stop(),
  }
}
