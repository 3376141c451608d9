import type { MediaKind } from '../src/index.js'
import { byId, make } from './dom.js'
import { cleanName } from './identity.js'
import { LevelMeter } from './level-meter.js'
import { type LocalMedia, listDevices, unavailableWords } from './local-media.js'
import { showToggle } from './toggle-button.js'

/** What the form was filled with. */
export interface JoinRequest {
  room: string
  name: string
}

const SELECTS = { audio: 'mic', video: 'camera' } as const

/** The page before joining: name and room, a preview of ourselves, and the choice of devices. */
export class JoinView {
  readonly #media: LocalMedia
  readonly #onDevices: () => void
  readonly #view = byId('join-view', HTMLElement)
  readonly #nameInput = byId('name-input', HTMLInputElement)
  readonly #roomInput = byId('room-input', HTMLInputElement)
  readonly #button = byId('join-button', HTMLButtonElement)
  readonly #video = byId('preview-video', HTMLVideoElement)
  readonly #meter = new LevelMeter(byId('preview-level', HTMLDivElement))

  /**
   * @param onJoin the form was sent
   * @param onDevices devices were turned on, perhaps long after the form was sent: people take their time to allow them
   */
  constructor(media: LocalMedia, onJoin: (request: JoinRequest) => void, onDevices: () => void) {
    this.#media = media
    this.#onDevices = onDevices
    byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      const request = this.#request()
      if (request) onJoin(request)
    })
    this.#nameInput.addEventListener('input', () => this.#showLetter())
    for (const kind of ['audio', 'video'] as const) {
      byId(`preview-${SELECTS[kind]}`, HTMLButtonElement).addEventListener('click', () => void this.#toggle(kind))
      this.#select(kind).addEventListener('change', () => void this.#choose(kind))
    }
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#listDevices())
  }

  fill({ room, name }: JoinRequest): void {
    this.#roomInput.value = room
    this.#nameInput.value = name
    this.#showLetter()
  }

  /** Shows the view and turns the devices on, unless `devices` is false (they are on, or were turned off on purpose). */
  async show(devices: boolean): Promise<void> {
    this.#view.hidden = false
    this.#button.disabled = false
    this.refresh()
    ;(this.#nameInput.value === '' ? this.#nameInput : this.#button).focus({ preventScroll: true })
    if (devices) await this.startDevices()
  }

  async startDevices(): Promise<void> {
    this.#note(unavailableWords() ?? 'Waiting for your microphone and camera…')
    if (!navigator.mediaDevices) return
    const problems = await this.#media.startAvailable()
    this.#note(problems.length === 0 ? '' : `${problems.join(' ')} You can join anyway: to watch, listen and chat.`)
    this.refresh()
    this.#onDevices()
    await this.#listDevices()
  }

  hide(): void {
    this.#view.hidden = true
    this.#video.srcObject = null
    this.#meter.stop()
  }

  /** @param busy while joining */
  setBusy(busy: boolean): void {
    this.#button.disabled = busy
    this.#button.textContent = busy ? 'Joining…' : 'Join'
  }

  /** Says why we are (back) here; an empty string says nothing. */
  notice(text: string): void {
    const notice = byId('join-notice', HTMLElement)
    notice.textContent = text
    notice.hidden = text === ''
  }

  /** Shows what is on now. */
  refresh(): void {
    const video = this.#media.track('video')
    const audio = this.#media.track('audio')
    showToggle(byId('preview-mic', HTMLButtonElement), 'audio', audio !== undefined)
    showToggle(byId('preview-camera', HTMLButtonElement), 'video', video !== undefined)
    byId('preview-tile', HTMLDivElement).dataset.video = video ? 'on' : 'off'
    if (this.#view.hidden) return
    this.#video.srcObject = video ? new MediaStream([video]) : null
    if (audio) this.#meter.start(audio)
    else this.#meter.stop()
  }

  #request(): JoinRequest | undefined {
    const name = cleanName(this.#nameInput.value)
    const room = this.#roomInput.value.trim()
    if (name !== '' && room !== '') return { name, room }
    this.notice(name === '' ? 'Please enter a name.' : 'Please enter a room.')
    ;(name === '' ? this.#nameInput : this.#roomInput).focus()
    return undefined
  }

  #showLetter(): void {
    byId('preview-letter', HTMLSpanElement).textContent = [...cleanName(this.#nameInput.value)][0]?.toUpperCase() ?? '?'
  }

  async #toggle(kind: MediaKind): Promise<void> {
    if (this.#media.track(kind)) this.#media.stop(kind)
    else await this.#start(kind)
    this.refresh()
    await this.#listDevices()
  }

  async #choose(kind: MediaKind): Promise<void> {
    this.#media.choose(kind, this.#select(kind).value)
    await this.#start(kind)
    this.refresh()
  }

  async #start(kind: MediaKind): Promise<void> {
    this.#note('')
    await this.#media.start(kind).catch((error: Error) => this.#note(error.message))
  }

  #select(kind: MediaKind): HTMLSelectElement {
    return byId(`${SELECTS[kind]}-select`, HTMLSelectElement)
  }

  async #listDevices(): Promise<void> {
    for (const kind of ['audio', 'video'] as const) {
      const devices = await listDevices(kind)
      const current = this.#media.track(kind)?.getSettings().deviceId ?? this.#select(kind).value
      const options = devices.map(({ deviceId, label }, index) => {
        return make('option', { value: deviceId }, label === '' ? `${SELECTS[kind]} ${index + 1}` : label)
      })
      this.#select(kind).replaceChildren(...options)
      if (devices.some(({ deviceId }) => deviceId === current)) this.#select(kind).value = current
      byId(`${SELECTS[kind]}-choice`, HTMLLabelElement).hidden = devices.length === 0
    }
  }

  #note(text: string): void {
    byId('device-note', HTMLElement).textContent = text
  }
}
