/**
 * What the checksum of an SCTP packet costs: nanoseconds per packet to seal it as it is, with the checksum put in by the addon, and
 * with it computed in TypeScript first; loopback, in turn. `node dist/bench/micro/checksum.js [bytes] [packets]`
 */
import { writeSctpChecksum } from '../../src/media/io/reference/crc32c.js'
import { LoopbackCall } from '../../src/media/io/testing/loopback.js'
import { median } from '../load/cpu.js'

const [bytes = 1180, packets = 20_000] = process.argv.slice(2).map(Number)
const ROUNDS = 9
/** Before the queue is full. */
const BATCH = 64

const call = await LoopbackCall.open()
try {
  await call.connect()
  const { io } = call.client
  const packet = Uint8Array.from({ length: bytes }, (_, i) => i * 31)
  const ways = {
    'as it is': () => io.dtlsSend(call.clientId, packet, 0, bytes),
    'checksum by the addon': () => io.sctpSend(call.clientId, packet, 0, bytes),
    'checksum in TypeScript': () => {
      writeSctpChecksum(packet, 0, bytes)
      return io.dtlsSend(call.clientId, packet, 0, bytes)
    },
  }
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, send] of Object.entries(ways)) {
      let ns = 0
      for (let sent = 0; sent < packets / ROUNDS; sent += BATCH) {
        const began = process.hrtime.bigint()
        for (let i = 0; i < BATCH; i++) send()
        ns += Number(process.hrtime.bigint() - began)
        // Sending is not what is asked about.
        io.flush()
      }
      // The first round is for the compiler.
      if (round > 0) times.get(name)!.push(ns / (Math.ceil(packets / ROUNDS / BATCH) * BATCH))
    }
  }
  for (const [name, each] of times)
    console.log(`${name.padEnd(24)} ${median(each).toFixed(0)} ns per packet of ${bytes} bytes`)
} finally {
  await call.close()
}
