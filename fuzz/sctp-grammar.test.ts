/** H-31: chunks out of a grammar, inside of an established association. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../test/support/hex.js'
import { randomFrom } from './random.js'
import { fuzz, goesOn, known } from './sctp.js'
import { sctpChunks } from './sctp-grammar.js'

const PACKETS = 5000
const HEAP_BYTES = 100 << 20
const CPU_MS = 20_000

for (const seed of [1, 2, 3]) {
  test(`H-31 ${PACKETS} packets of chunks out of a grammar (seed ${seed})`, () => {
    const random = randomFrom(seed)
    const cpu = process.cpuUsage()
    const before = process.memoryUsage()
    for (let n = 0; n < PACKETS; n++) {
      const chunks = sctpChunks(random, known())
      try {
        fuzz(chunks)
      } catch (error) {
        throw new Error(`packet ${n}: ${toHex(chunks)}`, { cause: error })
      }
    }
    goesOn()
    const { user, system } = process.cpuUsage(cpu)
    assert.ok((user + system) / 1000 < CPU_MS, 'bounded time')
    const after = process.memoryUsage()
    assert.ok(
      after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers < HEAP_BYTES,
      'bounded memory',
    )
  })
}
