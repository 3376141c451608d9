/**
 * A publisher and a subscriber in real browsers, each on a link of its own that can be made bad at any time, and a
 * server between them that knows nothing of it.
 */
import type { Connect, EncodingFigures, ReceiverFigures, SenderFigures } from '../../browsers/pages/impaired-client.js'
import type { PictureShape } from '../../browsers/pages/source.js'
import type { RelayFigures } from './control.js'
import type { Impairment } from './direction.js'
import { ImpairedRelay } from './relay.js'
import type { ImpairedServer, ServerFigures } from './server.js'

/** A page of some browser with `/impaired.html` in it. */
export interface ImpairedPage {
  evaluate<A, R>(body: (argument: A) => R | Promise<R>, argument: A): Promise<R>
  close(): Promise<void>
}

export type LinkName = 'publisher' | 'subscriber'

/** Each client's relay address: loopback, and not the server's. */
const FRONTS: Record<LinkName, string> = { publisher: '127.0.0.2', subscriber: '127.0.0.3' }

/** Everything that is known at one moment. */
export interface Sample {
  /** Since the stage was opened. */
  atMs: number
  sender: SenderFigures
  receiver: ReceiverFigures
  server: ServerFigures
  relay: RelayFigures
}

export interface StageOptions {
  server: ImpairedServer
  /** Pages that are open already; the stage closes them. */
  publisher: ImpairedPage
  subscriber: ImpairedPage
  picture: PictureShape
  /** More than one is simulcast. */
  encodings: RTCRtpEncodingParameters[]
  seed: number
  /** What links are like from before anybody connects; default: nothing wrong. */
  links?: Partial<Record<LinkName, Impairment>>
}

const SAMPLE_EVERY_MS = 500

/** For messages of tests. */
export function brief({ sender, receiver, server, relay }: Sample): string {
  return JSON.stringify({ sender, receiver, server, links: relay.links })
}

export class ImpairedStage {
  readonly relay: ImpairedRelay
  readonly #options: StageOptions
  readonly #startedMs = performance.now()
  #ids: { session: number; handle: number } | undefined

  private constructor(options: StageOptions) {
    this.#options = options
    this.relay = new ImpairedRelay(options.seed)
  }

  /** Resolves when both PeerConnections are up. */
  static async open(options: StageOptions): Promise<ImpairedStage> {
    const stage = new ImpairedStage(options)
    try {
      await stage.#enter()
      return stage
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  async #enter(): Promise<void> {
    const { publisher, subscriber, picture, encodings } = this.#options
    await this.impair(this.#options.links ?? {})
    await this.#connect(publisher, 'publisher')
    const publisherId = await publisher.evaluate(
      ({ picture, encodings }) => impairedClient.publish(picture, encodings),
      { picture, encodings },
    )
    await this.#connect(subscriber, 'subscriber')
    await subscriber.evaluate((publisherId) => impairedClient.view(publisherId), publisherId)
    this.#ids = await subscriber.evaluate(() => impairedClient.ids, undefined)
  }

  async #connect(to: ImpairedPage, link: LinkName): Promise<void> {
    const { plugin, url, room, media } = this.#options.server
    const fronts: Connect['fronts'] = {}
    for (const port of media.ports) {
      const front = { address: FRONTS[link], port: 0 }
      fronts[port] = await this.relay.open(link, front, { address: media.address, port })
    }
    await to.evaluate(
      async (options) => {
        impairedClient = await Impaired.connect(options)
      },
      { plugin, url, room, user: link, fronts },
    )
  }

  /** Makes links bad from now on, both ways; what is not named stays as it is. */
  async impair(links: Partial<Record<LinkName, Impairment>>): Promise<void> {
    const all = Object.entries(links)
    await Promise.all(all.map(([link, impairment]) => this.relay.impair(link, { up: impairment, down: impairment })))
  }

  /** @throws Error with `what` and the last sample after `withinMs` */
  async until(what: string, passes: (sample: Sample) => boolean, withinMs: number): Promise<Sample> {
    const deadlineMs = performance.now() + withinMs
    for (;;) {
      const sample = await this.sample()
      if (passes(sample)) return sample
      if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what} (last: ${brief(sample)})`)
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS))
    }
  }

  /** Samples at even intervals for so long, the first one now. */
  async during(ms: number): Promise<Sample[]> {
    const endMs = performance.now() + ms
    const samples = [await this.sample()]
    for (let left = ms; left > 0; left = endMs - performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(SAMPLE_EVERY_MS, left)))
      samples.push(await this.sample())
    }
    return samples
  }

  async sample(): Promise<Sample> {
    const { publisher, subscriber, server } = this.#options
    const [sender, receiver, told, relay] = await Promise.all([
      publisher.evaluate(() => impairedClient.sender(), undefined),
      subscriber.evaluate(() => impairedClient.receiver(), undefined),
      server.figures(this.#ids!),
      this.relay.figures(),
    ])
    return { atMs: performance.now() - this.#startedMs, sender, receiver, server: told, relay }
  }

  /** Closes pages and relay; the server stays. */
  async close(): Promise<void> {
    const { publisher, subscriber } = this.#options
    await Promise.all([publisher.close(), subscriber.close()])
    await this.relay.close()
  }
}

export type { EncodingFigures, PictureShape, RelayFigures }
