/** Connections that come, move, break and are attacked. */
import assert from 'node:assert/strict'
import { buildBindingRequest } from '../../src/media/endpoint/testing/stun-client.js'
import { rtpPacket } from '../../src/media/forward/testing/packets.js'
import type { Datagram, SimulatedAddress } from '../../src/media/io/simulated-network.js'
import type { Client } from './stage/client.js'
import { type Stage, scenario } from './stage/stage.js'

const seeds = [1, 2, 3]
const silences = (client: Client) => client.reported('silence').map(({ isSilent }) => isSilent)
const closings = (client: Client) => client.reported('closed').map(({ reason }) => reason)

scenario(
  'a client that vanishes is silent after 15 s and closed after 20, once, and leaves nothing',
  { seeds },
  (stage) => {
    const speaker = stage.publisher({ audio: true, video: true })
    const viewer = stage.viewer(speaker)
    const bystander = stage.publisher({ audio: true })
    stage.connect()
    speaker.say('here I am')
    speaker.sendFrames(100)
    speaker.speak(200)
    stage.run(3000 + (stage.net.random() % 4000))
    const before = stage.worker.counters.live
    assert.deepEqual([before.endpoints, before.publications, before.peers], [3, 3, 3])

    speaker.vanish()
    stage.run(14_900 - (stage.nowMs - speaker.lastCheckMs))
    assert.deepEqual([silences(speaker), closings(speaker)], [[], []])
    stage.run(5_000)
    assert.deepEqual([silences(speaker), closings(speaker)], [[true], []])
    const silentAfterMs = speaker.reported('silence')[0]!.atMs - speaker.lastCheckMs
    assert.ok(silentAfterMs >= 15_000 && silentAfterMs <= 16_000, `after ${silentAfterMs} ms`)
    stage.run(60_000)
    assert.deepEqual(closings(speaker), ['ICE failed'])
    const afterMs = speaker.reported('closed')[0]!.atMs - speaker.lastCheckMs
    assert.ok(afterMs >= 20_000 && afterMs <= 21_000, `after ${afterMs} ms`)
    const { live, totals } = stage.worker.counters
    assert.deepEqual([live.endpoints, live.publications, live.peers], [2, 1, 2])
    assert.ok(live.associations! < before.associations!)
    assert.ok(viewer.connected && bystander.connected)
    assert.deepEqual([closings(viewer), closings(bystander)], [[], []])

    // What still comes from its address belongs to nobody, and later commands for it are harmless.
    stage.net.send(speaker.peer.address, stage.worker.address, datagram('rtp', 1))
    stage.worker.command({ kind: 'setReceiveStreams', endpoint: speaker.id, streams: [] })
    stage.worker.command({ kind: 'close', endpoint: speaker.id })
    stage.run(1000)
    assert.equal(stage.worker.counters.totals.drop_unknown_address, totals.drop_unknown_address! + 1)
    assert.deepEqual(closings(speaker), ['ICE failed'])
  },
)

scenario('who never sends a check is closed after 20 s', {}, (stage) => {
  const credentials = { ufrag: 'some', pwd: 'body-that-never-comes-here' }
  stage.worker.command({ kind: 'open', endpoint: 77, local: credentials })
  const fingerprint = { algorithm: 'sha-256', value: stage.net.newFingerprint() } as const
  stage.worker.command({ kind: 'connect', endpoint: 77, remote: credentials, dtls: { role: 'server', fingerprint } })
  stage.run(60_000)
  const closed = stage.worker.reports.filter(({ report }) => report.kind === 'closed')
  assert.deepEqual(closed, [{ atMs: 21_000, report: { kind: 'closed', endpoint: 77, reason: 'ICE failed' } }])
})

const local = { ufrag: 'some', pwd: 'body-that-never-comes-here' }

