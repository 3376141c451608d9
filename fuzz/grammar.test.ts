/** H-12: compound RTCP out of a grammar, into the readers and into the forwarder. */
import { test } from 'node:test'
import { toHex } from '../test/support/hex.js'
import { fuzz as forwarding, goesOn, sceneSsrcs } from './forwarding.js'
import { randomFrom } from './random.js'
import { fuzz as rtcp } from './rtcp.js'
import { compoundRtcp } from './rtcp-grammar.js'

const SEEDS = [1, 2, 3]
const PACKETS = 4000

for (const seed of SEEDS) {
  test(`H-12 ${PACKETS} compound packets out of a grammar (seed ${seed})`, () => {
    const random = randomFrom(seed)
    for (let n = 0; n < PACKETS; n++) {
      const packet = compoundRtcp(random, sceneSsrcs)
      try {
        rtcp(packet)
        forwarding(packet)
      } catch (error) {
        throw new Error(`packet ${n}: ${toHex(packet)}`, { cause: error })
      }
    }
    goesOn()
  })
}
