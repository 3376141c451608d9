/** What is done to the links, and for how long. */
import type { Impairment } from '../../test/support/impaired/direction.js'
import type { LinkName } from '../../test/support/impaired/stage.js'

export interface Phase {
  seconds: number
  /** Links that are made so, both ways; what is not named keeps what it had. */
  links: Partial<Record<LinkName, Impairment>>
}

export interface Scenario {
  name: string
  /** For the table. */
  title: string
  /** What links are like from the beginning, in a warm-up that is not measured: a delay that grows at once would look like a queue. */
  before: Impairment
  phases: Phase[]
  /** Where a capacity changes: figures over time are drawn. */
  steps?: LinkName
}

const STEADY_SECONDS = 10
const HIGH_BPS = 3_000_000
const LOW_BPS = 300_000
/** Of the bottleneck: enough that what is sent too fast is seen as delay, not only as loss. */
const QUEUE_MS = 500

/** What every link has in every scenario: retransmissions take their time. */
const BASE_DELAY_MS = 20
const GOOD: Impairment = { delayMs: BASE_DELAY_MS }

/** The same on all four ways: each packet crosses two links. */
function everywhere(name: string, title: string, impairment: Impairment): Scenario {
  const link = { ...GOOD, ...impairment }
  const { delayMs = BASE_DELAY_MS } = impairment
  return {
    name,
    title,
    before: { delayMs },
    phases: [{ seconds: STEADY_SECONDS, links: { publisher: link, subscriber: link } }],
  }
}

function steps(name: LinkName, title: string): Scenario {
  const at = (rateBps: number) => ({
    publisher: GOOD,
    subscriber: GOOD,
    [name]: { ...GOOD, rateBps, queueMs: QUEUE_MS },
  })
  return {
    name: `step-${name}`,
    title,
    steps: name,
    before: GOOD,
    phases: [
      { seconds: 6, links: at(HIGH_BPS) },
      { seconds: 14, links: at(LOW_BPS) },
      { seconds: 18, links: at(HIGH_BPS) },
    ],
  }
}

export const scenarios: readonly Scenario[] = [
  everywhere('clean', 'nothing wrong', {}),
  everywhere('loss-2', 'loss 2 %', { loss: 0.02 }),
  everywhere('loss-5', 'loss 5 %', { loss: 0.05 }),
  everywhere('loss-10', 'loss 10 %', { loss: 0.1 }),
  everywhere('loss-20', 'loss 20 %', { loss: 0.2 }),
  everywhere('bursts', 'loss in bursts of 10 packets, 2 %', { loss: 0.02, burst: 10 }),
  everywhere('delay-100', 'delay 100 ms', { delayMs: 100 }),
  everywhere('delay-300', 'delay 300 ms', { delayMs: 300 }),
  everywhere('jitter', 'delay 50 ms, jitter 60 ms', { delayMs: 50, jitterMs: 60 }),
  everywhere('reorder', '5 % of packets 20 ms late', { reorder: 0.05, reorderMs: 20 }),
  steps('subscriber', '3 Mbit/s → 300 kbit/s → 3 Mbit/s at the subscriber'),
  steps('publisher', '3 Mbit/s → 300 kbit/s → 3 Mbit/s at the publisher'),
]
