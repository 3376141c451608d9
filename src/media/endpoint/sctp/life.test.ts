/** What happens to an association in the course of its life: numbers that wrap, silence, restarts, ends. Virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../control.js'
import { RawPeer } from '../testing/raw-peer.js'
import { chunk, chunksOf, data, init, packet, sack, u16, u32 } from '../testing/sctp-chunks.js'
import { beginsAssociation } from './association.js'

const chat: ChannelParameters = { label: 'chat', protocol: '', ordered: true }
const loose: ChannelParameters = { label: 'loose', protocol: '', ordered: false, maxRetransmits: 0 }
const DAY_MS = 86_400_000

/** TSNs of DATA chunks that we sent and the peer has not looked at. */
const sentTsns = (peer: RawPeer) =>
  peer.received
    .flatMap(chunksOf)
    .filter(({ type }) => type === 0)
    .map(({ body }) => body.readUInt32BE())

test('a day of messages: TSNs and stream sequence numbers wrap, both ways', () => {
  const peer = new RawPeer()
  // A day does not use up 2^32 TSNs: both ends begin so close to the end that it comes.
  peer.tsn = 0xffff_0000
  peer.initialTsn = 0xffff_8000
  peer.connect()
  peer.open(2, 'chat')
  let ssn = 1
  let echoed = 0
  const steps = 200_000
  for (let i = 0; i < steps; i++) {
    peer.nowMs += DAY_MS / steps
    peer.received.length = 0
    peer.say([data(peer.tsn, 2, ssn, 51, 'tick')])
    peer.tsn = (peer.tsn + 1) >>> 0
    ssn = (ssn + 1) & 0xffff
    peer.send(chat, false, Buffer.from('tock'))
    const tsns = sentTsns(peer)
    if (tsns.length > 0) {
      echoed += tsns.length
      peer.say([sack(tsns.at(-1)!)])
    }
  }
  const messages = peer.events.filter((event) => event === 'text chat tick').length
  assert.equal(messages, steps)
  assert.ok(peer.tsn < 0x1000_0000, 'the peer has wrapped')
  assert.ok(echoed >= steps, `${echoed}`)
  assert.deepEqual(peer.association.live(), { channels: 1, bufferedBytes: 0, heldBytes: 0 })
  assert.ok(peer.isAlive())
})

test('our TSNs wrap in the middle of losses, and abandoned messages with them', () => {
  const peer = new RawPeer()
  peer.initialTsn = 0xffff_fff0
  peer.connect()
  peer.open(2, 'chat')
  peer.send(loose, true, new Uint8Array(10))
  const first = sentTsns(peer)[0]!
  assert.equal(first, 0xffff_fff0)
  peer.say([sack(sentTsns(peer).at(-1)!)])
  peer.say([data(peer.tsn++, 1, 0, 50, Uint8Array.of(2))])
  for (let i = 0; i < 40; i++) {
    peer.received.length = 0
    for (let n = 0; n < 4; n++) peer.send(loose, true, new Uint8Array(10).fill(n))
    const tsns = sentTsns(peer)
    // The first of four is lost for ever, and the peer says so in three SACKs.
    const cumulative = (tsns[0]! - 1) >>> 0
    for (let n = 1; n < 4; n++) peer.say([sack(cumulative, [[2, 1 + n]])])
    const forwards = peer.received.flatMap(chunksOf).filter(({ type }) => type === 192)
    assert.equal(forwards.at(-1)?.body.readUInt32BE(), tsns[0], `round ${i}`)
    peer.say([sack(tsns[3]!)])
  }
  assert.equal(peer.association.live().bufferedBytes, 0)
  assert.deepEqual(peer.events, ['opened chat', 'opened loose'])
})

test('a silent peer is asked after 30 s; with answers it lives for ever', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([sack(sentTsns(peer).at(-1)!)])
  for (let minute = 0; minute < 60; minute++) {
    peer.received.length = 0
    peer.wait(30_001)
    const asked = peer.received.flatMap(chunksOf).filter(({ type }) => type === 4)
    assert.equal(asked.length, 1, `after ${minute} × 30 s`)
    peer.say([chunk(5, 0, [...asked[0]!.body])])
  }
  assert.deepEqual(peer.events, ['opened chat'])
})

