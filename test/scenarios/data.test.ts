/** Data channels: what one says reaches the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../src/media/control.js'
import { Stage, scenario } from './stage/stage.js'

const unreliable: ChannelParameters = { label: 'unreliable', protocol: '', ordered: false, maxRetransmits: 0 }
const seeds = [1, 2, 3]

function people(stage: Stage, count: number, workers = 1) {
  return Array.from({ length: count }, (_, i) => stage.publisher({ user: `user ${i}`, worker: i % workers }))
}

/** Says `count` texts, one each `pauseMs`. */
function chatter(
  stage: Stage,
  who: ReturnType<typeof people>[0],
  count: number,
  pauseMs: number,
  channel?: ChannelParameters,
) {
  const texts = Array.from({ length: count }, (_, i) => `${who.user}: ${i}`)
  for (const [i, text] of texts.entries()) stage.net.schedule(stage.nowMs + i * pauseMs, () => who.say(text, channel))
  return texts
}

scenario(
  '10 % loss: everything reliable reaches all others in order',
  { seeds, conditions: { loss: 0.1, delayMs: 20 } },
  (stage) => {
    const all = people(stage, 4)
    stage.connect()
    const said = all.map((one) => chatter(stage, one, 100, 30))
    stage.run(60_000)
    for (const [i, one] of all.entries()) {
      for (const [j, other] of all.entries()) {
        const fromOther = one.texts().filter((text) => text.startsWith(`${other.user}:`))
        assert.deepEqual(fromOther, i === j ? [] : said[j])
      }
    }
    assert.equal(stage.worker.counters.live.buffered_bytes, 0)
  },
)

/** Everything that a call puts on the network, in its order. */
async function trafficOf(seed: number): Promise<string[]> {
  const stage = new Stage(seed, { conditions: { loss: 0.05, delayMs: 20 } })
  const traffic: string[] = []
  const send = stage.net.send.bind(stage.net)
  stage.net.send = (from, to, datagram) => {
    traffic.push(JSON.stringify([stage.nowMs, from, to, datagram]))
    send(from, to, datagram)
  }
  const all = people(stage, 3)
  stage.connect()
  for (const one of all) chatter(stage, one, 10, 30)
  stage.run(40_000)
  for (const one of all) assert.equal(one.texts().length, 20)
  await stage.close()
  return traffic
}

test('the same seed is the same call, to the byte', async () => {
  const traffic = await trafficOf(1)
  assert.ok(traffic.length > 200)
  assert.deepEqual(await trafficOf(1), traffic)
  assert.notDeepEqual(await trafficOf(2), traffic)
})

scenario('a packet whose checksum is wrong is counted, and nothing else comes of it', {}, (stage) => {
  const [speaker, listener] = people(stage, 2)
  stage.connect()
  speaker!.say('before')
  stage.run(500)
  // ABORT, which needs no tag when it says that it has none.
  const abort = Uint8Array.from([0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 1, 2, 3, 4, 6, 1, 0, 4])
  speaker!.peer.sendRecord(abort)
  speaker!.peer.sendRecord(abort.subarray(0, 11))
  speaker!.say('after')
  stage.run(500)
  assert.equal(stage.worker.counters.totals.drop_sctp_checksum, 2)
  assert.deepEqual(listener!.texts(), ['before', 'after'])
})

scenario('long messages arrive whole', { seeds: [1, 2], conditions: { loss: 0.05, delayMs: 20 } }, (stage) => {
  const [speaker, listener] = people(stage, 2)
  stage.connect()
  const texts = [60_000, 1, 1200, 0, 40_000].map((length, i) => String(i).repeat(length))
  for (const text of texts) speaker!.say(text)
  stage.run(30_000)
  assert.deepEqual(listener!.texts(), texts)
})

