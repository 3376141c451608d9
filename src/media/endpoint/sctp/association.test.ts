import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../control.js'
import { type LinkOptions, SctpLink } from '../testing/sctp-link.js'
import { SeededSctpHost } from '../testing/seeded-sctp-host.js'
import { type Association, openAssociation } from './association.js'

const limits = { dataBufferBytes: 4 * 1024 * 1024, maxMessageBytes: 262_144, maxChannels: 64 }
const chat: ChannelParameters = { label: 'chat', protocol: '', ordered: true }
const lossy: ChannelParameters = { label: 'lossy', protocol: 'p', ordered: false, maxRetransmits: 0 }

interface Received {
  label: string
  binary: boolean
  text: string
}

/** One end with a record of what its events said. */
class Peer {
  readonly messages: Received[] = []
  readonly payloads: Uint8Array[] = []
  readonly opened: ChannelParameters[] = []
  readonly closed: string[] = []
  readonly failed: string[] = []
  readonly association: Association
  readonly host: SeededSctpHost
  readonly #link: SctpLink

  constructor(link: SctpLink, side: 0 | 1, overrides: Partial<typeof limits> = {}) {
    this.#link = link
    this.host = new SeededSctpHost(side + 1)
    this.association = openAssociation({
      host: this.host,
      role: side === 0 ? 'client' : 'server',
      transmit: link.transmit(side),
      events: {
        message: ({ label }, binary, payload) => {
          this.messages.push({ label, binary, text: Buffer.from(payload).toString('latin1').slice(0, 64) })
          this.payloads.push(payload)
        },
        opened: (channel) => this.opened.push(channel),
        closed: ({ label }) => this.closed.push(label),
        failed: (reason) => this.failed.push(reason),
      },
      limits: { ...limits, ...overrides },
    })
  }

  say(text: string, channel = chat): string {
    return this.send(channel, false, Buffer.from(text))
  }

