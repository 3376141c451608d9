import type { VideoPreference } from '../src/index.js'
import { make } from './dom.js'
import { icon } from './icons.js'
import { displayName } from './identity.js'

/** What a tile shows. */
export interface TileState {
  video: boolean
  audio: boolean
  speaking: boolean
  blocked: boolean
  blockedBy: boolean
}

/** What a tile of somebody else can do. */
export interface TileActions {
  block(): void
  prefer(preference: VideoPreference): void
}

/** What a viewer can ask for, by name; senders offer three sizes, where they can. */
const qualities: ReadonlyMap<string, VideoPreference> = new Map([
  ['Best picture', {}],
  ['Medium picture', { maxLayer: 1 }],
  ['Small picture', { maxLayer: 0 }],
  ['Sound only', { paused: true }],
])

/** One person in the grid. */
export class Tile {
  readonly element: HTMLLIElement
  readonly #name: string
  readonly #video: HTMLVideoElement
  readonly #status: HTMLSpanElement
  readonly #note: HTMLParagraphElement
  readonly #block: HTMLButtonElement | undefined
  #shown = ''

  /**
   * @param of what the user shows
   * @param actions absent on our own camera's tile, which is silent and mirrored, and on screens
   */
  constructor(user: string, { of, self, actions }: { of: 'camera' | 'screen'; self: boolean; actions?: TileActions }) {
    this.#name = displayName(user)
    this.#video = make('video', { autoplay: '', playsinline: '', 'aria-hidden': 'true' })
    this.#video.muted = self
    const letter = make('span', { class: 'letter', 'aria-hidden': 'true' }, [...this.#name][0]?.toUpperCase() ?? '?')
    this.#status = make('span', { class: 'tile-status' })
    this.#note = make('p', { class: 'tile-note' })
    const label = make('span', { class: 'tile-name' }, labelOf(this.#name, of, self))
    this.element = make(
      'li',
      {
        class: of === 'screen' ? 'tile screen' : self ? 'tile self' : 'tile',
        'data-testid': `${of === 'screen' ? 'screen' : 'tile'}-${user}`,
        'data-self': String(self),
      },
      this.#video,
      letter,
      this.#note,
      make('div', { class: 'tile-foot' }, this.#status, label),
    )
    this.element.style.setProperty('--hue', String(hueOf(user)))
    if (actions) {
      this.#block = make('button', { type: 'button', class: 'tile-block', 'data-testid': `block-${user}` })
      this.#block.addEventListener('click', () => actions.block())
      this.element.append(
        this.#block,
        this.#qualityChoice(user, (quality) => actions.prefer(quality)),
      )
    }
    this.show({ video: false, audio: false, speaking: false, blocked: false, blockedBy: false })
  }

  /**
   * Plays a stream.
   * @returns false if the browser wants a click before it plays sound
   */
  async play(stream: MediaStream | null): Promise<boolean> {
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream
    if (!stream) return true
    try {
      await this.#video.play()
    } catch (error) {
      // An AbortError only says that another stream was set meanwhile.
      return !(error instanceof DOMException && error.name === 'NotAllowedError')
    }
    return true
  }

  show(state: TileState): void {
    const key = JSON.stringify(state)
    if (key === this.#shown) return
    this.#shown = key
    const { video, audio, speaking, blocked, blockedBy } = state
    const apart = blocked || blockedBy
    const { dataset } = this.element
    dataset.video = video && !apart ? 'on' : 'off'
    dataset.muted = String(!audio)
    dataset.speaking = String(speaking && audio && !apart)
    dataset.blocked = String(blocked)
    dataset.blockedBy = String(blockedBy)
    this.#note.textContent = noteOf(this.#name, blocked, blockedBy)
    this.#showStatus(audio)
    this.#showBlock(blocked)
  }

  #qualityChoice(user: string, choose: (preference: VideoPreference) => void): HTMLSelectElement {
    const options = [...qualities.keys()].map((name) => make('option', { value: name }, name))
    const attributes = { 'data-testid': `quality-${user}`, 'aria-label': `Picture of ${this.#name}` }
    const select = make('select', { class: 'tile-quality', ...attributes }, ...options)
    select.addEventListener('change', () => {
      this.element.dataset.quality = select.value
      choose(qualities.get(select.value) ?? {})
    })
    return select
  }

  #showStatus(audio: boolean): void {
    if (this.#status.dataset.audio === String(audio)) return
    this.#status.dataset.audio = String(audio)
    this.#status.replaceChildren()
    if (!audio) this.#status.append(icon('mic-off'), make('span', { class: 'visually-hidden' }, 'Muted: '))
  }

  #showBlock(blocked: boolean): void {
    if (!this.#block || this.#block.getAttribute('aria-pressed') === String(blocked)) return
    const verb = blocked ? 'Unblock' : 'Block'
    this.#block.replaceChildren(icon('block'), make('span', { class: 'label' }, verb))
    this.#block.setAttribute('aria-pressed', String(blocked))
    this.#block.setAttribute('aria-label', `${verb} ${this.#name}`)
  }
}

function labelOf(name: string, of: 'camera' | 'screen', self: boolean): string {
  if (of === 'screen') return self ? 'Your screen' : `${name}’s screen`
  return self ? `${name} (you)` : name
}

function noteOf(name: string, blocked: boolean, blockedBy: boolean): string {
  if (blocked && blockedBy) return 'You blocked each other'
  if (blocked) return `You blocked ${name}`
  return blockedBy ? `${name} blocked you` : ''
}

/** @returns a colour for a user, 0–359, the same everywhere */
function hueOf(user: string): number {
  let hash = 0
  for (const char of user) hash = (hash * 31 + char.codePointAt(0)!) >>> 0
  return hash % 360
}
