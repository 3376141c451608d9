/** Messages of several users towards one peer: whose are dropped when they are to stop, and who may open how many channels. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../control.js'
import { RawPeer } from '../testing/raw-peer.js'
import { chunksOf, sack } from '../testing/sctp-chunks.js'
import { SctpLink } from '../testing/sctp-link.js'
import { SeededSctpHost } from '../testing/seeded-sctp-host.js'
import { openAssociation } from './association.js'

const chat: ChannelParameters = { label: 'chat', protocol: '', ordered: true }
const moves: ChannelParameters = { label: 'moves', protocol: '', ordered: false, maxRetransmits: 0 }

/** A server with a bound on channels for each sender, and a client that keeps what it hears. */
function pair() {
  const link = new SctpLink()
  const heard: string[] = []
  const events = { opened() {}, closed() {}, failed: (reason: string) => assert.fail(reason) }
  const limits = { dataBufferBytes: 1 << 20, maxMessageBytes: 262_144, maxChannels: 16, maxChannelsPerSender: 4 }
  const host = new SeededSctpHost()
  const server = openAssociation({
    host,
    role: 'server',
    transmit: link.transmit(0),
    events: { ...events, message: () => assert.fail('the client says nothing') },
    limits,
  })
  const client = openAssociation({
    host: new SeededSctpHost(2),
    role: 'client',
    transmit: link.transmit(1),
    events: {
      ...events,
      message: ({ label }, _binary, payload) => heard.push(`${label} ${Buffer.from(payload).toString('latin1')}`),
    },
    limits: { ...limits, maxChannels: 64 },
  })
  link.connect(server, client)
  const say = (sender: number | undefined, text: string, channel = chat) =>
    server.send(link.nowMs, channel, false, Buffer.from(text), sender === undefined ? undefined : `user ${sender}`)
  return { host, link, server, client, heard, say }
}

test('what one sender has queued is dropped on all channels, and nothing of the others', () => {
  const { link, server, heard, say } = pair()
  const expected: string[] = []
  for (let i = 0; i < 30; i++) {
    const channel = i % 2 === 0 ? chat : moves
    // The last of a channel, its first, and all in between; and some of nobody's.
    const sender = i % 5 === 4 ? undefined : [1, 2, 0, 1][i % 4]
    assert.equal(say(sender, String(i), channel), 'sent')
    if (sender !== 1) expected.push(`${channel.label} ${i}`)
  }
  assert.deepEqual([server.discardFrom('user 1'), server.discardFrom('user 77')], [30 - expected.length, 0])
  link.run(2_000)
  const of = (list: string[], label: string) => list.filter((text) => text.startsWith(label))
  for (const { label } of [chat, moves]) assert.deepEqual(of(heard, label), of(expected, label))
  assert.deepEqual(server.live(), { channels: 2, bufferedBytes: 0, heldBytes: 0 })
  assert.equal(say(1, 'again'), 'sent')
  link.run(1_000)
  assert.equal(heard.at(-1), 'chat again')
})

test('a channel on which everything was dropped goes on, and one that waited to close is closed', () => {
  const { link, server, client, heard, say } = pair()
  say(2, 'first')
  link.run(1_000)
  for (let i = 0; i < 3; i++) say(1, `dropped ${i}`)
  assert.equal(server.discardFrom('user 1'), 3)
  assert.equal(server.live().bufferedBytes, 0)
  say(2, 'second')
  link.run(1_000)
  say(1, 'dropped')
  assert.equal(server.discardFrom('user 1'), 1)
  server.closeChannels('chat')
  server.flush(link.nowMs)
  link.run(1_000)
  assert.deepEqual(heard, ['chat first', 'chat second'])
  assert.deepEqual([server.live().channels, client.live().channels], [0, 0])
})

test('what waits on a channel that is closed is dropped and counted, of a long message as of those behind it', () => {
  const { host, link, server, say } = pair()
  say(1, 'first')
  link.run(1_000)
  for (const text of ['x'.repeat(200_000), 'second', 'third']) say(1, text)
  server.flush(link.nowMs)
  say(2, 'on another', moves)
  server.closeChannels('chat')
  server.flush(link.nowMs)
  assert.equal(host.count('closed'), 3)
  link.run(1_000)
  assert.deepEqual([server.live(), host.count('closed')], [{ channels: 1, bufferedBytes: 0, heldBytes: 0 }, 3])
})

test('a message that has begun to leave is finished', () => {
  const peer = new RawPeer()
  peer.windowBytes = 5_000
  peer.connect()
  peer.open(2, 'chat')
  peer.received.length = 0
  const lastTsn = () =>
    peer.received
      .flatMap(chunksOf)
      .filter(({ type }) => type === 0)
      .at(-1)
      ?.body.readUInt32BE()
  for (const [sender, fill] of [
    [1, 65],
    [1, 66],
    [2, 67],
  ] as const) {
    assert.equal(
      peer.association.send(peer.nowMs, chat, true, new Uint8Array(20_000).fill(fill), `user ${sender}`),
      'sent',
    )
  }
  peer.association.flush(peer.nowMs)
  const before = peer.association.live().bufferedBytes
  assert.equal(peer.association.discardFrom('user 1'), 1)
  assert.equal(before - peer.association.live().bufferedBytes, 20_192, 'one message and what it costs to keep it')
  const sent = new Map<number, number>()
  for (let round = 0; round < 100; round++) {
    for (const { type, body } of peer.received.flatMap(chunksOf)) {
      if (type === 0) sent.set(body[12]!, (sent.get(body[12]!) ?? 0) + body.length - 12)
    }
    const tsn = lastTsn()
    peer.received.length = 0
    if (tsn !== undefined) peer.say([sack(tsn, [], 5_000)])
  }
  assert.deepEqual(
    [...sent],
    [
      [65, 20_000],
      [67, 20_000],
    ],
  )
  assert.equal(peer.association.live().bufferedBytes, 0)
})

test('one sender opens no more than a share of the channels, and speaks on those of others', () => {
  const { host, link, server, client, say } = pair()
  const channel = (label: string) => ({ ...chat, label })
  const labels = Array.from({ length: 10 }, (_, i) => `flood ${i}`)
  const outcomes = labels.map((label) => say(7, 'x', channel(label)))
  assert.deepEqual(outcomes, [...Array(4).fill('sent'), ...Array(6).fill('closed')])
  assert.equal(host.count('channel_limit'), 6)
  assert.equal(say(8, 'x', channel('another')), 'sent')
  assert.equal(say(7, 'x', channel('another')), 'sent')
  assert.equal(say(undefined, 'x', channel('of nobody')), 'sent')
  link.run(1_000)
  assert.equal(client.live().channels, 6)
  // A channel that is gone makes room again.
  client.closeChannels('flood 0')
  client.flush(link.nowMs)
  link.run(1_000)
  assert.equal(server.live().channels, 5)
  assert.equal(say(7, 'x', channel('flood 9')), 'sent')
  assert.equal(say(7, 'x', channel('flood 8')), 'closed')
  // The bound of all holds as well.
  const others = Array.from({ length: 12 }, (_, i) => say(100 + i, 'x', channel(`other ${i}`)))
  assert.deepEqual(others, [...Array(10).fill('sent'), ...Array(2).fill('closed')])
})