  send(channel: ChannelParameters, binary: boolean, payload: Uint8Array): string {
    return this.association.send(this.#link.nowMs, channel, binary, payload)
  }

  texts(): string[] {
    return this.messages.map(({ text }) => text)
  }
}

function pair(options: LinkOptions = {}, overrides: Partial<typeof limits> = {}) {
  const link = new SctpLink(options)
  const client = new Peer(link, 0, overrides)
  const server = new Peer(link, 1, overrides)
  link.connect(client.association, server.association)
  return { link, client, server }
}

test('the first message opens association and channel; the answer goes back on the same one', () => {
  const { link, client, server } = pair()
  assert.equal(client.say('hello'), 'sent')
  assert.ok(link.run(1_000, () => server.messages.length > 0))
  assert.deepEqual(server.messages, [{ label: 'chat', binary: false, text: 'hello' }])
  assert.deepEqual(server.opened, [chat])
  assert.equal(server.say('hi'), 'sent')
  assert.ok(link.run(1_000, () => client.messages.length > 0))
  assert.deepEqual(client.opened, [chat])
  assert.equal(client.association.live().channels, 1)
  assert.equal(server.association.live().channels, 1, 'no second channel was opened')
  link.run(2_000)
  assert.deepEqual(client.association.live(), { channels: 1, bufferedBytes: 0, heldBytes: 0 })
  assert.ok(client.association.deadlineMs >= 30_000, 'an idle association has nothing to do but to ask now and then')
})

test('text and binary, empty and not, keep their kind', () => {
  const { link, client, server } = pair()
  const sent: [boolean, string][] = [
    [false, 'text'],
    [true, 'bytes'],
    [false, ''],
    [true, ''],
  ]
  for (const [binary, text] of sent) client.send(chat, binary, Buffer.from(text))
  link.run(1_000)
  assert.deepEqual(
    server.messages.map(({ binary, text }) => [binary, text]),
    sent,
  )
})

test('both sides may begin at once', () => {
  const { link, client, server } = pair()
  client.say('from the client')
  server.say('from the server')
  link.run(3_000)
  assert.deepEqual(client.texts(), ['from the server'])
  assert.deepEqual(server.texts(), ['from the client'])
  assert.equal(client.association.live().channels, 2, 'each had opened its own before it knew of the other')
})

test('a channel has the parameters it was opened with', () => {
  const rows: ChannelParameters[] = [
    { label: 'a', protocol: '', ordered: true },
    { label: 'b', protocol: 'proto', ordered: false },
    { label: 'c', protocol: '', ordered: true, maxRetransmits: 3 },
    { label: 'd', protocol: '', ordered: false, maxPacketLifeTimeMs: 500 },
    { label: '', protocol: '', ordered: false, maxRetransmits: 0 },
    { label: 'ünïcode ✓', protocol: '', ordered: true },
  ]
  const { link, client, server } = pair()
  for (const row of rows) assert.equal(client.say(row.label, row), 'sent')
  link.run(2_000)
  // Channels overtake each other.
  const byLabel = (a: ChannelParameters, b: ChannelParameters) => (a.label < b.label ? -1 : 1)
  assert.deepEqual(server.opened.toSorted(byLabel), rows.toSorted(byLabel))
  assert.equal(server.messages.length, rows.length)
})

test('a 250 KB message arrives whole', () => {
  const { link, client, server } = pair()
  const payload = Uint8Array.from({ length: 250_000 }, (_, i) => (i * 7) ^ (i >> 8))
  assert.equal(client.send(chat, true, payload), 'sent')
  assert.ok(link.run(5_000, () => server.payloads.length > 0))
  assert.deepEqual(Buffer.compare(server.payloads[0]!, payload), 0)
  link.run(5_000)
  assert.equal(client.association.live().bufferedBytes, 0)
})

test('10 % loss and reordering: everything arrives, in order, both ways', () => {
  for (const seed of [1, 2, 3]) {
    const { link, client, server } = pair({ loss: 0.1, reorder: 0.1, seed, delayMs: 20 })
    const expected = Array.from({ length: 300 }, (_, i) => `message ${i}`)
    for (const text of expected) {
      assert.equal(client.say(text), 'sent')
      link.run(5)
      assert.equal(server.say(text, { ...chat, label: 'back' }), 'sent')
    }
    const all = () => server.messages.length >= 300 && client.messages.length >= 300
    assert.ok(link.run(60_000, all), `seed ${seed}: ${server.messages.length} and ${client.messages.length}`)
    assert.deepEqual(server.texts(), expected)
    assert.deepEqual(client.texts(), expected)
  }
})

test('a 250 KB message survives 10 % loss in reasonable time', () => {
  for (const seed of [4, 5, 6]) {
    const { link, client, server } = pair({ loss: 0.1, seed, delayMs: 20 })
    const payload = Uint8Array.from({ length: 250_000 }, (_, i) => (i * 31) ^ (i >> 7))
    client.send(chat, true, payload)
    assert.ok(
      link.run(30_000, () => server.payloads.length > 0),
      `seed ${seed}`,
    )
    assert.equal(Buffer.compare(server.payloads[0]!, payload), 0)
    assert.ok(link.nowMs < 25_000, `took ${link.nowMs} ms`)
  }
})

test('unreliable messages are given up, reliable ones on the same path are not', () => {
  const { link, client, server } = pair({ loss: 0.2, seed: 9, delayMs: 20 })
  client.say('first', lossy)
  client.say('first')
  link.run(5_000)
  const lifetime: ChannelParameters = { label: 'timed', protocol: '', ordered: true, maxPacketLifeTimeMs: 100 }
  for (let i = 0; i < 200; i++) {
    client.say(`u${i}`, lossy)
    client.say(`t${i}`, lifetime)
    client.say(`r${i}`)
    link.run(20)
  }
  link.run(60_000)
  const of = (label: string) => server.messages.filter((message) => message.label === label).map(({ text }) => text)
  assert.deepEqual(of('chat'), ['first', ...Array.from({ length: 200 }, (_, i) => `r${i}`)])
  const unreliable = of('lossy').length
  assert.ok(unreliable > 100 && unreliable < 200, `${unreliable} of 200 at 20 % loss`)
  const timed = of('timed')
  assert.ok(timed.length > 100, `${timed.length}`)
  assert.deepEqual(
    timed,
    [...timed].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
    'still in order',
  )
  assert.equal(client.association.live().bufferedBytes, 0)
})

test('large unreliable messages are given up as a whole', () => {
  const { link, client, server } = pair({ loss: 0.05, seed: 11, delayMs: 20 })
  client.say('open', lossy)
  link.run(2_000)
  for (let i = 0; i < 40; i++) {
    client.send(lossy, true, new Uint8Array(10_000).fill(i))
    link.run(50)
  }
  link.run(60_000)
  const large = server.payloads.filter((payload) => payload.length > 10)
  assert.ok(large.length > 5 && large.length < 40, `${large.length} of 40`)
  for (const payload of large) assert.ok(payload.length === 10_000 && payload.every((byte) => byte === payload[0]))
  assert.equal(client.association.live().bufferedBytes, 0)
})

test('H-32 a receiver that does not keep up: unreliable is dropped, reliable closes the channel', () => {
  const { link, client, server } = pair({}, { dataBufferBytes: 50_000 })
  client.say('open')
  client.say('open', lossy)
  link.run(1_000)
  link.filter = (from) => from === 0 // the server is not heard any more
  const before = client.host.count('buffer')
  const results = Array.from({ length: 20 }, () => client.send(lossy, true, new Uint8Array(5_000)))
  assert.ok(results.includes('sent') && results.at(-1) === 'dropped')
  assert.ok(client.association.live().bufferedBytes <= 50_000)
  assert.equal(client.send(chat, true, new Uint8Array(5_000)), 'closed')
  assert.deepEqual(client.closed, ['chat'])
  assert.equal(client.say('again'), 'closed', 'it is not opened again behind the back of the peer')
  assert.ok(client.host.count('buffer') > before)
  link.filter = () => true
  link.run(20_000)
  assert.deepEqual(server.closed, ['chat'])
  assert.equal(server.say('the peer opens it again'), 'sent')
  link.run(1_000)
  assert.equal(client.say('welcome back'), 'sent')
  link.run(1_000)
  assert.equal(server.texts().at(-1), 'welcome back')
})

test('before the association is up, messages queue within the same bound', () => {
  const { link, client, server } = pair({}, { dataBufferBytes: 10_000 })
  const results = Array.from({ length: 8 }, (_, i) => client.send(chat, true, new Uint8Array(3_000).fill(i)))
  assert.deepEqual(results, ['sent', 'sent', 'sent', ...Array(5).fill('closed')])
  assert.ok(client.association.live().bufferedBytes <= 10_000)
  link.run(2_000)
  assert.equal(server.messages.length, 0, 'the channel was closed with what was queued')
  assert.equal(client.send(chat, true, new Uint8Array(20_000)), 'closed')
})

test('H-33 a message above the limit closes its channel, the association lives', () => {
  for (const length of [300_000, 2_000_000]) {
    const link = new SctpLink()
    const client = new Peer(link, 0, { maxMessageBytes: 4_000_000 })
    const server = new Peer(link, 1)
    link.connect(client.association, server.association)
    client.say('one')
    client.say('other', { ...chat, label: 'other' })
    link.run(1_000)
    client.send(chat, true, new Uint8Array(length))
    link.run(10_000)
    assert.deepEqual(server.closed, ['chat'])
    assert.deepEqual(client.closed, ['chat'])
    client.say('still here', { ...chat, label: 'other' })
    client.say('a new one')
    link.run(1_000)
    assert.deepEqual(server.texts(), ['one', 'other', 'still here', 'a new one'])
    assert.deepEqual([...server.failed, ...client.failed], [])
    assert.equal(client.association.live().bufferedBytes, 0)
  }
})

test('our own messages above the limit are not sent', () => {
  const { client } = pair()
  assert.equal(client.send(chat, true, new Uint8Array(262_145)), 'dropped')
  assert.equal(client.association.live().channels, 0)
})

test('channels are bounded on both sides', () => {
  const link = new SctpLink()
  const client = new Peer(link, 0)
  const server = new Peer(link, 1, { maxChannels: 8 })
  link.connect(client.association, server.association)
  const results = Array.from({ length: 70 }, (_, i) => client.say('x', { ...chat, label: `c${i}` }))
  assert.equal(results.filter((result) => result === 'sent').length, 64)
  assert.equal(results.at(-1), 'closed')
  link.run(5_000)
  assert.equal(server.association.live().channels, 8)
  assert.equal(server.messages.length, 8)
  assert.equal(client.association.live().channels, 8, 'the refused ones were reset')
  assert.equal(client.say('y', { ...chat, label: 'c0' }), 'sent')
  assert.equal(client.say('x', { ...chat, label: 'x'.repeat(2_000) }), 'closed', 'a label too long for an OPEN')
})

test('a closed stream id is used again after both resets', () => {
  const link = new SctpLink({ loss: 0.1, seed: 3 })
  const client = new Peer(link, 0, { maxMessageBytes: 1_000 })
  const server = new Peer(link, 1, { maxMessageBytes: 100 })
  link.connect(client.association, server.association)
  for (let round = 0; round < 20; round++) {
    client.send(chat, true, new Uint8Array(50).fill(round))
    client.send(chat, true, new Uint8Array(500))
    link.run(20_000)
    assert.equal(server.closed.length, round + 1)
    assert.equal(client.closed.length, round + 1)
  }
  assert.deepEqual(
    server.payloads.map((payload) => payload[0]),
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.deepEqual([client.association.live().channels, server.association.live().channels], [0, 0])
})

test('any mix of reliabilities on any path keeps its promises', () => {
  const kinds = [
    { ordered: true },
    { ordered: false },
    { ordered: true, maxRetransmits: 0 },
    { ordered: false, maxRetransmits: 2 },
    { ordered: true, maxPacketLifeTimeMs: 150 },
    { ordered: false, maxPacketLifeTimeMs: 50 },
  ]
  for (let seed = 1; seed <= 60; seed++) {
    const loss = [0, 0.02, 0.1, 0.25][seed % 4]!
    const { link, client, server } = pair({ seed, loss, reorder: seed % 2 === 0 ? 0 : 0.2, delayMs: 1 + seed })
    const numbers = new Map<string, number>()
    for (let i = 0; i < 120; i++) {
      const from = link.random() < 0.5 ? 0 : 1
      const kind = Math.floor(link.random() * kinds.length)
      const label = `${from}${kind}`
      const number = numbers.get(label) ?? 0
      numbers.set(label, number + 1)
      const payload = Buffer.alloc(link.random() < 0.1 ? 20_000 : 100, number & 255)
      payload.writeUInt32BE(number, 0)
      assert.equal([client, server][from]!.send({ label, protocol: '', ...kinds[kind]! }, true, payload), 'sent')
      link.run(link.random() * 30)
    }
    link.run(200_000)
    assert.deepEqual([...client.failed, ...server.failed, ...client.closed, ...server.closed], [], `seed ${seed}`)
    assert.equal(client.association.live().bufferedBytes + server.association.live().bufferedBytes, 0, `seed ${seed}`)
    for (const [label, sent] of numbers) {
      const receiver = label[0] === '0' ? server : client
      const got = receiver.payloads.filter((_, i) => receiver.messages[i]!.label === label)
      const order = got.map((payload) => Buffer.from(payload).readUInt32BE(0))
      for (const [i, payload] of got.entries())
        assert.ok(payload.subarray(4).every((byte) => byte === (order[i]! & 255)))
      const expected = Array.from({ length: sent }, (_, number) => number)
      const sorted = [...order].sort((a, b) => a - b)
      if (Number(label[1]) < 2) assert.deepEqual(sorted, expected, `seed ${seed}, channel ${label}`)
      if (kinds[Number(label[1])]!.ordered) assert.deepEqual(order, sorted, `seed ${seed}, channel ${label}`)
      assert.equal(new Set(order).size, order.length, 'nothing comes twice')
    }
  }
})

test('close tells the peer and leaves nothing alive', () => {
  const before = process.getActiveResourcesInfo()
  const { link, client, server } = pair()
  client.say('hello')
  link.run(1_000)
  client.send(chat, true, new Uint8Array(200_000))
  client.association.close()
  client.association.close()
  assert.deepEqual([client.closed, client.failed], [[], []], 'one’s own close is not an event')
  assert.equal(client.say('too late'), 'closed')
  assert.equal(client.association.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual(client.association.live(), { channels: 0, bufferedBytes: 0, heldBytes: 0 })
  link.run(1_000)
  assert.deepEqual(server.closed, ['chat'])
  assert.deepEqual(server.failed, ['aborted by the peer'])
  assert.equal(server.association.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual(process.getActiveResourcesInfo(), before)
})

test('channels closed by label: the peer is told, others live, and the label can be used again', () => {
  const { link, client, server } = pair({ loss: 0.1, seed: 5 })
  client.say('one')
  client.say('two', lossy)
  link.run(5_000)
  server.association.closeChannels('chat')
  server.association.closeChannels('nobody has this')
  link.run(5_000)
  assert.deepEqual([server.closed, client.closed, client.failed], [['chat'], ['chat'], []])
  assert.deepEqual([client.association.live().channels, server.association.live().channels], [1, 1])
  client.say('three')
  server.say('four')
  link.run(5_000)
  assert.deepEqual([server.texts().at(-1), client.texts()], ['three', ['four']])
})

test('a channel closed in the middle of its messages: none is told after it', () => {
  const { link, client, server } = pair()
  client.say('first')
  link.run(1_000)
  const tell = server.messages.push.bind(server.messages)
  server.messages.push = (...messages) => {
    if (messages[0]!.text === '3') server.association.closeChannels('chat')
    return tell(...messages)
  }
  for (let i = 0; i < 10; i++) client.say(String(i))
  link.run(5_000)
  assert.deepEqual(server.texts(), ['first', '0', '1', '2', '3'])
  assert.deepEqual(client.closed, ['chat'])
})

test('closing from within an event', () => {
  const link = new SctpLink()
  const client = new Peer(link, 0)
  let messages = 0
  const server: Association = openAssociation({
    host: new SeededSctpHost(2),
    role: 'server',
    transmit: link.transmit(1),
    events: {
      message: () => {
        messages++
        server.close()
      },
      opened() {},
      closed: () => assert.fail('closed'),
      failed: () => assert.fail('failed'),
    },
    limits,
  })
  link.connect(client.association, server)
  for (let i = 0; i < 10; i++) client.say('x')
  link.run(2_000)
  assert.equal(messages, 1)
  assert.deepEqual(client.failed, ['aborted by the peer'])
})

test('a peer that never answers fails the association', () => {
  const { link, client } = pair()
  link.filter = () => false
  client.say('anybody?')
  link.run(200_000)
  assert.deepEqual(client.failed, ['set-up timed out'])
  assert.deepEqual(client.closed, ['chat'])
  assert.equal(client.association.deadlineMs, Number.POSITIVE_INFINITY)
})

test('a peer that vanishes fails the association', () => {
  const { link, client } = pair()
  client.say('hello')
  link.run(1_000)
  link.filter = () => false
  client.say('anybody?')
  link.run(200_000)
  assert.deepEqual(client.failed, ['the peer does not answer'])
})
