import type { MediaState } from './envelope.js'
import { RoomError } from './errors.js'
import { kindOf, type MediaKind, type PublishedTrack, type Publisher, type TrackSource } from './publisher.js'

export interface OwnTracksHost {
  /** The publisher of the connection that stands; undefined while there is none. */
  publisher(): Publisher | undefined
  /** What we send changed. */
  changed(): void
}

/** What we send: microphone, camera and screen. Outlives connections: the next one is opened with what is `published`. */
export class OwnTracks {
  readonly #host: OwnTracksHost
  readonly #published = new Map<TrackSource, PublishedTrack>()

  /** @param tracks to send from the start: the first one of each kind */
  constructor(host: OwnTracksHost, tracks: Iterable<MediaStreamTrack>) {
    this.#host = host
    for (const track of tracks) {
      if (!this.#published.has(kindOf(track))) this.#published.set(kindOf(track), { track, muted: false })
    }
  }

  get published(): ReadonlyMap<TrackSource, PublishedTrack> {
    return this.#published
  }

  /** What the others are told: false for a kind that is muted or not published. */
  get state(): MediaState {
    const sends = (source: TrackSource): boolean => this.#published.get(source)?.muted === false
    const screen = sends('screen-video') ? this.#host.publisher()?.screenId : undefined
    return { audio: sends('audio'), video: sends('video'), ...(screen !== undefined && { screen }) }
  }

  /** As `Room.publish`. */
  async publish(track: MediaStreamTrack): Promise<void> {
    this.#published.set(kindOf(track), { track, muted: false })
    this.#host.changed()
    await this.#host.publisher()?.publish(track)
  }

  /** As `Room.unpublish`. */
  async unpublish(kind: MediaKind): Promise<void> {
    if (!this.#published.delete(kind)) return
    this.#host.changed()
    await this.#host.publisher()?.unpublish(kind)
  }

  /** As `Room.shareScreen`. */
  async shareScreen(screen: MediaStream): Promise<void> {
    const [video] = screen.getVideoTracks()
    const [audio] = screen.getAudioTracks()
    if (!video) throw new RoomError('usage', 'There is no picture of a screen.')
    this.#published.set('screen-video', { track: video, muted: false })
    if (audio) this.#published.set('screen-audio', { track: audio, muted: false })
    const hadSound = !audio && this.#published.delete('screen-audio')
    this.#host.changed()
    const publisher = this.#host.publisher()
    await Promise.all([
      publisher?.publish(video, 'screen-video'),
      audio ? publisher?.publish(audio, 'screen-audio') : hadSound && publisher?.unpublish('screen-audio'),
    ])
  }

  /** As `Room.stopSharing`. */
  async stopSharing(): Promise<void> {
    if (!this.#published.delete('screen-video')) return
    this.#published.delete('screen-audio')
    this.#host.changed()
    const publisher = this.#host.publisher()
    await Promise.all([publisher?.unpublish('screen-video'), publisher?.unpublish('screen-audio')])
  }

  /** As `Room.mute` and `Room.unmute`. */
  async setMuted(kind: MediaKind, muted: boolean): Promise<void> {
    const published = this.#published.get(kind)
    if (!published || published.muted === muted) return
    published.muted = muted
    this.#host.changed()
    await this.#host.publisher()?.replace(kind, muted ? null : published.track)
  }
}
