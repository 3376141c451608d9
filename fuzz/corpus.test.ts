import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hex, toHex } from '../test/support/hex.js'
import { fuzz as arrivals } from './arrivals.js'
import { fuzz as dependency } from './dependency.js'
import { fuzz as extensions } from './extensions.js'
import { fuzz as forwarding } from './forwarding.js'
import { fuzz as payload } from './payload.js'
import { randomFrom } from './random.js'
import { fuzz as rtcp } from './rtcp.js'
import { fuzz as rtp } from './rtp.js'
import { fuzzSetUp, fuzz as sctp } from './sctp.js'

/** Each with the folder of its corpus. */
const bodies = {
  rtp,
  rtcp,
  extensions,
  payload,
  dependency,
  arrivals,
  sctp,
  'sctp into one that is being set up': fuzzSetUp,
  'rtp into the forwarder': forwarding,
  'rtcp into the forwarder': forwarding,
}
/** Mutants of each corpus file. */
const MUTANTS = 300
const corpus = join(process.cwd(), 'fuzz', 'corpus')

const edges = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]

/** Some bytes changed to edges or flipped, then perhaps cut, stretched, or joined with another seed. */
function mutate(bytes: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  const changed = bytes.slice()
  for (let n = random(4); n > 0 && changed.length > 0; n--) {
    const at = random(changed.length)
    changed[at] = random(2) === 0 ? edges[random(edges.length)]! : changed[at]! ^ (1 << random(8))
  }
  switch (random(4)) {
    case 0:
      return changed.subarray(0, random(changed.length + 1))
    case 1:
      return Uint8Array.of(...changed, ...new Array(random(9)).fill(edges[random(edges.length)]))
    case 2:
      return Uint8Array.of(...changed.subarray(0, random(changed.length + 1)), ...other)
    default:
      return changed
  }
}

for (const [name, fuzz] of Object.entries(bodies)) {
  const folder = join(corpus, name.split(' ')[0]!)
  const files = readdirSync(folder).sort()
  const seeds = files.map((file) => hex(readFileSync(join(folder, file), 'utf8')))

  test(`${name}: ${files.length} corpus files and their mutants`, () => {
    const random = randomFrom(1)
    for (const [i, seed] of seeds.entries()) {
      fuzz(seed)
      for (let n = 0; n < MUTANTS; n++) {
        const mutant = mutate(seed, seeds[random(seeds.length)]!, random)
        try {
          fuzz(mutant)
        } catch (error) {
          throw new Error(`${name}/${files[i]}, mutant ${toHex(mutant)}`, { cause: error })
        }
      }
    }
  })
}
