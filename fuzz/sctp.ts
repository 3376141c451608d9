/** H-31: chunks into an association that is established, with ports, tag and checksum right. */
import assert from 'node:assert/strict'
import { RawPeer } from '../src/media/endpoint/testing/raw-peer.js'
import { chunksOf, packet } from '../src/media/endpoint/testing/sctp-chunks.js'
import type { Known } from './sctp-grammar.js'

const BUFFER_BYTES = 1 << 20
/** Besides `BUFFER_BYTES`: the fixed cost of a message and a longest one. */
const SLACK_BYTES = 1024
const EVENTS_KEPT = 100
const channels = [
  { label: 'fuzz', protocol: '', ordered: true },
  { label: 'loose', protocol: '', ordered: false, maxRetransmits: 0 },
  { label: 'timed', protocol: '', ordered: true, maxPacketLifeTimeMs: 100 },
]

let peer = established()
let turn = 0

function established(): RawPeer {
  const peer = new RawPeer().connect()
  peer.open(2, 'fuzz')
  return peer
}

/** What the association is at, for a grammar. */
export function known(): Known {
  const sent = peer.received.flatMap(chunksOf).findLast(({ type }) => type === 0)
  return { tsn: peer.tsn, sentTsn: sent?.body.readUInt32BE() ?? 0, cookie: peer.cookie }
}

/** @throws Error when the association breaks, or does not end for a reason */
export function fuzz(chunks: Uint8Array): void {
  const { association } = peer
  const hasEnded = () => peer.events.some((event) => event.startsWith('failed '))
  peer.raw(packet(peer.tag, [chunks]))
  if (turn++ % 4 === 0) peer.send(channels[turn % channels.length]!, true, new Uint8Array(1 + (turn % 3000)))
  if (turn % 16 === 0) peer.wait(700)
  association.expire(peer.nowMs)
  peer.tsn = (peer.tsn + 1) >>> 0
  const { bufferedBytes, channels: open } = association.live()
  assert.ok(bufferedBytes >= 0 && bufferedBytes <= BUFFER_BYTES + SLACK_BYTES, `${bufferedBytes} bytes are buffered`)
  assert.ok(open >= 0 && open <= 64, `${open} channels`)
  assert.ok(peer.received.length < 2000, `${peer.received.length} packets`)
  for (const bytes of peer.received) assert.ok(bytes.length <= 1180)
  if (hasEnded()) {
    assert.equal(association.deadline(), Number.POSITIVE_INFINITY)
    peer = established()
    return
  }
  assert.ok(association.deadline() > peer.nowMs - 1 && !Number.isNaN(association.deadline()), 'a deadline to come')
  if (turn % 50 === 0) goesOn()
  peer.received.splice(0, Math.max(0, peer.received.length - 4))
  peer.events.splice(0, Math.max(0, peer.events.length - EVENTS_KEPT))
}

/** The association that all this went into answers. */
export function goesOn(): void {
  const tag = peer.tag
  assert.ok(peer.isAlive() || tag !== peer.tag, 'a heartbeat is answered')
}