scenario('who never answers is closed after 30 s, with or without valid checks', {}, (stage) => {
  stage.worker.command({ kind: 'open', endpoint: 77, local })
  const checker = stage.client()
  stage.worker.command({ kind: 'open', endpoint: 78, local: { ...local, ufrag: 'other' } })
  for (let i = 0; i < 20; i++) {
    const check = buildBindingRequest({ username: 'other:mine', pwd: local.pwd, useCandidate: true })
    stage.net.schedule(stage.nowMs + i * 2500, () => {
      stage.net.send({ ip: '10.99.0.1', port: 5000 }, stage.worker.address, plain(check))
    })
  }
  stage.run(60_000)
  const closed = stage.worker.reports.flatMap(({ atMs, report }) =>
    report.kind === 'closed' ? [{ atMs, ...report }] : [],
  )
  assert.deepEqual(
    closed.map(({ endpoint, atMs, reason }) => [endpoint, atMs, reason]).sort(),
    [77, 78].map((endpoint) => [endpoint, 31_000, 'ICE failed']),
  )
  assert.deepEqual([checker.connected, stage.worker.counters.live.endpoints], [true, 1])
})

scenario('transports of those who never answered are free again', {}, (stage) => {
  const count = 4096
  const open = (from: number) => {
    for (let i = from; i < from + count; i++) {
      stage.worker.command({ kind: 'open', endpoint: i, local: { ...local, ufrag: `u${i}` } })
    }
  }
  open(1000)
  stage.worker.command({ kind: 'open', endpoint: 77, local })
  const { live, totals } = stage.worker.counters
  assert.deepEqual([live.endpoints, totals.endpoints_refused, totals.bugs], [count, 1, 0])
  stage.run(31_000)
  assert.equal(stage.worker.counters.live.endpoints, 0)
  open(10_000)
  assert.deepEqual([stage.worker.counters.live.endpoints, stage.worker.counters.totals.endpoints_refused], [count, 1])
})

scenario('who checks but does no DTLS is closed in time', {}, (stage) => {
  const client = stage.client()
  client.peer.start = () => {}
  stage.run(60_000)
  assert.deepEqual(closings(client), ['DTLS timeout'])
  assert.ok(client.reported('closed')[0]!.atMs < 17_000)
  assert.deepEqual(client.reported('connected'), [])
})

scenario('who leaves with a close_notify is closed at once', {}, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.speak(10)
  stage.run(300)
  speaker.leave()
  stage.run(10)
  assert.deepEqual(closings(speaker), ['DTLS alert'])
  stage.run(60_000)
  assert.deepEqual([closings(speaker), closings(viewer)], [['DTLS alert'], []])
  assert.equal(stage.worker.counters.live.endpoints, 1)
})

for (const dtlsRole of ['client', 'server'] as const) {
  scenario(
    `connects through 30 % loss with the client as DTLS ${dtlsRole}`,
    { seeds, conditions: { loss: 0.3 } },
    (stage) => {
      const speaker = stage.publisher({ audio: true, dtlsRole })
      const viewer = stage.viewer(speaker, { dtlsRole })
      stage.connect()
      speaker.speak(200)
      stage.run(5000)
      assert.ok(viewer.sounds.length > 50)
      assert.equal(speaker.reported('connected').length, 1)
    },
  )
}

scenario(
  'ICE restart from a new address: media follows, in both directions',
  { seeds, conditions: { delayMs: 20 } },
  (stage) => {
    const speaker = stage.publisher({ audio: true, video: true })
    const viewer = stage.viewer(speaker)
    stage.connect()
    speaker.sendFrames(500)
    speaker.speak(1000)
    speaker.say('before')
    stage.run(4000)
    speaker.restartIce('10.200.0.1')
    stage.run(4000)
    viewer.restartIce('10.200.0.2')
    stage.run(4000)
    // Back to where it was, as a phone between two networks.
    speaker.restartIce('10.200.0.3')
    stage.run(30_000)
    assert.equal(viewer.video.frames.at(-1)!.frame, 499)
    assert.ok(viewer.video.frames.length >= 480, `${viewer.video.frames.length} frames`)
    assert.ok(viewer.sounds.length >= 980, `${viewer.sounds.length} packets of sound`)
    assert.deepEqual([closings(speaker), closings(viewer)], [[], []])
    assert.equal(speaker.reported('connected').length, 1, 'the same connection')
  },
)

