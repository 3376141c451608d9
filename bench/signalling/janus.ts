/** Janus from the distribution, with a configuration of its own: WebSocket on loopback, videoroom, nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasJanus, writeJanusConfig } from '../peers/janus-config.js'
import { janusListens } from '../peers/janus-listens.js'
import type { BenchServer } from './server.js'

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
    await janusListens(child, port, '127.0.0.1')
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
