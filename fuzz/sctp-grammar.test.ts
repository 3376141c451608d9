/** H-31: chunks out of a grammar, inside of an established association and of one that is being set up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../test/support/hex.js'
import { randomFrom } from './random.js'
import { fuzz, fuzzSetUp, goesOn, known, knownOfBegun, reached } from './sctp.js'
import { sctpChunks, setUpChunks } from './sctp-grammar.js'

const PACKETS = 5000
const SET_UP_PACKETS = 3000
const HEAP_BYTES = 100 << 20
const CPU_MS = 20_000

/** Says `packets` of what `next` makes. @throws Error when `say` does, or when all that takes too much */
function flood(packets: number, next: () => Uint8Array, say: (chunks: Uint8Array) => void): void {
  const cpu = process.cpuUsage()
  const before = process.memoryUsage()
  for (let n = 0; n < packets; n++) {
    const chunks = next()
    try {
      say(chunks)
    } catch (error) {
      throw new Error(`packet ${n}: ${toHex(chunks)}`, { cause: error })
    }
  }
  const { user, system } = process.cpuUsage(cpu)
  assert.ok((user + system) / 1000 < CPU_MS, 'bounded time')
  const after = process.memoryUsage()
  assert.ok(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers < HEAP_BYTES, 'bounded memory')
}

for (const seed of [1, 2, 3]) {
  test(`H-31 ${PACKETS} packets of chunks out of a grammar (seed ${seed})`, () => {
    const random = randomFrom(seed)
    const { restarts } = reached
    flood(PACKETS, () => sctpChunks(random, known()), fuzz)
    goesOn()
    assert.ok(reached.restarts - restarts >= 10, `${reached.restarts - restarts} INITs were taken up`)
  })

  test(`H-31 ${SET_UP_PACKETS} packets of what sets an association up (seed ${seed})`, () => {
    const random = randomFrom(seed)
    const { restarts, adopted } = reached
    flood(SET_UP_PACKETS, () => setUpChunks(random, knownOfBegun()), fuzzSetUp)
    assert.ok(reached.adopted - adopted >= 50, `${reached.adopted - adopted} INIT ACKs were taken`)
    flood(SET_UP_PACKETS, () => setUpChunks(random, known()), fuzz)
    goesOn()
    assert.ok(reached.restarts - restarts >= 50, `${reached.restarts - restarts} INITs were taken up`)
  })
}
