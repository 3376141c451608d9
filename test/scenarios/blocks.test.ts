/** Who may hear whom: blocks, rooms, and handles that never joined; on one worker, and through mirrors and the data relay. */
import assert from 'node:assert/strict'
import { type ScenarioOptions, type Stage, scenario } from './stage/stage.js'

const steps = (values: readonly number[]) => values.slice(1).map((value, i) => value - values[i]!)

/** One scenario on one worker, and again where some are on another one. */
function everywhere(name: string, options: ScenarioOptions, play: (stage: Stage) => void): void {
  scenario(name, options, play)
  scenario(`${name}, across workers`, { ...options, seeds: [1], workers: 2 }, play)
}

/** The worker of those who are on another one, if there are two. */
const away = ({ workers }: Stage) => workers.length - 1

/** What the main process says when a room has endpoints on several workers. */
function spread(stage: Stage, room: string): void {
  if (stage.workers.length === 1) return
  for (const worker of stage.workers) worker.command({ kind: 'spread', room, elsewhere: true })
}

/** Two people and a third, each with a publisher, a viewer of the other, and data. Bob is away. */
function cast(stage: Stage) {
  const worker = away(stage)
  const alice = stage.publisher({ user: 'alice', audio: true, video: true })
  const bob = stage.publisher({ user: 'bob', audio: true, video: true, worker })
  const carol = stage.publisher({ user: 'carol' })
  const bobSeesAlice = stage.viewer(alice, { user: 'bob', worker })
  const aliceSeesBob = stage.viewer(bob, { user: 'alice' })
  const carolSeesAlice = stage.viewer(alice, { user: 'carol' })
  const carolSeesBob = stage.viewer(bob, { user: 'carol' })
  spread(stage, 'hall')
  stage.connect()
  return { alice, bob, carol, bobSeesAlice, aliceSeesBob, carolSeesAlice, carolSeesBob }
}

const lossy = { seeds: [1, 2], conditions: { delayMs: 20, loss: 0.01, jitterMs: 3 } }

everywhere('H-62 a block of 60 s: nothing passes either way, and afterwards the picture goes on', lossy, (stage) => {
  const { alice, bob, carol, bobSeesAlice, aliceSeesBob, carolSeesAlice, carolSeesBob } = cast(stage)
  for (const publisher of [alice, bob]) {
    publisher.sendFrames(25 * 75)
    publisher.speak(50 * 75)
  }
  stage.run(5000)
  const blockedPair = [bobSeesAlice, aliceSeesBob]
  for (const viewer of blockedPair) assert.ok(viewer.video.frames.length > 0 && viewer.sounds.length > 0)

  stage.block(alice, bob, true)
  stage.run(100) // what was under way
  const packets = blockedPair.map((viewer) => viewer.packets)
  const reports = blockedPair.map((viewer) => viewer.senderReportsMs.length)
  const shown = blockedPair.map(({ video }) => ({ ...video, count: video.extSeqs.length, asked: video.nacked }))
  const third = [carolSeesAlice, carolSeesBob].map(({ video, sounds }) => [video.frames.length, sounds.length])
  alice.say('secret')
  bob.say('answer')
  carol.say('to all')
  // Asking does not help: not for a keyframe, not for packets.
  stage.net.schedule(stage.nowMs + 20_000, () => bobSeesAlice.video.askForKeyframe())
  stage.run(59_900)

  assert.deepEqual(
    blockedPair.map((viewer) => viewer.packets),
    packets,
    'no audio, no video, no retransmission',
  )
  assert.deepEqual(
    blockedPair.map((viewer) => viewer.senderReportsMs.length),
    reports,
    'no report',
  )
  assert.deepEqual([alice.texts(), bob.texts(), carol.texts().sort()], [['to all'], ['to all'], ['answer', 'secret']])
  for (const [i, viewer] of [carolSeesAlice, carolSeesBob].entries()) {
    assert.ok(viewer.video.frames.length - third[i]![0]! >= 59 * 25, 'the third sees both')
    assert.ok(viewer.sounds.length - third[i]![1]! >= 59 * 50 * 0.97, 'and hears both')
  }

  const nacked = [alice.nacked, bob.nacked]
  const unblockedMs = stage.nowMs
  stage.block(alice, bob, false)
  stage.run(2000)
  for (const [i, publisher] of [alice, bob].entries()) {
    assert.ok(publisher.keyframeRequestsMs.some((atMs) => atMs >= unblockedMs && atMs < unblockedMs + 600))
    assert.ok(publisher.nacked - nacked[i]! < 20, 'no NACK burst towards the publisher')
  }
  for (const [i, { video }] of blockedPair.entries()) {
    const since = video.frames.filter(({ atMs }) => atMs > unblockedMs)
    assert.ok(since[0]!.keyframe && since[0]!.atMs - unblockedMs < 1000)
    assert.ok(since.length >= 20)
    assert.ok(video.nacked - shown[i]!.asked < 20, 'no NACK burst from the viewer')
    const before = Math.max(...video.extSeqs.slice(0, shown[i]!.count))
    const after = video.extSeqs.slice(shown[i]!.count)
    assert.ok(Math.min(...after) <= before + 4 && Math.max(...after) < before + 400, 'numbers continue')
  }
  alice.say('hello again')
  stage.run(1000)
  assert.deepEqual(bob.texts(), ['to all', 'hello again'])
})

