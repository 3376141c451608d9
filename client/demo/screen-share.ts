import type { Room } from '../src/index.js'
import { byId } from './dom.js'
import { toast } from './toasts.js'

/** Text should be sharp; that it moves evenly matters less. */
const CONSTRAINTS = { video: { frameRate: { max: 15 } }, audio: true }

/** The button that shares a screen, and the screen that is shared. */
export class ScreenShare {
  readonly #room: Room
  readonly #onChange: (screen: MediaStream | null) => void
  readonly #button = byId('screen-button', HTMLButtonElement)
  readonly #stop = new AbortController()
  #screen: MediaStream | null = null

  /** @param onChange with what we share from now on */
  constructor(room: Room, onChange: (screen: MediaStream | null) => void) {
    this.#room = room
    this.#onChange = onChange
    // Browsers of phones cannot, and no browser can on a page that is neither https nor localhost.
    this.#button.hidden = navigator.mediaDevices?.getDisplayMedia === undefined
    this.#button.addEventListener('click', () => void this.#toggle(), { signal: this.#stop.signal })
    this.#show()
  }

  close(): void {
    this.#stop.abort()
    this.#release()
  }

  async #toggle(): Promise<void> {
    if (this.#button.ariaBusy === 'true') return
    this.#button.ariaBusy = 'true'
    try {
      if (this.#screen) await this.#end()
      else await this.#share()
    } catch (error) {
      // Who closes the question of the browser knows it.
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) toast((error as Error).message)
    }
    this.#button.ariaBusy = null
  }

  async #share(): Promise<void> {
    const screen = await navigator.mediaDevices.getDisplayMedia(CONSTRAINTS)
    const [picture] = screen.getVideoTracks()
    if (this.#stop.signal.aborted || !picture) return stopTracks(screen)
    picture.contentHint = 'detail'
    picture.addEventListener('ended', () => {
      if (this.#screen === screen) this.#end().catch((error: Error) => toast(error.message))
    })
    this.#screen = screen
    this.#show()
    try {
      await this.#room.shareScreen(screen)
    } catch (error) {
      // The room would send it after the next reconnect.
      this.#end().catch(() => {})
      throw error
    }
  }

  async #end(): Promise<void> {
    this.#release()
    await this.#room.stopSharing()
  }

  #release(): void {
    if (this.#screen) stopTracks(this.#screen)
    this.#screen = null
    this.#show()
  }

  #show(): void {
    const shares = this.#screen !== null
    this.#button.setAttribute('aria-pressed', String(shares))
    this.#button.title = shares ? 'Others see your screen' : 'Share a screen'
    this.#onChange(this.#screen)
  }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}
