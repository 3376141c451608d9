/** Any bytes as a client's SDP: read, answered as a publisher's offer and taken as a subscriber's answer. */
import assert from 'node:assert/strict'
import { answerPublisher } from '../src/jsep/answer-publisher.js'
import { defaultPolicy } from '../src/jsep/codecs.js'
import type { LocalTransport } from '../src/jsep/jsep.js'
import { readDescription } from '../src/jsep/read-description.js'
import { readSubscriberAnswer } from '../src/jsep/read-subscriber-answer.js'
import { subscriberSlots } from '../src/jsep/slots.js'

const local: LocalTransport = {
  ice: { ufrag: 'srvU', pwd: 'serverPasswordOf24chars+' },
  fingerprint: { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'A7').join(':') },
  candidates: [{ foundation: '1', component: 1, protocol: 'udp', priority: 1, ip: '192.0.2.1', port: 40000 }],
}

let number = 1
const slots = subscriberSlots(() => number++)

export function fuzz(bytes: Uint8Array): void {
  const read = readDescription(new TextDecoder().decode(bytes))
  if (!read.ok) {
    assert.match(read.reason, /^[^\r\n]{1,500}$/)
    return
  }
  const offer = read.value
  const answer = answerPublisher(offer, local, defaultPolicy)
  assert.deepEqual(answerPublisher(offer, local, defaultPolicy), answer)
  // What we write is an SDP in the eyes of our own reader, apart from being ICE-lite, with the m-lines of the offer.
  const own = readDescription(answer.sdp.replace('a=ice-lite\r\n', ''))
  if (own.ok) {
    assert.deepEqual(
      own.value.mlines.map(({ mid, type }) => [mid, type]),
      offer.mlines.map(({ mid, type }) => [mid, type]),
    )
  } else {
    assert.match(own.reason, /^Every m-line/)
    assert.deepEqual([answer.streams, answer.data], [[], false])
  }
  const subscription = readSubscriberAnswer(offer, slots, defaultPolicy)
  if (subscription.ok) assert.equal(subscription.value.streams.length, slots.length)
}
