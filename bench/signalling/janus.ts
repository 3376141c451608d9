/** Janus from the distribution, with a configuration of its own: WebSocket on loopback, videoroom, nothing else. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasJanus, writeJanusConfig } from '../peers/janus-config.js'
import type { BenchServer } from './server.js'

const START_LIMIT_MS = 15_000

/** @returns undefined when there is no `janus` in the path */
export async function startJanus(rooms: number, clientsPerRoom: number): Promise<BenchServer | undefined> {
  if (!hasJanus()) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'rostra-bench-janus-'))
  const port = await freeTcpPort()
  writeJanusConfig(folder, {
    webSocket: { ip: '127.0.0.1', port },
    rtpPorts: [50_000, 50_999],
    rooms: roomsOf(rooms, clientsPerRoom),
  })
  const child = spawn('janus', [`--configs-folder=${folder}`, '--debug-level=2', '--disable-colors'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listens(child, port)
  } catch (error) {
    await stop()
    throw error
  }
  return { name: 'janus', url: `ws://127.0.0.1:${port}/`, pid: child.pid!, otherPids: [], stop }
}

/** `notify_joining`: everybody is told who comes, as in rostra. */
function roomsOf(rooms: number, clientsPerRoom: number): string {
  const room = (index: number) =>
    `room-${index + 1}: { description = "${index + 1}"; publishers = ${clientsPerRoom + 1}; notify_joining = true }\n`
  return Array.from({ length: rooms }, (_, index) => room(index)).join('')
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listens(child: ChildProcess, port: number): Promise<void> {
  const limitMs = performance.now() + START_LIMIT_MS
  while (child.exitCode === null && performance.now() < limitMs) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close').then(() => false)])
      // `once` rejects with the error of the socket.
      .catch(() => false)
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('janus does not start: run it by hand to see why')
}
