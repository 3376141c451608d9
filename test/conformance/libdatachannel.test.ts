/** Data channels with libdatachannel, whose SCTP is usrsctp, the one that Firefox has or had. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { openStage } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { ImpairedRelay } from '../support/impaired/relay.js'
import { LibDataChannelClient } from '../support/libdatachannel/client.js'

async function two(t: TestContext, relay?: ImpairedRelay, ann = new LibDataChannelClient('ann')) {
  const { janus, server } = await openStage(t, [])
  const bob = new LibDataChannelClient('bob')
  t.after(() => Promise.all([ann.close(), bob.close()]))
  await ann.join(janus, 'hall', relay)
  await bob.join(janus, 'hall', relay)
  return { server, ann, bob }
}

test('text, binary and empty messages of every kind of channel', async (t) => {
  const { ann, bob } = await two(t)
  const kinds = {
    reliable: undefined,
    loose: { unordered: true },
    once: { unordered: true, maxRetransmits: 0 },
    thrice: { maxRetransmits: 3 },
    timed: { unordered: true, maxPacketLifeTime: 500 },
  }
  for (const [label, config] of Object.entries(kinds)) {
    if (config) await ann.open(label, config)
    const said = ['hello', Buffer.from([1, 2, 3]), '', Buffer.alloc(0), 'x'.repeat(60_000)]
    for (const data of said) ann.say(label, data)
    await eventually(label, () => bob.heardOn(label).length === said.length)
    const told = (data: string | Buffer) => (typeof data === 'string' ? data : data.toString('hex'))
    assert.deepEqual(bob.heardOn(label).map(told).sort(), said.map(told).sort(), label)
    // And back on the channel that the server opened there.
    bob.say(label, 'back')
    await eventually(`${label} back`, () => ann.heardOn(label).includes('back'))
  }
})

test('messages of 250 KB both ways while every tenth packet is lost', async (t) => {
  const relay = new ImpairedRelay(7)
  t.after(() => relay.close())
  const { ann, bob } = await two(t, relay)
  ann.say('reliable', 'ready')
  await eventually('the way there', () => bob.heardOn('reliable').length === 1)
  const link = { loss: 0.1, delayMs: 5 }
  for (const name of ['ann', 'bob']) await relay.impair(name, { up: link, down: link })
  const there = Array.from({ length: 3 }, () => randomBytes(250_000))
  const back = Array.from({ length: 3 }, () => randomBytes(250_000))
  for (const message of there) ann.say('reliable', message)
  for (const message of back) bob.say('reliable', message)
  await eventually('everything', () => bob.heard.length === 4 && ann.heard.length === 3, { withinMs: 60_000 })
  const same = (heard: (string | Buffer)[], said: Buffer[]) =>
    said.every((message, i) => Buffer.compare(heard[i] as Buffer, message) === 0)
  assert.ok(same(bob.heardOn('reliable').slice(1), there), 'there')
  assert.ok(same(ann.heardOn('reliable'), back), 'back')
  const { links } = await relay.figures()
  for (const name of ['ann', 'bob']) assert.ok(links[name]!.up.lost > 10 && links[name]!.down.lost > 10, name)
})

test('a channel that is closed and opened again, many times', async (t) => {
  const { ann, bob } = await two(t)
  for (let round = 0; round < 20; round++) {
    await ann.open('again')
    ann.say('again', `round ${round}`)
    await eventually(`round ${round}`, () => bob.heardOn('again').at(-1) === `round ${round}`)
    ann.shut('again')
    await eventually(`the end of round ${round}`, () => ann.closed.length === round + 1)
  }
  assert.equal(bob.heardOn('again').length, 20)
})

test('a hundred channels at once', async (t) => {
  const { server, ann, bob } = await two(t)
  const labels = Array.from({ length: 100 }, (_, i) => `channel ${i}`)
  await Promise.all(labels.map((label) => ann.open(label)))
  for (const label of labels) ann.say(label, label)
  await eventually('all of them', () => bob.heard.length === 100)
  assert.deepEqual(
    bob.heard.map(({ label, data }) => `${label}: ${data}`).sort(),
    labels.map((l) => `${l}: ${l}`).sort(),
  )
  for (const label of labels) bob.say(label, 'back')
  await eventually('all back', () => ann.heard.length === 100)
  const totals = await server.totals()
  assert.equal(totals.drop_sctp_channel_limit, 0)
})

test('H-33 a message above what the server said it takes closes its channel, the association lives', async (t) => {
  // A client that does not care what the server said.
  const rude = new LibDataChannelClient('ann', 1_000_000)
  const { server, ann, bob } = await two(t, undefined, rude)
  for (const length of [262_145, 700_000]) {
    const label = `of ${length}`
    await ann.open(label)
    ann.say(label, 'before')
    await eventually(`${label} works`, () => bob.heardOn(label).length === 1)
    ann.say(label, randomBytes(length))
    await eventually(`${label} is closed`, () => ann.closed.includes(label))
  }
  await ann.open('again')
  const longest = randomBytes(262_144)
  ann.say('again', longest)
  ann.say('reliable', 'still here')
  await eventually('the longest that is taken', () => bob.heardOn('again').length === 1)
  assert.equal(Buffer.compare(bob.heardOn('again')[0] as Buffer, longest), 0)
  await eventually('the first channel', () => bob.heardOn('reliable').length === 1)
  assert.deepEqual(ann.closed, ['of 262145', 'of 700000'])
  const heard = bob.heard.map(({ label, data }) => `${label}: ${data.length} bytes`)
  assert.deepEqual(heard.sort(), [
    'again: 262144 bytes',
    'of 262145: 6 bytes',
    'of 700000: 6 bytes',
    'reliable: 10 bytes',
  ])
  const { drop_sctp_oversize } = await server.totals()
  assert.equal(drop_sctp_oversize, 2)
})
