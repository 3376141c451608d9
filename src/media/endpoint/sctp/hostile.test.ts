import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawPeer } from '../testing/raw-peer.js'
import { chunk, chunksOf, data, init, openMessage, packet, sack, u16, u32 } from '../testing/sctp-chunks.js'
import { SctpLink } from '../testing/sctp-link.js'
import { checkPacket, SctpReason, type sctpReasonNames } from './packet.js'

/** What this process has computed so far: a machine that is busy does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

test('a peer made of bytes can open a channel and talk', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.say([data(peer.tsn++, 2, 1, 51, 'hello'), data(peer.tsn++, 2, 2, 57, '\0')])
  assert.deepEqual(peer.events, ['opened chat', 'text chat hello', 'binary chat '])
})

test('every prefix and every short length is refused, and no flipped byte makes anything be read behind the end', () => {
  const valid = packet(7, [
    sack(5, [[2, 3]]),
    data(9, 2, 1, 51, 'hello'),
    chunk(130, 0, [0, 13, 0, 16, ...new Array(12).fill(0)]),
  ])
  assert.equal(checkPacket(valid, 0, valid.length), SctpReason.accepted)
  // Behind a chunk; the padding of the last may be left out.
  const ends = [32, 53, 54, 55, 56]
  for (let length = 0; length < valid.length; length++) {
    const isWhole = ends.includes(length)
    assert.equal(checkPacket(valid, 0, length) === SctpReason.accepted, isWhole, `prefix of ${length}`)
    assert.notEqual(checkPacket(valid.slice(0, length), 0, valid.length), SctpReason.accepted)
  }
  // The bytes of ports and lengths: a chunk that is longer or shorter does not end where the next begins.
  for (const at of [0, 1, 2, 3, 14, 15, 25, 27, 34, 35, 58, 59, 62, 63]) {
    const flipped = valid.slice()
    flipped[at]! ^= 0x41
    assert.notEqual(checkPacket(flipped, 0, flipped.length), SctpReason.accepted, `byte ${at}`)
  }
})

test('malformed chunks are counted and change nothing', () => {
  const rows: [string, Uint8Array, (typeof sctpReasonNames)[number]][] = [
    ['chunk length 0', chunk(0, 3, new Array(16).fill(0), 0), 'chunk'],
    ['chunk length 3', chunk(14, 0, [], 3), 'chunk'],
    ['chunk past the end', chunk(0, 3, new Array(16).fill(0), 200), 'chunk'],
    ['DATA without user data', chunk(0, 3, new Array(12).fill(0)), 'chunk'],
    ['SACK with 65,535 gap blocks', chunk(3, 0, [...new Array(8).fill(0), 0xff, 0xff, 0, 0]), 'chunk'],
    ['SACK cut', chunk(3, 0, new Array(8).fill(0)), 'chunk'],
    ['FORWARD-TSN of odd length', chunk(192, 0, [0, 0, 0, 0, 1]), 'chunk'],
    ['RE-CONFIG parameter length 0', chunk(130, 0, [0, 13, 0, 0, 1, 2, 3, 4]), 'parameter'],
    ['RE-CONFIG parameter past the end', chunk(130, 0, [0, 13, 0, 99, 1, 2, 3, 4]), 'parameter'],
    ['RE-CONFIG reset too short', chunk(130, 0, [0, 13, 0, 8, 1, 2, 3, 4]), 'parameter'],
    ['HEARTBEAT parameter length 2', chunk(4, 0, [0, 1, 0, 2]), 'parameter'],
    ['a second INIT inside', init(1, 1), 'tag'],
    ['unknown chunk', chunk(0x3f, 0, [1, 2, 3, 4]), 'chunk'],
    ['wrong cookie', chunk(10, 0, new Array(16).fill(9)), 'state'],
    ['short cookie', chunk(10, 0, [1]), 'state'],
  ]
  for (const [name, bytes, reason] of rows) {
    const peer = new RawPeer().connect()
    peer.open(2, 'chat')
    const before = peer.host.count(reason)
    peer.say([bytes])
    assert.equal(peer.host.count(reason), before + 1, name)
    assert.deepEqual(peer.events, ['opened chat'], name)
    assert.ok(peer.isAlive(), name)
  }
})

test('wrong ports and verification tags', () => {
  const peer = new RawPeer().connect()
  const rows: [number, Uint8Array[]][] = [
    [peer.tag + 1, [chunk(6, 0, [])]],
    [0, [chunk(6, 0, [])]],
    [2, [chunk(6, 1, [])]],
    [peer.tag, [chunk(6, 1, [])]],
  ]
  for (const [tag, chunks] of rows) {
    const before = peer.host.count('tag')
    peer.say(chunks, tag)
    assert.equal(peer.host.count('tag'), before + 1)
  }
  const wrongPort = packet(peer.tag, [chunk(6, 0, [])])
  wrongPort[1] = 1
  const before = peer.host.count('port')
  peer.raw(wrongPort)
  assert.equal(peer.host.count('port'), before + 1)
  assert.ok(peer.isAlive())
  peer.say([chunk(6, 1, [])], 1) // ABORT with the reflected tag
  assert.deepEqual(peer.events, ['failed aborted by the peer'])
})

test('INIT with impossible values gets no answer; everything before set-up is ignored', () => {
  const peer = new RawPeer()
  for (const bytes of [init(0, 1), init(1, 1, 1000, 0)]) peer.say([bytes], 0)
  peer.say([init(1, 1)], 5)
  for (const type of [0, 2, 3, 4, 5, 7, 8, 9, 10, 11, 14, 130, 192])
    peer.say([chunk(type, 3, new Array(28).fill(0))], 0)
  assert.deepEqual([peer.received, peer.events], [[], []])
})

test('SACKs for what was never sent are ignored whole', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  peer.received.length = 0
  for (let i = 0; i < 3; i++) {
    peer.send({ label: 'chat', protocol: '', ordered: true }, false, Buffer.from('unacknowledged'))
  }
  const first = Buffer.from(peer.received[0]!).readUInt32BE(16)
  const last = Buffer.from(peer.received.at(-1)!).readUInt32BE(16)
  const buffered = peer.association.live().bufferedBytes
  const rows: [string, Uint8Array][] = [
    ['one too far', sack(last + 1)],
    ['half the space ahead', sack((last + 0x7fffffff) >>> 0)],
    ['gap block past the end', sack(first, [[2, 65_535]])],
    ['gap block start 0', sack(first, [[0, 1]])],
    ['gap block backwards', sack(first, [[2, 1]])],
    [
      'gap blocks overlap',
      sack(first, [
        [1, 2],
        [2, 2],
      ]),
    ],
  ]
  for (const [name, bytes] of rows) {
    const before = peer.host.count('sack')
    const spent = cpuMs()
    peer.say([bytes])
    assert.equal(peer.host.count('sack'), before + 1, name)
    assert.equal(peer.association.live().bufferedBytes, buffered, name)
    assert.ok(cpuMs() - spent < 100, name)
  }
  peer.say([sack(last)])
  assert.equal(peer.association.live().bufferedBytes, 0)
  peer.say([sack(first)])
  assert.ok(peer.isAlive(), 'an old SACK is no harm')
})

test('H-32 a peer whose window stays shut: probed, bounded, then cut off', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const chat = { label: 'chat', protocol: '', ordered: true }
  const sent = () => peer.received.flatMap((bytes) => chunksOf(bytes)).filter(({ type }) => type === 0)
  /** Acknowledges all but the last chunk, and has no room for more. */
  const shut = () => {
    const last = sent().at(-1)!.body.readUInt32BE()
    peer.say([chunk(3, 0, [...u32(last - 1), ...u32(0), 0, 0, 0, 0])])
  }
  shut()
  assert.equal(peer.send(chat, true, new Uint8Array(10_000)), 'sent')
  const before = sent().length
  for (let i = 0; i < 20; i++) {
    shut()
    peer.association.expire((peer.nowMs += 1_000))
  }
  const probes = sent().length - before
  assert.ok(probes > 0 && probes <= 20, `${probes} probes`)
  assert.deepEqual(peer.events, ['opened chat'], 'a slow reader that answers is no dead one')
  let queued = 0
  while (peer.send(chat, true, new Uint8Array(10_000)) === 'sent') queued++
  assert.ok(queued > 90 && queued < 110, `${queued} messages in 1 MiB`)
  assert.deepEqual(peer.events, ['opened chat', 'closed chat'])
  assert.ok(peer.association.live().bufferedBytes < 20_000)
  assert.ok(peer.isAlive())
})

