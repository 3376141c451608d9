/**
 * The tracks that arrive from one user, parted in two: those of the stream that the user names as the shared screen, and
 * all others. Name and tracks come on different ways, so either may be first.
 */
export class RemoteTracks {
  /** Microphone, camera, and whatever was not named. */
  readonly stream = new MediaStream()
  readonly screen = new MediaStream()
  readonly #known = new Map<MediaStreamTrack, { streamId: string | undefined; mid: string | null }>()
  #screenId: string | undefined

  /**
   * @param streamId of the sender's MediaStream, `undefined` for a track that is in none
   * @param mid of the m-line
   * @returns the stream that the track is in now
   */
  add(track: MediaStreamTrack, streamId: string | undefined, mid: string | null): MediaStream {
    this.#known.set(track, { streamId, mid })
    return this.#place(track, streamId)
  }

  /** @param screenId id of the stream that is the screen from now on, `undefined` when there is none any more */
  nameScreen(screenId: string | undefined): void {
    const before = this.#screenId
    if (screenId === before) return
    this.#screenId = screenId
    for (const [track, { streamId }] of this.#known) {
      // What was a screen does not become a camera: its m-line is silent, or about to be.
      if (before !== undefined && streamId === before) this.screen.removeTrack(track)
      else this.#place(track, streamId)
    }
  }

  /** M-lines of the screen. */
  screenMids(): string[] {
    return this.screen.getTracks().flatMap((track) => this.#known.get(track)?.mid ?? [])
  }

  /** The tracks are dead. */
  clear(): void {
    this.#known.clear()
    for (const stream of [this.stream, this.screen]) for (const track of stream.getTracks()) stream.removeTrack(track)
  }

  #place(track: MediaStreamTrack, streamId: string | undefined): MediaStream {
    const isScreen = streamId !== undefined && streamId === this.#screenId
    const [to, from] = isScreen ? [this.screen, this.stream] : [this.stream, this.screen]
    from.removeTrack(track)
    to.addTrack(track)
    return to
  }
}
