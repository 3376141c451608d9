/** What an endpoint tells whoever opened it, so that a bug there ends this endpoint and nothing else. */
import type { EndpointObserver } from './pool-types.js'

export interface Containment {
  log: { error(fields: object, message: string): void }
  /** The observer threw: the endpoint cannot go on. It may have ended already. */
  failed(): void
}

/** @returns an observer that hands everything on, and never throws */
export function contained(observer: EndpointObserver, { log, failed }: Containment): EndpointObserver {
  const tell = (report: keyof EndpointObserver, hand: () => void) => {
    try {
      hand()
    } catch (error) {
      log.error({ err: error, report }, 'what a media worker reported made its taker throw: this is a bug')
      failed()
    }
  }
  return {
    connected: () => tell('connected', () => observer.connected()),
    silence: (isSilent) => tell('silence', () => observer.silence(isSilent)),
    media: (...heard) => tell('media', () => observer.media(...heard)),
    slowlink: (...lost) => tell('slowlink', () => observer.slowlink(...lost)),
    closed: (reason) => tell('closed', () => observer.closed(reason)),
  }
}
