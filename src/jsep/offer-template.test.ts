import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultPolicy } from './codecs.js'
import type { LocalTransport, SlotTrack, SubscriberSlot } from './jsep.js'
import { describeOffer, offerSubscriber, type SubscriberOffer } from './offer-subscriber.js'
import { appendSlot, subscriberSlots } from './slots.js'
import { Template } from './template.js'
import { local, seeded } from './testing/recorded.js'
import { writeDescription } from './write-description.js'

/** What publishers may call a track, Firefox with braces. */
const name = fc.constantFrom('a', '-', '{5a0c3fb2-1}', '{ufrag}', '$&', '%s', 'x'.repeat(60))
const track: fc.Arbitrary<SlotTrack> = fc.record({
  active: fc.boolean(),
  streamId: name,
  trackId: name,
  sprop: fc.constantFrom('', 'sprop-stereo=1', 'sprop-maxcapturerate=16000;sprop-stereo=1'),
})
const credentials = fc.record({
  ufrag: fc.constantFrom('abcd', 'AB/+0123', '1234'),
  pwd: fc.constantFrom('0123456789012345678901', '$1$2$3$4$5$6$7$8$9$0+/+/'),
})
const v6: LocalTransport = {
  ...local,
  candidates: local.candidates.map((candidate) => ({ ...candidate, ip: '2001:db8::1' })),
}
const transports = [local, v6, { ...local, candidates: [] }]
const policies = [defaultPolicy, { audio: ['opus'], video: ['H264'] }] as const
const slotsOf = (seed: number, more: readonly ('audio' | 'video')[]): readonly SubscriberSlot[] => {
  const random = seeded(seed)
  return more.reduce<SubscriberSlot[]>((slots, kind) => appendSlot(slots, kind, random), subscriberSlots(random))
}
const offer: fc.Arbitrary<SubscriberOffer> = fc
  .record({
    seed: fc.integer({ min: 1, max: 1000 }),
    more: fc.array(fc.constantFrom('audio', 'video'), { maxLength: 3 }),
    tracks: fc.array(track, { minLength: 5, maxLength: 5 }),
    transport: fc.constantFrom(...transports),
    codecs: fc.constantFrom(...policies),
    ice: credentials,
    cname: fc.constantFrom('rostra', 'a-b_c', '4100000000'),
    sessionId: fc.nat().map(String),
    sessionVersion: fc.nat().map(String),
  })
  .map(({ seed, more, tracks, transport, ice, cname, codecs, ...origin }) => {
    const slots = slotsOf(seed, more)
    return { slots, tracks: tracks.slice(0, slots.length), local: { ...transport, ice }, origin, cname, codecs }
  })

test('an offer from what is kept is the one that is written anew', () => {
  fc.assert(
    fc.property(offer, (given) => {
      const written = writeDescription(describeOffer(given))
      assert.equal(offerSubscriber(given), written)
      assert.equal(offerSubscriber(given), written)
    }),
    { numRuns: 300 },
  )
})

test('another fingerprint of a worker is told from then on', () => {
  const given: SubscriberOffer = {
    slots: slotsOf(1, []),
    tracks: [1, 2].map(() => ({ active: true, streamId: 's', trackId: 't', sprop: '' })),
    local,
    origin: { sessionId: '1', sessionVersion: '1' },
    cname: 'rostra',
    codecs: defaultPolicy,
  }
  const value = Array.from({ length: 32 }, () => 'B8').join(':')
  assert.match(offerSubscriber(given), /a=fingerprint:sha-256 A7:A7/)
  const other = { ...given, local: { ...local, fingerprint: { ...local.fingerprint, value } } }
  assert.match(offerSubscriber(other), new RegExp(`a=fingerprint:sha-256 ${value}`))
})

test('places of a template', () => {
  const template = new Template('{a}-{b.0}-{a}')
  assert.equal(template.fill({ a: '{b.0}', 'b.0': '$&' }), '{b.0}-$&-{b.0}')
  assert.throws(() => template.fill({ a: '' }), /no value for b\.0/)
  assert.equal(new Template('').fill({}), '')
})
