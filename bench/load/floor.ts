/** The same shape through the floor program: receive, write a header, AES-GCM, sendmmsg, and nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openNativeIo } from '../../src/media/io/binding.js'
import { Addr, type MediaIo } from '../../src/media/io/io.js'
import { freePort } from '../../test/support/server-process.js'
import { cpuMicroseconds, separate } from './cpu.js'
import { pace, warmUp } from './pacer.js'
import type { Result, Shape } from './shape.js'

const program = fileURLToPath(new URL('../../../bench/floor/build/floor', import.meta.url))
const RTP_HEADER_BYTES = 12
const RX_PACKETS = 0

/** Binds `count` ports in a row, as the floor wants its targets. */
function listenInARow(io: MediaIo, count: number): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 30_000)
    try {
      for (let index = 0; index < count; index++) io.listen('127.0.0.1', first + index)
      return first
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error('no free ports in a row')
}

export async function measureFloor(shape: Shape): Promise<Result> {
  const io = openNativeIo({}, () => {})
  const { socket } = io.listen('127.0.0.1', 0)
  const first = listenInARow(io, shape.subscribers)
  const port = await freePort()
  const floor = spawn(program, [String(port), String(shape.subscribers), String(first)], {
    stdio: ['ignore', 'ignore', 2],
  })
  try {
    await once(floor, 'spawn')
    const length = RTP_HEADER_BYTES + shape.payloadBytes
    io.scratch.fill(0x5a, 0, length)
    io.scratch[0] = 0x80
    const to = new Uint8Array(Addr.stride)
    to.set([4, socket, port >> 8, port, 127, 0, 0, 1])
    const send = () => io.sendTo(to, 0, length)
    separate([floor.pid!])
    await warmUp(shape.packetsPerSecond, send, () => io.flush())
    const before = cpuMicroseconds([floor.pid!])
    const receivedBefore = io.counters[RX_PACKETS]!
    await pace(shape.packetsPerSecond, shape.seconds, send, () => io.flush())
    await new Promise((resolve) => setTimeout(resolve, 100))
    const forwards = io.counters[RX_PACKETS]! - receivedBefore
    return {
      microsecondsPerForward: (cpuMicroseconds([floor.pid!]) - before) / forwards,
      forwards,
      delivered: forwards / (shape.packetsPerSecond * shape.seconds * shape.subscribers),
    }
  } finally {
    floor.kill('SIGTERM')
    await once(floor, 'exit')
    await io.close()
  }
}
