/**
 * Janus in a network namespace of its own. It leaves loopback interfaces out when it gathers candidates, so that it
 * needs another one: a veth pair whose other end only this machine has. Needs root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImpairedServer } from '../../test/support/impaired/server.js'
import { hasJanus, writeJanusConfig } from './janus-config.js'
import { janusListens } from './janus-listens.js'

const WEBSOCKET_PORT = 8_188
/** Below the ports that systems give to anybody. */
const FIRST_PORT = 20_000
/** One for each handle, and some that are tried again. */
const PORTS = 16
const ROOM = 1
const ROOMS = `room-${ROOM}: { description = "bench"; publishers = 6 }\n`

export interface NamespaceOptions {
  /** UDP ports for media. */
  readonly ports?: number
  /** Threads that all handles share; 0: one for each handle, Janus' default. */
  readonly eventLoops?: number
  /** Lines of the videoroom's configuration, and of the textroom's, which is off without any. */
  readonly rooms?: string
  readonly textRooms?: string
}

export interface NamespacedJanus extends ImpairedServer {
  readonly pid: number
}

/** Servers of this process so far: each has a namespace and a network of its own. */
let started = 0

const run = (...[program, ...args]: string[]) => execFileSync(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] })

/** @returns undefined when there is no `janus` in the path, or no right to make a namespace */
export async function startJanusInNamespace({
  ports = PORTS,
  eventLoops = 0,
  rooms = ROOMS,
  textRooms,
}: NamespaceOptions = {}): Promise<NamespacedJanus | undefined> {
  if (!hasJanus() || process.getuid?.() !== 0) return undefined
  const number = started++
  const name = `rostra-${process.pid}-${number}`
  // 198.18.0.0/15 is for benchmarks (RFC 2544).
  const net = `198.18.${process.pid % 250}`
  const [outside, inside] = [`${net}.${4 * (number % 60) + 1}`, `${net}.${4 * (number % 60) + 2}`]
  const folder = mkdtempSync(join(tmpdir(), 'rostra-bench-janus-'))
  let child: ChildProcess | undefined
  const clear = () => {
    child?.kill('SIGKILL')
    // Takes both ends of the pair with it.
    run('ip', 'netns', 'del', name)
    rmSync(folder, { recursive: true, force: true })
  }
  // However this process ends, but for SIGKILL.
  process.once('exit', clear)
  const stop = async () => {
    process.off('exit', clear)
    const gone = child && child.exitCode === null && child.signalCode === null && once(child, 'exit')
    clear()
    await gone
  }
  run('ip', 'netns', 'add', name)
  try {
    // Names of interfaces have at most 15 characters.
    const [near, far] = [`rb${process.pid}.${number}a`, `rb${process.pid}.${number}b`]
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
    run('ip', 'addr', 'add', `${outside}/30`, 'dev', near)
    run('ip', 'link', 'set', near, 'up')
    run('ip', '-n', name, 'addr', 'add', `${inside}/30`, 'dev', far)
    run('ip', '-n', name, 'link', 'set', far, 'up')
    run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    writeJanusConfig(folder, {
      webSocket: { ip: inside, port: WEBSOCKET_PORT },
      rtpPorts: [FIRST_PORT, FIRST_PORT + ports - 1],
      rooms,
      eventLoops,
      ...(textRooms !== undefined && { textRooms }),
    })
    const args = ['netns', 'exec', name, 'janus', `--configs-folder=${folder}`, '--debug-level=2', '--disable-colors']
    child = spawn('ip', args, { stdio: 'ignore' })
    await janusListens(child, WEBSOCKET_PORT, inside)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name: 'janus',
    // `ip netns exec` becomes the program.
    pid: child.pid!,
    plugin: 'videoroom',
    url: `ws://${inside}:${WEBSOCKET_PORT}/`,
    room: ROOM,
    media: { address: inside, ports: Array.from({ length: ports }, (_, index) => FIRST_PORT + index) },
    // It does not estimate what a subscriber can get.
    figures: async () => ({}),
    stop,
  }
}