test('a peer that answers no heartbeat is given up, and told so', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([sack(sentTsns(peer).at(-1)!)])
  peer.wait(20_000)
  assert.deepEqual(peer.events, ['opened chat'])
  peer.wait(200_000)
  assert.deepEqual(peer.events, ['opened chat', 'closed chat', 'failed the peer does not answer'])
  assert.equal(chunksOf(peer.received.at(-1)!)[0]!.type, 6, 'ABORT')
  assert.equal(peer.association.deadlineMs, Number.POSITIVE_INFINITY)
})

test('the retransmission timer backs off up to 4 s, and an answer ends that', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([sack(sentTsns(peer).at(-1)!)])
  const sentAtMs = () => {
    const before = peer.received.length
    peer.untilSent()
    assert.ok(peer.received.length > before)
    return peer.nowMs
  }
  peer.send(chat, false, Buffer.from('anybody?'))
  const times = [peer.nowMs]
  for (let i = 0; i < 6; i++) times.push(sentAtMs())
  const pauses = times.slice(1).map((time, i) => time - times[i]!)
  for (let i = 1; i < pauses.length; i++) {
    assert.ok(Math.abs(pauses[i]! - Math.min(pauses[i - 1]! * 2, 4_000)) <= 2, `${pauses}`)
  }
  peer.say([sack(sentTsns(peer).at(-1)!)])
  peer.send(chat, false, Buffer.from('good'))
  const saidMs = peer.nowMs
  assert.ok(sentAtMs() - saidMs < 1_000, 'no back-off any more')
})

test('a peer that begins anew gets a new association: channels are gone, new ones work', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.send(chat, false, Buffer.from('never acknowledged'))
  const oldTag = peer.tag
  peer.say([init(99, 5_000)], 0)
  peer.send(chat, false, Buffer.from('still the old one'))
  assert.deepEqual(peer.events, ['opened chat'], 'nothing changes before the cookie is back')
  peer.finishSetup(5_000)
  assert.notEqual(peer.tag, oldTag)
  assert.deepEqual(peer.events, ['opened chat', 'closed chat'])
  assert.deepEqual(peer.association.live(), { channels: 0, bufferedBytes: 0, heldBytes: 0 })
  peer.open(2, 'again')
  peer.say([data(peer.tsn++, 2, 1, 51, 'hello')])
  assert.deepEqual(peer.events.slice(2), ['opened again', 'text again hello'])
  peer.received.length = 0
  peer.say([chunk(4, 0, [0, 1, 0, 8, 1, 2, 3, 4])], oldTag)
  assert.deepEqual(peer.received, [], 'the old tag is worth nothing')
  assert.ok(peer.isAlive())
})

test('a peer begins anew only with the tag that came with the cookie, and with the cookie first', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([init(99, 5_000)], 0)
  const { body } = chunksOf(peer.received.at(-1)!)[0]!
  const newTag = body.readUInt32BE()
  const cookie = [...body.subarray(-16)]
  const message = data(peer.tsn, 2, 0, 51, 'hello')
  const rows: [string, Uint8Array[], number][] = [
    ['the tag of before', [chunk(10, 0, cookie)], peer.tag],
    ['no tag', [chunk(10, 0, cookie)], 0],
    ['behind a chunk, the tag of before', [chunk(11, 0, []), chunk(10, 0, cookie)], peer.tag],
    ['behind a chunk', [chunk(11, 0, []), chunk(10, 0, cookie)], newTag],
    ['another cookie, then data', [chunk(10, 0, cookie.toReversed()), message], newTag],
  ]
  for (const [name, chunks, tag] of rows) {
    peer.received.length = 0
    peer.say(chunks, tag)
    assert.deepEqual(peer.events, ['opened chat'], name)
    const answers = peer.received.flatMap(chunksOf).filter(({ type }) => type === 11)
    assert.deepEqual(answers, [], name)
  }
  assert.ok(peer.isAlive(), 'the association of before goes on')
  peer.say([chunk(10, 0, cookie)], newTag)
  assert.deepEqual(peer.events, ['opened chat', 'closed chat'])
})

test('closed from within the event that the peer has begun anew, it stays closed', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const note = peer.events.push.bind(peer.events)
  peer.events.push = (...events) => {
    if (events[0] === 'closed chat') peer.association.close()
    return note(...events)
  }
  peer.say([init(99, 5_000)], 0)
  const { body } = chunksOf(peer.received.at(-1)!)[0]!
  peer.received.length = 0
  peer.say([chunk(10, 0, [...body.subarray(-16)])], body.readUInt32BE())
  assert.deepEqual([...peer.events], ['opened chat', 'closed chat'])
  assert.deepEqual(
    peer.received.flatMap(chunksOf).map(({ type }) => type),
    [6],
    'ABORT, and no COOKIE ACK',
  )
  assert.ok(peer.association.hasEnded)
  assert.equal(peer.association.deadlineMs, Number.POSITIVE_INFINITY)
})

