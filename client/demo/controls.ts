import type { MediaKind, Room } from '../src/index.js'
import { byId } from './dom.js'
import type { LocalMedia } from './local-media.js'
import { toast } from './toasts.js'
import { showToggle } from './toggle-button.js'

const BUTTONS = { audio: 'mic-button', video: 'camera-button' } as const

/** The bar below: microphone, camera, leave. */
export class Controls {
  readonly #room: Room
  readonly #media: LocalMedia
  readonly #onChange: () => void
  readonly #stop = new AbortController()

  /** @param onChange what we send changed */
  constructor(room: Room, media: LocalMedia, onChange: () => void) {
    this.#room = room
    this.#media = media
    this.#onChange = onChange
    const { signal } = this.#stop
    for (const kind of ['audio', 'video'] as const) {
      const button = byId(BUTTONS[kind], HTMLButtonElement)
      button.addEventListener('click', () => void this.#toggle(kind, button), { signal })
    }
    byId('leave-button', HTMLButtonElement).addEventListener('click', () => room.leave(), { signal })
    this.refresh()
  }

  /** A device is gone. */
  deviceEnded(kind: MediaKind): void {
    void this.#room.mute(kind)
    toast(kind === 'audio' ? 'Your microphone is gone.' : 'Your camera is gone.')
    this.#changed()
  }

  refresh(): void {
    for (const kind of ['audio', 'video'] as const) {
      showToggle(byId(BUTTONS[kind], HTMLButtonElement), kind, this.#room.media[kind])
    }
  }

  close(): void {
    this.#stop.abort()
  }

  async #toggle(kind: MediaKind, button: HTMLButtonElement): Promise<void> {
    if (button.ariaBusy === 'true') return
    button.ariaBusy = 'true'
    try {
      if (this.#room.media[kind]) await this.#turnOff(kind)
      else await this.#turnOn(kind)
    } catch (error) {
      toast((error as Error).message)
    }
    button.ariaBusy = null
    this.#changed()
  }

  /** The microphone stays open, so that its owner is heard from the first word again; the camera's light goes out. */
  async #turnOff(kind: MediaKind): Promise<void> {
    await this.#room.mute(kind)
    if (kind === 'video') this.#media.stop('video')
  }

  async #turnOn(kind: MediaKind): Promise<void> {
    await this.#room.publish(this.#media.track(kind) ?? (await this.#media.start(kind)))
  }

  #changed(): void {
    this.refresh()
    this.#onChange()
  }
}
