/**
 * Calls in which everything happens, in an order that a seed decides: joins, leaves, blocks, renegotiations,
 * restarts, bad networks. Whatever it is, the blocked hear nothing, nothing breaks, and afterwards all see each other.
 */
import assert from 'node:assert/strict'
import type { Client } from './stage/client.js'
import type { Publisher } from './stage/publisher.js'
import { type Stage, scenario } from './stage/stage.js'
import type { Viewer } from './stage/viewer.js'

const STEPS = 80
const users = ['ann', 'bob', 'cid', 'dan']
/** What was under way when a block came has arrived by then. */
const SETTLED_MS = 150

class Play {
  readonly stage: Stage
  readonly publishers: Publisher[] = []
  readonly viewers: Viewer[] = []
  readonly blocked = new Map<string, [string, string]>()
  /** Viewers that must get nothing, since when, and what they had by then. */
  readonly deaf = new Map<Viewer, { sinceMs: number; packets: number | undefined }>()
  #address = 1

  constructor(stage: Stage) {
    this.stage = stage
  }

  chance(n: number): number {
    return this.stage.net.random() % n
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.chance(Math.max(1, items.length))]
  }

  step(): void {
    const { stage } = this
    const publisher = this.pick(this.publishers)
    const viewer = this.pick(this.viewers)
    const anybody = this.pick<Client>([...this.publishers, ...this.viewers])
    switch (this.chance(13)) {
      case 0:
        if (this.publishers.length < 6)
          this.publishers.push(stage.publisher({ user: this.pick(users)!, ...this.#kinds() }))
        break
      case 1:
      case 2:
        if (publisher && this.viewers.length < 10)
          this.viewers.push(stage.viewer(publisher, { user: this.pick(users)! }))
        break
      case 3:
        if (anybody && this.chance(3) === 0) this.#end(anybody)
        break
      case 4:
      case 5:
        this.#block(this.pick(users)!, this.pick(users)!)
        break
      case 6:
        anybody?.restartIce(`10.201.0.${this.#address++}`)
        break
      case 7:
        this.#publish(publisher, this.#kinds())
        break
      case 8:
        if (publisher) viewer?.watch(publisher)
        break
      case 9:
        anybody?.link({ loss: this.chance(30) / 100, reorder: this.chance(10) / 100, delayMs: 1 + this.chance(30) })
        break
      case 10:
        anybody?.place(this.chance(3) === 0 ? 'cellar' : 'hall')
        break
      case 11:
        publisher?.say(`step at ${stage.nowMs}`)
        break
      case 12:
        if (publisher?.streams.some(({ kind }) => kind === 'video'))
          publisher.replaceVideoTrack(stage.net.random() & ~1)
        break
    }
    publisher?.sendFrames(10)
    publisher?.speak(20)
    this.#listen()
  }

  /** Peace: all in one room, nobody blocked, good networks, everybody sends everything. */
  settle(): void {
    for (const pair of [...this.blocked.values()]) this.#block(...pair)
    for (const client of [...this.publishers, ...this.viewers]) {
      client.place('hall')
      client.link({ loss: 0, reorder: 0, delayMs: 5 })
    }
    for (const publisher of this.publishers) this.#publish(publisher, { audio: true, video: true })
    this.deaf.clear()
  }

  #kinds() {
    return { audio: this.chance(2) === 0, video: this.chance(3) > 0 }
  }

  #publish(publisher: Publisher | undefined, kinds: { audio: boolean; video: boolean }): void {
    if (!publisher) return
    publisher.publish(kinds)
    for (const viewer of this.viewers) if (viewer.publisher === publisher) viewer.subscribe()
  }

  #end(client: Client): void {
    const how = this.chance(3)
    if (how === 0) client.leave()
    else if (how === 1) client.vanish()
    else {
      client.command({ kind: 'close', endpoint: client.id })
      client.vanish()
    }
    for (const list of [this.publishers, this.viewers] as Client[][]) {
      const at = list.indexOf(client)
      if (at >= 0) list.splice(at, 1)
    }
    this.stage.clients.splice(this.stage.clients.indexOf(client), 1)
  }

  #block(a: string, b: string): void {
    if (a === b) return
    const pair = [a, b].sort() as [string, string]
    const key = pair.join()
    const blocked = !this.blocked.has(key)
    if (blocked) this.blocked.set(key, pair)
    else this.blocked.delete(key)
    this.stage.worker.command({ kind: 'block', room: 'hall', users: [a, b], blocked })
    this.stage.worker.command({ kind: 'block', room: 'cellar', users: [b, a], blocked })
  }

  /** Who is blocked has got nothing since then. */
  #listen(): void {
    const { nowMs } = this.stage
    for (const viewer of this.viewers) {
      if (!this.blocked.has([viewer.user, viewer.publisher.user].sort().join())) {
        this.deaf.delete(viewer)
        continue
      }
      const known = this.deaf.get(viewer)
      if (!known) this.deaf.set(viewer, { sinceMs: nowMs, packets: undefined })
      else if (known.packets !== undefined) assert.equal(viewer.packets, known.packets, 'nothing while blocked')
      else if (nowMs - known.sinceMs > SETTLED_MS) known.packets = viewer.packets
    }
  }
}

const seeds = Array.from({ length: 25 }, (_, i) => i + 1)
scenario('a call by chance', { seeds, conditions: { delayMs: 5 } }, (stage) => {
  const play = new Play(stage)
  for (let i = 0; i < STEPS; i++) {
    play.step()
    stage.run(20 + play.chance(250))
  }
  stage.run(500)
  play.settle()
  stage.connect()
  stage.run(3000)
  for (const publisher of play.publishers) {
    publisher.sendFrames(75)
    publisher.speak(150)
  }
  stage.run(6000)
  for (const { video, sounds, publisher, peer } of play.viewers) {
    if (!publisher.connected || !play.publishers.includes(publisher)) continue
    const last = video.frames.at(-1)
    assert.deepEqual([last?.publisher, last?.frame], [publisher.id, publisher.frames - 1])
    assert.deepEqual([sounds.at(-1)!.publisher, sounds.at(-1)!.frame], [publisher.id, publisher.sounds - 1])
    assert.equal(peer.drops.srtp_auth, undefined)
  }
  const ended = new Set(
    stage.worker.reports.flatMap(({ report }) => (report.kind === 'closed' ? [report.endpoint] : [])),
  )
  for (const client of stage.clients) assert.ok(!ended.has(client.id), 'who is there was not closed')
  stage.run(20_000)
  assert.equal(stage.worker.counters.live.endpoints, stage.clients.length, 'who vanished is gone')
})