test('only an INIT without a tag, and whole, begins an association', () => {
  const rows: [string, Uint8Array, boolean][] = [
    ['INIT', packet(0, [init(1, 1)]), true],
    ['INIT with a tag', packet(5, [init(1, 1)]), false],
    ['half an INIT', packet(0, [init(1, 1)]).subarray(0, 24), false],
    ['INIT ACK', packet(0, [chunk(2, 0, new Array(16).fill(0))]), false],
    ['data', packet(0, [data(1, 0, 0, 51, 'x')]), false],
    ['nothing', packet(0, []), false],
  ]
  for (const [name, bytes, begins] of rows) assert.equal(beginsAssociation(bytes, 0, bytes.length), begins, name)
})

test('a late copy of INIT or COOKIE ECHO changes nothing', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.received.length = 0
  peer.say([init(1, 1000)], 0)
  assert.deepEqual(peer.received, [])
  peer.say([chunk(10, 0, [...peer.cookie])])
  assert.deepEqual(
    peer.received.flatMap(chunksOf).map(({ type }) => type),
    [11],
    'COOKIE ACK once more',
  )
  assert.deepEqual(peer.events, ['opened chat'])
  assert.ok(peer.isAlive())
})

test('SHUTDOWN is answered, again when the answer is lost; with impossible numbers it is not', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const last = sentTsns(peer).at(-1)!
  peer.say([chunk(7, 0, u32(last + 100))])
  assert.deepEqual(peer.events, ['opened chat'])
  peer.received.length = 0
  peer.say([chunk(7, 0, u32(last))])
  peer.say([chunk(7, 0, u32(last))])
  assert.deepEqual(
    peer.received.flatMap(chunksOf).map(({ type }) => type),
    [8, 8],
  )
  assert.deepEqual(peer.events, ['opened chat', 'closed chat', 'failed shut down by the peer'])
  peer.received.length = 0
  peer.say([chunk(4, 0, [0, 1, 0, 8, 1, 2, 3, 4])])
  assert.deepEqual(peer.received, [], 'and nothing else is')
})

test('a chunk with the immediate bit, and one that came before, are acknowledged at once; others may wait', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.wait(300)
  const sacksFor = (bytes: Uint8Array) => {
    peer.received.length = 0
    peer.say([bytes])
    return peer.received.flatMap(chunksOf).filter(({ type }) => type === 3).length
  }
  assert.equal(sacksFor(data(peer.tsn++, 2, 1, 51, 'may wait')), 0)
  peer.wait(300)
  assert.equal(sacksFor(data(peer.tsn++, 2, 2, 51, 'now', 3 | 8)), 1)
  assert.equal(sacksFor(data(peer.tsn - 1, 2, 2, 51, 'again')), 1)
})

test('one batch, one packet: messages and the acknowledgement of what came', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([sack(sentTsns(peer).at(-1)!)])
  peer.wait(300)
  peer.received.length = 0
  peer.hand([data(peer.tsn++, 2, 1, 51, 'a')])
  peer.hand([data(peer.tsn++, 2, 2, 51, 'b')])
  for (let i = 0; i < 5; i++) peer.association.send(peer.nowMs, chat, true, new Uint8Array(100))
  assert.deepEqual(peer.received, [], 'nothing before the end of the batch')
  peer.association.flush(peer.nowMs)
  assert.deepEqual(
    peer.received.map((bytes) => chunksOf(bytes).map(({ type }) => type)),
    [[3, 0, 0, 0, 0, 0]],
    'control chunks first (RFC 9260 §6.10)',
  )
})

test('channels take turns by bytes: a short message waits for one long one at most', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.open(4, 'bulk')
  peer.say([sack(sentTsns(peer).at(-1)!)])
  peer.received.length = 0
  const bulk = { ...chat, label: 'bulk' }
  for (let i = 0; i < 10; i++) peer.association.send(peer.nowMs, bulk, true, new Uint8Array(20_000))
  for (let i = 0; i < 3; i++) peer.association.send(peer.nowMs, chat, true, new Uint8Array(50))
  peer.association.flush(peer.nowMs)
  const streams: number[] = []
  for (let i = 0; i < 200 && peer.association.live().bufferedBytes > 0; i++) {
    for (const { type, body } of peer.received.flatMap(chunksOf)) if (type === 0) streams.push(body.readUInt16BE(4))
    const last = sentTsns(peer).at(-1)!
    peer.received.length = 0
    peer.say([sack(last)])
  }
  const beforeChat = streams.indexOf(2)
  assert.ok(beforeChat <= Math.ceil(20_000 / 1_000), `${beforeChat} chunks of the other channel came first`)
  assert.equal(streams.filter((stream) => stream === 2).length, 3)
  assert.ok(streams.lastIndexOf(2) < 30, 'all three before the second long message ends')
})