scenario('however often ICE is restarted, an endpoint has two names at most', {}, (stage) => {
  const speaker = stage.publisher({ audio: true })
  stage.connect()
  assert.equal(stage.worker.counters.live.ufrags, 1)
  for (let i = 0; i < 100; i++) {
    stage.worker.command({ kind: 'restart', endpoint: speaker.id, local: { ...local, ufrag: `again${i}` } })
  }
  assert.equal(stage.worker.counters.live.ufrags, 2)
  speaker.restartIce('10.200.0.1')
  stage.run(60_000)
  assert.deepEqual([speaker.connected, closings(speaker)], [true, []])
  stage.worker.command({ kind: 'close', endpoint: speaker.id })
  assert.equal(stage.worker.counters.live.ufrags, 0)
})

scenario(
  'a new address without an ICE restart, as behind a NAT that forgot: the next check moves media',
  { seeds },
  (stage) => {
    const speaker = stage.publisher({ audio: true, video: true })
    const viewer = stage.viewer(speaker)
    stage.connect()
    speaker.sendFrames(500)
    speaker.speak(1000)
    stage.run(4000)
    viewer.peer.moveTo('10.200.0.2')
    stage.run(4000)
    speaker.peer.moveTo('10.200.0.1')
    stage.run(20_000)
    assert.deepEqual([closings(speaker), closings(viewer)], [[], []])
    assert.equal(viewer.video.frames.at(-1)!.frame, 499)
    // A check every 2.5 s: no longer than that is anybody without sound.
    const pauses = viewer.sounds.slice(1).map(({ atMs }, i) => atMs - viewer.sounds[i]!.atMs)
    assert.ok(Math.max(...pauses) < 2600, `${Math.max(...pauses)} ms of silence`)
  },
)

scenario('a lost client comes back with an ICE restart before its time is up', { seeds }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.speak(3000)
  stage.run(5000)
  speaker.uplink({ loss: 1 })
  // About when browsers notice, which may be after it counts as silent here.
  stage.run(17_000)
  assert.deepEqual([silences(speaker), silences(viewer)], [[true], []])
  speaker.restartIce('10.200.0.1')
  stage.run(60_000)
  assert.deepEqual([silences(speaker), closings(speaker)], [[true, false], []])
  assert.equal(viewer.sounds.at(-1)!.frame, 2999)
})

/** Somebody who is no peer: sends what he likes and counts what he gets. */
function attacker(stage: Stage, ip = '10.66.6.6') {
  const got: Datagram[] = []
  const address = stage.net.bind({ ip, port: 666 }, (_from, received) => got.push(received))
  return { address, got }
}

function datagram(kind: Datagram['kind'], session: number, bytes = rtpPacket({ pt: 96, seq: 1, ssrc: 1 })): Datagram {
  return { kind, bytes, wireBytes: bytes.length, session, index: 1 }
}

const plain = (bytes: Uint8Array) => datagram('plain', 0, bytes)