scenario(
  'unreliable messages do not wait for lost ones, and the reliable channel beside them loses none',
  { seeds, conditions: { delayMs: 20 } },
  (stage) => {
    const [speaker, listener] = people(stage, 2)
    stage.connect()
    speaker!.say('first', unreliable)
    stage.run(1000)
    stage.net.link(stage.worker.address.ip, listener!.peer.address.ip, { loss: 0.1 })
    const beganMs = stage.nowMs
    const texts = chatter(stage, speaker!, 300, 20, unreliable)
    const reliable = chatter(stage, speaker!, 30, 200)
    stage.run(30_000)
    const heard = listener!.heard.filter(({ label, text }) => label === 'unreliable' && text !== 'first')
    assert.ok(heard.length >= 240 && heard.length < 300, `${heard.length} of 300`)
    for (const { text, atMs } of heard) {
      const saidMs = beganMs + texts.indexOf(text) * 20
      assert.ok(atMs - saidMs <= 60, `${text} after ${atMs - saidMs} ms`)
    }
    assert.deepEqual(listener!.texts(), reliable)
  },
)

scenario(
  'H-32 a receiver that takes nothing is cut off and holds up nobody',
  { limits: { dataBufferBytes: 20_000 } },
  (stage) => {
    const [speaker, listener, stuck] = people(stage, 3)
    stage.connect()
    speaker!.say('first')
    stage.run(500)
    stage.net.link(stage.worker.address.ip, stuck!.peer.address.ip, { loss: 1 })
    const texts = chatter(stage, speaker!, 500, 10).map((text) => text)
    for (let i = 0; i < 100; i++)
      stage.net.schedule(stage.nowMs + i * 50, () =>
        speaker!.say('x'.repeat(1000), { label: 'bulk', protocol: '', ordered: true }),
      )
    stage.run(8000)
    assert.deepEqual(listener!.texts(), ['first', ...texts])
    assert.equal(listener!.texts('bulk').length, 100)
    assert.ok(stage.worker.counters.live.buffered_bytes! <= 21_000)
    assert.ok(stage.worker.counters.totals.data_dropped! > 0)
  },
)

scenario('who has no data channels yet gets them later, however long others spoke before', { seeds }, (stage) => {
  const [speaker, listener] = people(stage, 2)
  const late = stage.publisher({ user: 'late', ignoresData: true })
  stage.connect()
  speaker!.say('nobody is there')
  stage.run(60_000)
  assert.equal(stage.worker.counters.live.associations, 2, 'the set-up with it has timed out')
  speaker!.say('x'.repeat(50_000))
  stage.run(5000)
  const { totals, live } = stage.worker.counters
  assert.deepEqual([totals.data_dropped, live.buffered_bytes], [1, 0], 'nothing is kept for it')
  late.say('here I am')
  stage.run(3000)
  assert.equal(listener!.texts().at(-1), 'here I am')
  speaker!.say('welcome')
  stage.run(3000)
  assert.deepEqual([late.texts(), late.reported('closed')], [['welcome'], []])
  assert.equal(stage.worker.counters.live.associations, 3)
})

scenario('a peer that aborts its association gets a new one when it begins anew', { seeds }, (stage) => {
  const [speaker, listener] = people(stage, 2)
  stage.connect()
  for (let round = 0; round < 3; round++) {
    speaker!.say(`question ${round}`)
    stage.run(1000)
    listener!.say(`answer ${round}`)
    stage.run(1000)
    assert.deepEqual([listener!.texts().at(-1), speaker!.texts().at(-1)], [`question ${round}`, `answer ${round}`])
    listener!.abortData()
    stage.run(1000)
    assert.equal(stage.worker.counters.live.associations, 1)
    speaker!.say('nobody is there')
    stage.run(1000)
    assert.deepEqual(listener!.texts().at(-1), `question ${round}`)
    listener!.say('back')
    stage.run(1000)
  }
  assert.deepEqual(speaker!.texts(), ['answer 0', 'back', 'answer 1', 'back', 'answer 2', 'back'])
})

