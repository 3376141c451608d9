import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RemoteDescription } from './jsep.js'
import { keptAnswers, readAnswer } from './read-answer.js'
import { readDescription } from './read-description.js'
import { recorded, recordings } from './testing/recorded.js'

/** SSRCs of an answer may be missing. */
const plain = ({ mlines, ...rest }: RemoteDescription) => ({
  ...rest,
  mlines: mlines.map((mline) => ({ ...mline, ssrcs: [] })),
})

/** Reads twice, the second time from what is kept, and compares with a reader that keeps nothing. */
function agree(sdp: string): void {
  const wanted = readDescription(sdp)
  for (const time of ['first', 'again']) {
    const read = readAnswer(sdp)
    if (!wanted.ok || !read.ok) assert.deepEqual(read, wanted, time)
    else assert.deepEqual(plain(read.value), plain(wanted.value), time)
  }
}

const base64 = fc.constantFrom(...'ABCXYZabcxyz0189+/')
const text = (minLength: number, maxLength: number) => fc.string({ unit: base64, minLength, maxLength })
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':'))

/** The answer as another client of the kind would write it. */
const another = (sdp: string, ufrag: string, pwd: string, fingerprint: string, session: bigint) =>
  sdp
    .replace(/^o=(\S+) \d+ \d+/m, (_, name) => `o=${name} ${session} 2`)
    .replace(/^a=ice-ufrag:.*?(?=\r?$)/gm, () => `a=ice-ufrag:${ufrag}`)
    .replace(/^a=ice-pwd:.*?(?=\r?$)/gm, () => `a=ice-pwd:${pwd}`)
    .replace(/^a=fingerprint:.*?(?=\r?$)/gm, () => `a=fingerprint:sha-256 ${fingerprint}`)

test('recorded descriptions are read as they are without a memory', () => {
  assert.ok(recordings.some((name) => name.includes('answer')))
  for (const name of recordings) agree(recorded(name))
})

test('answers of other clients of the kind are read from memory, each with what is its own', () => {
  const name = fc.constantFrom(...recordings.filter((recording) => recording.includes('answer')))
  const session = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
  fc.assert(
    fc.property(name, text(4, 256), text(22, 256), digest, session, (recording, ufrag, pwd, fingerprint, id) => {
      agree(another(recorded(recording), ufrag, pwd, fingerprint, id))
    }),
    { numRuns: 300 },
  )
})

for (const name of ['chromium-answer-to-rostra', 'firefox-answer-to-four-tracks', 'safari-18-answer']) {
  test(`what two clients have in common is read once: ${name}`, () => {
    const [one, two] = ['abcd', 'efgh'].map((ufrag) => {
      const fingerprint = Array.from({ length: 32 }, () => (ufrag === 'abcd' ? '0A' : '0B')).join(':')
      const sdp = another(recorded(name), ufrag, ufrag.repeat(8), fingerprint, 7n)
      const read = readAnswer(sdp.replace(/a=ssrc:\d+/g, `a=ssrc:${ufrag === 'abcd' ? 11 : 12}`))
      assert.ok(read.ok)
      assert.equal(read.value.ice.ufrag, ufrag)
      return read.value
    })
    assert.equal(one?.mlines, two?.mlines)
    assert.ok(Object.isFrozen(one?.mlines[0]?.payloadTypes[0]?.parameters))
  })
}

test('lines that are changed anywhere are read as without a memory', () => {
  const sdp = recorded('chromium-answer-to-rostra')
  const lines = sdp.split('\r\n').slice(0, -1)
  assert.ok(readAnswer(sdp).ok)
  const replacement = fc.constantFrom(
    ...[
      ...new Set(lines),
      ...lines.filter((line) => /ice-|fingerprint|^o=/.test(line)).map((line) => line.replace(/.$/, 'x')),
      'a=ice-ufrag:other',
      'a=ice-ufrag:abcd efgh',
      'a=ice-pwd:0123456789012345678901',
      'o=- 9 9 IN IP4 127.0.0.1',
      'a=x\na=ice-ufrag:abcd',
      'a=x\ra=ice-ufrag:abcd',
      'a=x\u2028a=ice-ufrag:abcd',
      'a=candidate:1 1 udp 1 192.0.2.1 9 typ host',
      'a=ice-ufrag:',
      '',
    ],
  )
  const position = fc.nat(lines.length - 1)
  fc.assert(
    fc.property(fc.array(fc.tuple(position, replacement, fc.nat(2)), { minLength: 1, maxLength: 3 }), (changes) => {
      const changed = [...lines]
      for (const [at, line, dropped] of changes) changed.splice(at, dropped, line)
      agree(`${changed.join('\r\n')}\r\n`)
    }),
    { numRuns: 1000 },
  )
})

test('however many kinds of answers come, few are kept', () => {
  const sdp = recorded('chromium-answer-to-rostra')
  for (let kind = 0; kind < 200; kind++) {
    assert.ok(readAnswer(sdp.replace('a=recvonly', `a=recvonly\r\na=x-kind:${kind}`)).ok)
  }
  assert.equal(keptAnswers(), 64)
  assert.ok(readAnswer(sdp.replace('a=recvonly', `a=recvonly\r\n${'a=x-long\r\n'.repeat(2000)}a=x`)).ok)
  assert.equal(keptAnswers(), 64)
})
