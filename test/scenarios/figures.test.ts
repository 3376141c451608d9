/** What a worker tells of all endpoints at once. */
import assert from 'node:assert/strict'
import { type EndpointId, FIGURES_LINES_MAX, type FiguresPage, type ReceiveStream } from '../../src/media/control.js'
import { MAX_STREAMS } from '../../src/media/forward/peer.js'
import { type Stage, scenario } from './stage/stage.js'

function ask({ worker }: Stage, after: EndpointId): FiguresPage {
  worker.command({ kind: 'figures', after, ask: 1 })
  const { report } = worker.reports.at(-1)!
  const value = report.kind === 'done' ? report.value : undefined
  if (typeof value !== 'object' || !('endpoints' in value)) throw new Error(JSON.stringify(report))
  return value
}

scenario('figures of all who are up, both ways, and of data', { conditions: { delayMs: 20 } }, (stage) => {
  assert.deepEqual(ask(stage, 0), { endpoints: [], next: 0 })
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker)
  assert.deepEqual(ask(stage, 0), { endpoints: [], next: 0 }, 'nobody is up yet')
  stage.connect()
  speaker.speak(100)
  speaker.say('hello')
  stage.run(3_000)
  const { endpoints, next } = ask(stage, 0)
  assert.equal(next, 0)
  const [mine, theirs] = endpoints
  assert.deepEqual([mine!.endpoint, theirs!.endpoint, endpoints.length], [speaker.id, viewer.id, 2])
  const [received] = mine!.inbound
  assert.deepEqual([received!.mid, received!.codec, received!.figures.packets], ['0', 'opus', 100])
  assert.ok(mine!.data!.received.packets > 0 && mine!.data!.received.bytes > 0)
  const sent = theirs!.outbound.find(({ kind }) => kind === 'audio')!
  assert.deepEqual([sent.codec, sent.clockRate, sent.figures.packets], ['opus', 48_000, 100])
  assert.deepEqual([theirs!.inbound, theirs!.data], [[], undefined])
  assert.deepEqual(
    ask(stage, speaker.id).endpoints.map(({ endpoint }) => endpoint),
    [viewer.id],
  )
})

scenario('many m-lines are told of page by page, each endpoint once', {}, (stage) => {
  const perPage = FIGURES_LINES_MAX / MAX_STREAMS
  const speakers = Array.from({ length: 2 * perPage + 1 }, () => stage.publisher({ audio: true }))
  stage.connect()
  for (const speaker of speakers) {
    const [audio] = speaker.streams
    const streams = Array.from({ length: MAX_STREAMS }, (_, index): ReceiveStream => {
      return { ...audio!, mid: `m${index}`, index, ssrcs: [] }
    })
    speaker.command({ kind: 'setReceiveStreams', endpoint: speaker.id, streams })
  }
  const pages: EndpointId[][] = []
  let next = 0
  do {
    const page = ask(stage, next)
    pages.push(page.endpoints.map(({ endpoint }) => endpoint))
    next = page.next
  } while (next !== 0)
  const ids = speakers.map(({ id }) => id)
  assert.deepEqual(pages, [ids.slice(0, perPage), ids.slice(perPage, 2 * perPage), ids.slice(-1)])
})