scenario('flags say who sends and who gets', {}, (stage) => {
  const talker = stage.client({ relaysData: true })
  const both = stage.client({ relaysData: true, receivesData: true })
  const listener = stage.client({ receivesData: true })
  const neither = stage.client({})
  stage.connect()
  for (const one of [talker, both, listener, neither]) one.say(one.user)
  stage.run(1000)
  const texts = [talker, both, listener, neither].map((one) => one.texts().sort())
  assert.deepEqual(texts, [[], [talker.user], [talker.user, both.user], []])
  neither.place('hall', { relaysData: true, receivesData: true })
  neither.say('now me')
  stage.run(1000)
  assert.deepEqual([both.texts().at(-1), talker.texts()], ['now me', []])
})

const slowRelay = { workers: 2, relayDelayMs: 500 }
scenario('who sends more than the other worker takes is cut off, and others are not', slowRelay, (stage) => {
  const [flood, there, quiet] = [0, 1, 0].map((worker, i) => stage.publisher({ user: `user ${i}`, worker })) as [
    ReturnType<Stage['publisher']>,
    ReturnType<Stage['publisher']>,
    ReturnType<Stage['publisher']>,
  ]
  stage.connect()
  for (const worker of stage.workers) worker.command({ kind: 'spread', room: 'hall', elsewhere: true })
  const bulk: ChannelParameters = { label: 'bulk', protocol: '', ordered: true }
  const text = 'x'.repeat(50_000)
  for (let i = 0; i < 200; i++) {
    stage.net.schedule(stage.nowMs + i * 4, () => {
      flood.say(text, { ...unreliable, label: 'lossy' })
      if (flood.closedChannels.length === 0) flood.say(text, bulk)
    })
  }
  const said = chatter(stage, quiet, 50, 20)
  stage.run(20_000)
  assert.deepEqual(flood.closedChannels, ['bulk'])
  assert.deepEqual(quiet.closedChannels, [])
  assert.deepEqual(there.texts(), said)
  assert.deepEqual(quiet.texts('bulk').length - there.texts('bulk').length, 1)
  const { totals, live } = stage.workers[0]!.counters
  assert.ok(totals.data_relay_dropped! > 1)
  assert.equal(live.relay_bytes, 0)
  // The channel can be opened again.
  flood.say('sorry', bulk)
  stage.run(2000)
  assert.deepEqual(there.texts('bulk').at(-1), 'sorry')
})

const twoWorkers = { workers: 2, seeds, conditions: { loss: 0.05, delayMs: 10 } }
scenario('a room on two workers: messages cross, blocks and rooms hold', twoWorkers, (stage) => {
  const all = people(stage, 4, 2)
  const [here, there, here2, there2] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0], (typeof all)[0]]
  const outsider = stage.publisher({ user: 'outsider', room: 'cellar', worker: 1 })
  stage.connect()
  here.say('nobody elsewhere yet')
  stage.run(2000)
  assert.deepEqual([here2.texts(), there.texts()], [['nobody elsewhere yet'], []])

  for (const worker of stage.workers) worker.command({ kind: 'spread', room: 'hall', elsewhere: true })
  const said = [chatter(stage, here, 50, 20), chatter(stage, there, 50, 20)]
  stage.run(10_000)
  const from = (who: (typeof all)[0], text: string) => text.startsWith(`${who.user}:`)
  for (const [i, speaker] of [here, there].entries()) {
    for (const one of all) {
      const heard = one.texts().filter((text) => from(speaker, text))
      assert.deepEqual(heard, one === speaker ? [] : said[i])
    }
  }
  assert.deepEqual(outsider.heard, [])

  stage.block(here, there, true)
  here.say('not for one of you')
  there.say('nor this')
  stage.run(3000)
  assert.deepEqual([here.texts().at(-1) === 'nor this', there.texts().at(-1) === 'not for one of you'], [false, false])
  assert.deepEqual(
    [here2.texts().slice(-2).sort(), there2.texts().slice(-2).sort()],
    [
      ['nor this', 'not for one of you'],
      ['nor this', 'not for one of you'],
    ],
  )
  // The same user's other connections count as the user.
  const again = stage.client({ user: here.user, receivesData: true, worker: 1 })
  stage.connect()
  there2.say('for all')
  here.say('not for myself')
  stage.run(3000)
  assert.deepEqual(again.texts(), ['for all'])
})