test('H-30 hostile OPEN and data on unknown streams', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const rows: [string, number, Uint8Array][] = [
    ['the same stream again', 2, openMessage('other')],
    ['our parity', 3, openMessage('odd')],
    ['stream 65535', 65_535, openMessage('far')],
    ['stream beyond ours', 4_000, openMessage('far')],
    ['cut', 6, openMessage('label').slice(0, 14)],
    ['64 KiB label', 8, Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 1])],
    ['invalid UTF-8', 10, Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 255])],
    ['ACK of nothing', 12, Uint8Array.of(2)],
    ['one byte of nothing', 14, Uint8Array.of(9)],
  ]
  for (const [, streamId, payload] of rows) peer.say([data(peer.tsn++, streamId, streamId === 2 ? 1 : 0, 50, payload)])
  const before = peer.host.count('unknown_channel')
  peer.say([data(peer.tsn++, 20, 0, 51, 'nobody listens')])
  peer.say([data(peer.tsn++, 2, 2, 99, 'unknown ppid')])
  assert.equal(peer.host.count('unknown_channel'), before + 2)
  peer.say([data(peer.tsn++, 2, 3, 51, 'still here')])
  assert.deepEqual(peer.events, ['opened chat', 'text chat still here'])
  const stream0 = new RawPeer().connect()
  stream0.open(0, 'zero')
  assert.deepEqual(stream0.events, ['opened zero'], 'stream 0 is as good as any')
})

