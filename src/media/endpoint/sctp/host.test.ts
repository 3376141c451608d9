/** What an association takes from its host: chance, and where it counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../control.js'
import { RawPeer } from '../testing/raw-peer.js'
import { chunk, chunksOf, init, packet } from '../testing/sctp-chunks.js'
import { SctpLink } from '../testing/sctp-link.js'
import { SeededSctpHost } from '../testing/seeded-sctp-host.js'
import { openAssociation } from './association.js'

const chat: ChannelParameters = { label: 'chat', protocol: '', ordered: true }
const limits = { dataBufferBytes: 1 << 20, maxMessageBytes: 262_144, maxChannels: 16 }

/** All packets of two ends that set up, say something and ask after a silence whether the other is there, in hex. */
function callOf(clientSeed: number, serverSeed: number): string[] {
  const link = new SctpLink()
  const packets: string[] = []
  link.filter = (_from, bytes) => packets.push(Buffer.from(bytes).toString('hex')) > 0
  const open = (side: 0 | 1, seed: number) =>
    openAssociation({
      host: new SeededSctpHost(seed),
      role: side === 0 ? 'client' : 'server',
      transmit: link.transmit(side),
      events: { message() {}, opened() {}, closed() {}, failed: (reason) => assert.fail(reason) },
      limits,
    })
  const client = open(0, clientSeed)
  link.connect(client, open(1, serverSeed))
  client.send(0, chat, false, Buffer.from('hello'))
  client.flush(0)
  link.run(100_000)
  return packets
}

/** Chunks of that type in packets in hex, bodies in hex. */
const bodiesOf = (packets: string[], type: number) =>
  packets
    .flatMap((hex) => chunksOf(Buffer.from(hex, 'hex')))
    .filter((one) => one.type === type)
    .map(({ body }) => body.toString('hex'))

test('the same chance makes the same packets, and other chance other ones', () => {
  const packets = callOf(1, 2)
  assert.deepEqual(callOf(1, 2), packets)
  const others = callOf(3, 4)
  // INIT, INIT ACK, COOKIE ECHO, HEARTBEAT: each carries chance.
  for (const type of [1, 2, 10, 4]) {
    const [ours, theirs] = [bodiesOf(packets, type), bodiesOf(others, type)]
    assert.ok(ours.length > 0 && ours.length === theirs.length, `chunk ${type}`)
    for (const [i, body] of ours.entries()) assert.notEqual(body, theirs[i], `chunk ${type}`)
  }
  assert.equal(new Set(bodiesOf(packets, 4)).size, bodiesOf(packets, 4).length, 'no nonce comes twice')
})

test('INIT is made of two numbers: the tag, which is never 0, and the first TSN, which is low', () => {
  const rows: [random: number[], tag: string, tsn: string][] = [
    [[0x12345678, 0x9abcdef0], '12345678', '26af37bc'],
    [[0xffffffff, 0xffffffff], 'ffffffff', '3fffffff'],
    [[0, 0], '00000001', '00000000'],
  ]
  for (const [numbers, tag, tsn] of rows) {
    const [first, second] = numbers as [number, number]
    const drawn = [first, second]
    const sent: Uint8Array[] = []
    const association = openAssociation({
      host: { random: () => drawn.shift() ?? assert.fail('a third number'), counts: new SeededSctpHost().counts },
      role: 'client',
      transmit: (bytes) => sent.push(bytes.slice()) > 0,
      events: { message() {}, opened() {}, closed() {}, failed() {} },
      limits,
    })
    association.send(0, chat, false, Buffer.from('hello'))
    association.flush(0)
    const [body] = bodiesOf(
      sent.map((bytes) => Buffer.from(bytes).toString('hex')),
      1,
    )
    assert.deepEqual([body!.slice(0, 8), body!.slice(24, 32)], [tag, tsn])
  }
})

test('a peer that begins anew is offered another tag and another cookie', () => {
  const peer = new RawPeer().connect()
  const { tag, cookie } = peer
  peer.say([init(99, 5000)], 0)
  const offer = chunksOf(peer.received.at(-1)!)[0]!.body
  assert.notEqual(offer.readUInt32BE(), tag)
  assert.notDeepEqual([...offer.subarray(-16)], [...cookie])
})

test('associations of one host are counted together, and those of another are not', () => {
  const [here, there] = [new SeededSctpHost(), new SeededSctpHost()]
  const open = (host: SeededSctpHost) =>
    openAssociation({
      host,
      role: 'server',
      transmit: () => true,
      events: { message() {}, opened() {}, closed() {}, failed() {} },
      limits,
    })
  const stray = packet(7, [chunk(6, 0, [])])
  for (const association of [open(here), open(here)]) association.receive(0, stray, 0, stray.length)
  assert.deepEqual([here.count('tag'), open(there).hasEnded, there.count('tag')], [2, false, 0])
})