everywhere('H-62 what waits on data channels when the block comes is not sent', {}, (stage) => {
  const { alice, bob, carol } = cast(stage)
  const phone = stage.client({ user: 'bob', receivesData: true })
  stage.connect()
  const filler = 'x'.repeat(5000)
  const waitingBytes = () => stage.workers.reduce((sum, { counters }) => sum + counters.live.buffered_bytes!, 0)
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    carol.say('hello')
    stage.run(1000)
    const before = [bob, phone].map((receiver) => receiver.texts().length)
    for (const receiver of [bob, phone]) receiver.downlink({ loss: 1 })
    for (let i = 0; i < 100; i++) alice.say(filler)
    stage.run(500)
    carol.say('to everybody')
    stage.run(500)
    assert.ok(waitingBytes() > 2 * 90 * filler.length, `${waitingBytes()} bytes wait`)
    stage.block(one, other, true)
    alice.say('during the block')
    for (const receiver of [bob, phone]) receiver.downlink({ loss: 0 })
    stage.run(8000)
    for (const [i, receiver] of [bob, phone].entries()) {
      const since = receiver.texts().slice(before[i])
      const last = since.pop()
      assert.equal(last, 'to everybody', 'what others said arrives')
      assert.ok(since.every((text) => text === filler) && since.length < 5, `${since.length} had begun`)
    }
    stage.block(one, other, false)
    alice.say('after the block')
    stage.run(1000)
    for (const receiver of [bob, phone]) assert.equal(receiver.texts().at(-1), 'after the block')
    assert.equal(waitingBytes(), 0)
  }
  assert.deepEqual([bob.closedChannels, phone.closedChannels], [[], []])
})

scenario('H-62 what waits is not sent, however many have spoken since, and it is counted', {}, (stage) => {
  const { alice, bob, carol } = cast(stage)
  for (const each of [alice, carol]) each.say('hello')
  stage.run(1000)
  bob.downlink({ loss: 1 })
  for (let i = 0; i < 50; i++) alice.say('x'.repeat(5000))
  carol.say('to everybody')
  stage.run(500)
  const channel = { label: 'chat', protocol: '', ordered: true }
  const others = Array.from({ length: 20_000 }, (_, i) => ({ room: 'cellar', from: `user ${i}`, channel }))
  stage.worker.command({
    kind: 'relay',
    data: others.map((other) => ({ ...other, binary: false, payload: Buffer.from('x') })),
  })
  stage.block(alice, bob, true)
  bob.downlink({ loss: 0 })
  stage.run(8000)
  const said = bob.texts().slice(2)
  const begun = said.filter((text) => text.length > 100).length
  assert.ok(said.includes('to everybody') && said.length === begun + 1)
  assert.ok(begun < 5, `${begun} had begun`)
  assert.equal(stage.worker.counters.totals.data_discarded, 50 - begun)
})

scenario(
  'H-62 what is between the workers when the block comes is not delivered',
  { workers: 2, relayDelayMs: 500 },
  (stage) => {
    const { alice, bob } = cast(stage)
    const dave = stage.publisher({ user: 'dave', worker: away(stage) })
    stage.connect()
    alice.say('under way')
    stage.run(100)
    stage.block(alice, bob, true)
    stage.run(2000)
    assert.deepEqual([bob.texts(), dave.texts()], [[], ['under way']])
  },
)

