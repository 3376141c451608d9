/** Waiting for a Janus that was just started. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

const START_LIMIT_MS = 15_000

/** Resolves when `child` takes connections on TCP `port` of `address`. @throws when it ends first, or takes none in 15 s */
export async function janusListens(child: ChildProcess, port: number, address: string): Promise<void> {
  const limitMs = performance.now() + START_LIMIT_MS
  while (child.exitCode === null && performance.now() < limitMs) {
    const socket = connect(port, address)
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close').then(() => false)])
      // `once` rejects with the error of the socket.
      .catch(() => false)
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('janus does not start: run it by hand to see why')
}