test('more channels than allowed', () => {
  const peer = new RawPeer().connect()
  for (let i = 0; i < 100; i++) peer.open(i * 2, `c${i}`)
  assert.equal(peer.association.live().channels, 64)
  assert.ok(peer.isAlive())
})

test('H-32 gaps, unfinished fragments and waiting messages are bounded', () => {
  const rows: [string, (i: number, tsn: number) => Uint8Array][] = [
    ['every second TSN', (i, tsn) => data(tsn + 1 + i * 2, 2, 1, 51, new Uint8Array(1_000))],
    ['far ahead', (i, tsn) => data(tsn + 10_000 + i, 2, 1, 51, new Uint8Array(1_000))],
    ['a gap and then everything', (i, tsn) => data(tsn + 1 + i, 2, 1 + i, 51, new Uint8Array(1_000), 0)],
    ['order that never comes', (i, tsn) => data(tsn + i, 2, 2 + i, 51, new Uint8Array(1_000))],
    ['order that never comes, one byte each', (i, tsn) => data(tsn + i, 2, 2 + i, 51, 'x')],
    ['begin after begin', (i, tsn) => data(tsn + i, 2, 1 + i, 51, new Uint8Array(1_000), 2)],
    ['middles without begin', (i, tsn) => data(tsn + i, 2, 1, 51, new Uint8Array(1_000), 0)],
    ['a message without end', (i, tsn) => data(tsn + i, 2, 1, 51, new Uint8Array(1_000), i === 0 ? 2 : 0)],
    ['many streams', (i, tsn) => data(tsn + i, i, 5, 51, new Uint8Array(1_000))],
  ]
  for (const [name, build] of rows) {
    const peer = new RawPeer().connect()
    peer.open(2, 'chat')
    const heapBefore = process.memoryUsage()
    for (let i = 0; i < 4_000; i++) {
      peer.say([build(i, peer.tsn)])
      peer.received.length = 0
    }
    const heap = process.memoryUsage()
    const grown = heap.arrayBuffers - heapBefore.arrayBuffers
    assert.ok(grown < 24 * 1024 * 1024, `${name}: ${grown} bytes`)
    const { heldBytes } = peer.association.live()
    assert.ok(heldBytes < 2 * 1024 * 1024, `${name}: ${heldBytes} bytes are told`)
    assert.ok(peer.isAlive(), name)
    const last = peer.received.at(-1)!
    assert.ok(last.length <= 1180, name)
  }
})

test('what waits for a gap is told as held until the gap is filled', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const first = peer.tsn
  peer.say([data(first + 1, 2, 2, 51, new Uint8Array(1_000))])
  const { heldBytes } = peer.association.live()
  assert.ok(heldBytes >= 1_000 && heldBytes < 2_000, `${heldBytes}`)
  peer.say([data(first, 2, 1, 51, 'x')])
  assert.equal(peer.association.live().heldBytes, 0)
})

test('FORWARD-TSN bombs take no time', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  for (let i = 0; i < 2_000; i++) peer.say([data(peer.tsn + 1 + i, 2, 2 + (i % 1_000), 51, 'x')])
  const pairs = Array.from({ length: 280 }, (_, i) => [...u16(2), ...u16(i * 200)]).flat()
  const spent = cpuMs()
  for (let i = 1; i < 50; i++) peer.say([chunk(192, 0, [...u32(peer.tsn + i * 0x1000000), ...pairs])])
  assert.ok(cpuMs() - spent < 500)
  assert.ok(peer.isAlive())
})