everywhere('a block on a perfect network leaves no gap in any number', {}, (stage) => {
  const { alice, bob, bobSeesAlice } = cast(stage)
  alice.sendFrames(25 * 8)
  alice.speak(50 * 8)
  stage.run(2000)
  stage.block(alice, bob, true)
  stage.run(4000)
  stage.block(alice, bob, false)
  stage.run(3000)
  const { video, sounds } = bobSeesAlice
  assert.deepEqual([...new Set(steps(video.extSeqs))], [1])
  assert.deepEqual([...new Set(steps(sounds.map(({ extSeq }) => extSeq)))], [1])
  assert.deepEqual([video.missing, video.nacked, video.plis], [0, 0, 0])
  assert.ok(sounds.length > 150 && sounds.length < 250)
})

scenario('a block before anybody is there holds; blocking twice is harmless', {}, (stage) => {
  for (const user of ['bob', 'dave']) {
    stage.worker.command({ kind: 'block', room: 'hall', users: ['alice', user], blocked: true })
    stage.worker.command({ kind: 'block', room: 'hall', users: [user, 'alice'], blocked: true })
  }
  const alice = stage.publisher({ user: 'alice', audio: true, video: true })
  const [bob, dave, erin] = ['bob', 'dave', 'erin'].map((user) => stage.viewer(alice, { user, receivesData: true }))
  stage.connect()
  alice.sendFrames(50)
  alice.speak(100)
  alice.say('hello')
  stage.run(2500)
  assert.deepEqual([bob!.packets, dave!.packets, bob!.texts(), dave!.texts()], [0, 0, [], []])
  assert.deepEqual([erin!.video.frames.length, erin!.sounds.length, erin!.texts()], [50, 100, ['hello']])
  stage.worker.command({ kind: 'block', room: 'hall', users: ['alice', 'bob'], blocked: false })
  alice.sendFrames(50)
  stage.run(2500)
  assert.ok(bob!.video.frames.length >= 45)
  assert.equal(dave!.packets, 0)
})

everywhere('H-45 listening unseen: other rooms, and handles that never joined, get nothing', {}, (stage) => {
  const there = { receivesData: true, worker: away(stage) }
  const alice = stage.publisher({ user: 'alice', audio: true, video: true })
  const elsewhere = stage.viewer(alice, { user: 'eve', room: 'cellar', relaysData: true, ...there })
  const unplaced = stage.viewer(alice, { user: 'mallory', room: null, relaysData: true, ...there })
  const member = stage.viewer(alice, { user: 'bob', ...there })
  for (const room of ['hall', 'cellar']) spread(stage, room)
  stage.connect()
  alice.sendFrames(75)
  alice.speak(150)
  alice.say('only for this room')
  elsewhere.say('from the cellar')
  unplaced.say('from nowhere')
  stage.run(2000)
  const asked = alice.keyframeRequestsMs.length
  for (const viewer of [elsewhere, unplaced]) viewer.video.askForKeyframe()
  stage.run(2000)
  assert.equal(alice.keyframeRequestsMs.length, asked, 'nobody is asked for what they would like')
  for (const viewer of [elsewhere, unplaced]) {
    assert.deepEqual([viewer.packets, viewer.senderReportsMs.length, viewer.heard.length], [0, 0, 0])
  }
  assert.deepEqual(member.texts(), ['only for this room'])
  assert.deepEqual([alice.heard.length, member.video.frames.length, member.sounds.length], [0, 75, 150])

  // Who joins late gets it, who goes to another room loses it.
  unplaced.place('hall')
  member.place('cellar')
  stage.run(50)
  const before = member.packets
  alice.sendFrames(50)
  stage.run(2500)
  assert.ok(unplaced.video.frames.length >= 45)
  assert.equal(member.packets, before)
})

everywhere('H-45 a publisher that never joined is heard by nobody', {}, (stage) => {
  const ghost = stage.publisher({ room: null, audio: true, video: true })
  const viewer = stage.viewer(ghost, { receivesData: true, worker: away(stage) })
  spread(stage, 'hall')
  stage.connect()
  ghost.sendFrames(50)
  ghost.speak(100)
  ghost.say('boo')
  stage.run(3000)
  assert.deepEqual([viewer.packets, viewer.heard.length], [0, 0])
  ghost.place('hall')
  ghost.sendFrames(25)
  stage.run(2000)
  assert.ok(viewer.video.frames[0]!.keyframe)
  assert.ok(viewer.video.frames.length >= 24)
})