test('a window below 1,500 bytes is refused, any other is kept to', () => {
  const refused = new RawPeer()
  refused.say([init(1, 1, 1_499)], 0)
  assert.deepEqual(refused.received, [])
  const peer = new RawPeer()
  peer.windowBytes = 5_000
  peer.connect()
  peer.open(2, 'chat')
  peer.say([sack(sentTsns(peer).at(-1)!, [], 5_000)])
  peer.received.length = 0
  peer.send(chat, true, new Uint8Array(100_000))
  const bytes = peer.received.reduce((sum, packet) => sum + packet.length, 0)
  assert.ok(bytes <= 5_000 + 5 * 40, `${bytes} bytes into a window of 5,000`)
})

for (const isClosedBefore of [true, false]) {
  const name = isClosedBefore ? 'that was closed before set-up' : 'that waits for set-up'
  test(`a channel ${name}, on a stream that the peer does not have, is told as closed once`, () => {
    const peer = new RawPeer()
    peer.send(chat, false, Buffer.from('early'))
    if (isClosedBefore) peer.association.closeChannels('chat')
    assert.deepEqual(peer.events, isClosedBefore ? ['closed chat'] : [])
    // One stream: number 0, and ours are odd.
    peer.say([init(1, peer.tsn, peer.windowBytes, 1)], 0)
    peer.finishSetup(peer.tsn)
    assert.deepEqual(peer.events, ['closed chat'])
    peer.wait(5_000)
    const types = peer.received.flatMap(chunksOf).map(({ type }) => type)
    assert.deepEqual([types.includes(0), types.includes(130)], [false, false], 'nothing is said of that stream')
    assert.deepEqual(peer.association.live(), { channels: 0, bufferedBytes: 0, heldBytes: 0 })
    assert.equal(peer.send(chat, false, Buffer.from('later')), 'closed')
    assert.ok(peer.isAlive())
  })
}

/** RFC 6525 §4.4: nothing to do, performed, denied, wrong SSN, already in progress, bad sequence number. */
const resetResults = { 0: true, 1: true, 2: false, 3: false, 4: false, 5: false }
for (const [result, isUsedAgain] of Object.entries(resetResults)) {
  test(`a reset that is answered with ${result}: the stream is ${isUsedAgain ? '' : 'not '}used again`, () => {
    const peer = new RawPeer().connect()
    const denied = () => peer.host.count('reset_denied')
    const before = denied()
    const streams = () =>
      peer.received
        .flatMap(chunksOf)
        .filter(({ type }) => type === 0)
        .map(({ body }) => body.readUInt16BE(4))
    peer.send(chat, false, Buffer.from('one'))
    peer.say([sack(sentTsns(peer).at(-1)!)])
    peer.say([data(peer.tsn++, 1, 0, 50, Uint8Array.of(2))])
    assert.deepEqual([...new Set(streams())], [1])
    peer.association.closeChannels('chat')
    peer.association.flush(peer.nowMs)
    const request = peer.received.flatMap(chunksOf).find(({ type }) => type === 130)!.body
    // Its own direction, and what it says of ours.
    peer.say([chunk(130, 0, [...u16(13), ...u16(18), ...u32(1000), ...u32(0), ...u32(peer.tsn - 1), ...u16(1)])])
    peer.say([chunk(130, 0, [...u16(16), ...u16(12), ...u32(request.readUInt32BE(4)), ...u32(Number(result))])])
    peer.received.length = 0
    peer.send({ ...chat, label: 'next' }, false, Buffer.from('two'))
    assert.deepEqual([...new Set(streams())], [isUsedAgain ? 1 : 3])
    assert.equal(denied() - before, isUsedAgain ? 0 : 1)
    assert.deepEqual(peer.events, ['opened chat', 'closed chat'])
    assert.equal(peer.association.live().channels, 1)
    assert.ok(peer.isAlive())
  })
}