test('RE-CONFIG: resets of unknown streams, of all streams, repeated and out of sequence', () => {
  const request = (seq: number, lastTsn: number, streams: number[]) =>
    chunk(130, 0, [
      0,
      13,
      ...u16(16 + streams.length * 2),
      ...u32(seq),
      ...u32(0),
      ...u32(lastTsn),
      ...streams.flatMap(u16),
    ])
  const peer = new RawPeer().connect()
  const firstSeq = peer.tsn
  peer.open(2, 'a')
  peer.open(4, 'b')
  const results = () =>
    peer.received.flatMap((bytes) => {
      const view = Buffer.from(bytes)
      return view[12] === 130 && view.readUInt16BE(16) === 16 ? [view.readUInt32BE(24)] : []
    })
  const rows: [string, Uint8Array, number][] = [
    ['unknown streams', request(firstSeq, peer.tsn - 1, [7, 9999]), 1],
    ['the same again', request(firstSeq, peer.tsn - 1, [7, 9999]), 1],
    ['out of sequence', request(firstSeq + 9, peer.tsn - 1, [2]), 5],
    ['before its data', request(firstSeq + 1, peer.tsn + 5, [2]), 6],
    ['stream 2', request(firstSeq + 1, peer.tsn - 1, [2]), 1],
    ['incoming reset', chunk(130, 0, [0, 14, 0, 8, ...u32(firstSeq + 2)]), 2],
    ['all streams', request(firstSeq + 3, peer.tsn - 1, []), 1],
  ]
  for (const [name, bytes, expected] of rows) {
    peer.received.length = 0
    peer.say([bytes])
    assert.deepEqual(results(), [expected], name)
  }
  assert.deepEqual(peer.events, ['opened a', 'opened b', 'closed a', 'closed b'])
  assert.ok(peer.isAlive())
})

test('random chunks with right checksum and tag never throw', () => {
  const link = new SctpLink({ seed: 77 })
  const random = (below: number) => Math.floor(link.random() * below)
  const types = [0, 0, 0, 2, 3, 3, 4, 5, 9, 10, 11, 12, 130, 130, 192, 192, 200, 63]
  for (let round = 0; round < 60; round++) {
    const peer = new RawPeer().connect()
    peer.open(2, 'chat')
    for (let i = 0; i < 100; i++) {
      const chunks = Array.from({ length: 1 + random(3) }, () => {
        const body = Array.from({ length: random(40) }, () => (random(3) === 0 ? random(256) : random(4)))
        if (random(2) === 0) body.splice(0, 4, ...u32(peer.tsn + random(20) - 5))
        return chunk(types[random(types.length)]!, random(8), body, random(10) === 0 ? random(70) : body.length + 4)
      })
      peer.say(chunks)
      if (random(10) === 0) peer.send({ label: 'chat', protocol: '', ordered: true }, true, new Uint8Array(3_000))
      if (random(20) === 0) peer.association.expire((peer.nowMs += 500))
    }
    peer.association.close()
    assert.equal(peer.association.deadlineMs, Number.POSITIVE_INFINITY)
  }
})

test('a flood of the smallest messages is held by what it costs, not by its payload', () => {
  const { association } = new RawPeer().connect()
  const chat = { label: 'chat', protocol: '', ordered: true }
  let queued = 0
  while (association.send(0, chat, true, Uint8Array.of(1)) === 'sent') queued++
  assert.ok(queued > 1_000 && queued * 185 < 1 << 20, `${queued} messages of 185 bytes each within 1 MiB`)

  const peer = new RawPeer().connect()
  const late = peer.host.count('window')
  for (let i = 1; i <= 8_000; i++) peer.hand([data(peer.tsn + i, 2, 0, 51, 'x', 0)])
  peer.association.flush(peer.nowMs)
  const held = 8_000 - (peer.host.count('window') - late)
  assert.ok(held > 1_000 && held * 220 < 1 << 20, `${held} fragments of 220 bytes each within 1 MiB`)
})

test('a long message in very short fragments arrives', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const fragments = 5_458
  for (let i = 0; i < fragments; i++) {
    const flags = (i === 0 ? 2 : 0) | (i === fragments - 1 ? 1 : 0)
    peer.hand([data(peer.tsn++, 2, 1, 53, 'x'.repeat(48), flags)])
  }
  peer.association.flush(peer.nowMs)
  assert.equal(peer.events.at(-1), `binary chat ${'x'.repeat(20)}`)
  const before = chunksOf(peer.received.at(-1)!).find(({ type }) => type === 3)!.body
  assert.equal(before.readUInt32BE(0), peer.tsn - 1)
  assert.equal(before.readUInt32BE(4), 1 << 20, 'nothing of it is held')
})

test('the next fragment is taken however much has come too early', () => {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const size = 1000
  const fragments = 262
  const first = peer.tsn
  // The window is full of what comes behind the long message.
  for (let i = 0; i < 900; i++) {
    peer.hand([data(first + fragments + i, 2, i + 2, 53, new Uint8Array(size), 3)])
  }
  for (let i = 0; i < fragments; i++) {
    const flags = (i === 0 ? 2 : 0) | (i === fragments - 1 ? 1 : 0)
    peer.hand([data(first + i, 2, 1, 53, 'x'.repeat(size), flags)])
  }
  peer.association.flush(peer.nowMs)
  assert.ok(peer.events.length > 800, `${peer.events.length}`)
})