scenario('packets without the password move no media, and are not answered', { seeds }, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewer = stage.viewer(speaker)
  stage.connect()
  const { address, got } = attacker(stage)
  const { username } = viewer
  const forged = [
    plain(buildBindingRequest({ username, useCandidate: true })),
    plain(buildBindingRequest({ username, useCandidate: true, pwd: 'guessed-guessed-guessed-' })),
    plain(buildBindingRequest({ username, useCandidate: true, pwd: '' })),
    plain(buildBindingRequest({ username: `${username}x`, useCandidate: true, pwd: 'guessed' })),
    plain(buildBindingRequest({ username: 'nobody:nobody', useCandidate: true, pwd: 'guessed' })),
    plain(new Uint8Array(20)),
    plain(Uint8Array.of(3, 1, 4, 1, 5)),
    ...(['rtp', 'rtcp', 'data', 'hello', 'finish', 'alert'] as const).map((kind) => datagram(kind, 12_345)),
  ]
  speaker.sendFrames(250)
  speaker.speak(500)
  for (let i = 0; i < 90; i++) {
    stage.net.schedule(stage.nowMs + i * 100, () => {
      for (const forgery of forged) {
        stage.net.send(address, stage.worker.address, forgery)
        // The same with the victim's own source address.
        stage.net.send(viewer.peer.address, stage.worker.address, forgery)
      }
    })
  }
  stage.run(12_000)
  assert.deepEqual(got, [])
  assert.deepEqual([viewer.video.frames.length, viewer.sounds.length], [250, 500])
  assert.deepEqual([closings(viewer), closings(speaker)], [[], []])
  const { totals } = stage.worker.counters
  assert.ok(totals.drop_stun_integrity! >= 90 && totals.drop_unknown_address! >= 90 && totals.drop_stun_unknown! >= 90)
})

scenario("a peer's valid checks from another peer's address do not take that address", { seeds }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const victim = stage.viewer(speaker)
  const thief = stage.viewer(speaker)
  stage.connect()
  speaker.speak(500)
  const spoofed: SimulatedAddress = victim.peer.address
  for (let i = 0; i < 90; i++) {
    stage.net.schedule(stage.nowMs + i * 100, () => {
      stage.net.send(spoofed, stage.worker.address, plain(thief.check()))
    })
  }
  stage.run(12_000)
  assert.equal(victim.sounds.length, 500)
  assert.ok(victim.connected)
  assert.deepEqual(closings(victim), [])
})

scenario('a certificate with another fingerprint: closed, and not one packet of media', { seeds }, (stage) => {
  const wrong = stage.net.newFingerprint()
  const speaker = stage.publisher({ audio: true, video: true })
  const liar = stage.publisher({ audio: true, video: true, fingerprint: wrong })
  const spy = stage.viewer(speaker, { fingerprint: wrong })
  const fan = stage.viewer(liar)
  stage.runUntil(() => speaker.connected && fan.connected)
  for (const publisher of [speaker, liar]) {
    publisher.sendFrames(100)
    publisher.speak(200)
  }
  stage.run(30_000)
  assert.deepEqual([closings(liar), closings(spy)], [['Fingerprint mismatch'], ['Fingerprint mismatch']])
  assert.deepEqual([liar.reported('connected'), spy.reported('connected')], [[], []])
  assert.deepEqual([spy.packets, fan.packets], [0, 0])
  assert.equal(stage.worker.counters.totals.forwarded_packets, 0)
  assert.equal(stage.worker.counters.live.endpoints, 2)
})

scenario(
  'the same SSRCs from two publishers stay separate',
  { seeds, conditions: { loss: 0.05, delayMs: 10 } },
  (stage) => {
    // The SSRC towards the viewers is the same as the publishers' too.
    const ssrcs = { videoSsrc: 0x1000_0000 + 3 * 16, audioSsrc: 0x1000_0000 + 4 * 16 + 2 }
    const speakers = [0, 1].map(() => stage.publisher({ audio: true, video: true, ...ssrcs }))
    const viewers = speakers.map((speaker) => stage.viewer(speaker))
    assert.equal(viewers[0]!.video.ssrc, speakers[1]!.videoSsrc)
    stage.connect()
    for (const speaker of speakers) {
      speaker.sendFrames(250)
      speaker.speak(500)
    }
    stage.run(14_000)
    for (const [i, { video, sounds }] of viewers.entries()) {
      assert.ok(video.frames.length > 230 && sounds.length > 400)
      assert.deepEqual([...new Set([...video.frames, ...sounds].map(({ publisher }) => publisher))], [speakers[i]!.id])
    }
  },
)
