import type { MediaKind, Room } from '../src/index.js'
import { roomLink } from './address.js'
import { Chat } from './chat.js'
import { Controls } from './controls.js'
import { byId } from './dom.js'
import { Grid } from './grid.js'
import { displayName } from './identity.js'
import type { LocalMedia } from './local-media.js'
import { ScreenShare } from './screen-share.js'
import { toast } from './toasts.js'

/** The page while we are in a room, from joining until leaving. */
export class RoomView {
  readonly #room: Room
  readonly #grid: Grid
  readonly #chat: Chat
  readonly #controls: Controls
  readonly #screenShare: ScreenShare
  readonly #stop = new AbortController()

  constructor(room: Room, media: LocalMedia) {
    this.#room = room
    this.#setVisible(true)
    this.#grid = new Grid(room, media)
    this.#chat = new Chat(room)
    this.#controls = new Controls(room, media, () => this.#grid.showSelf())
    this.#screenShare = new ScreenShare(room, (screen) => this.#grid.showOwnScreen(screen))
    const { signal } = this.#stop
    byId('copy-link', HTMLButtonElement).addEventListener('click', () => void this.#copyLink(), { signal })
    room.on('blocked', ({ by }) => toast(`${displayName(by)} blocked you.`), { signal })
    room.on('unblocked', ({ by }) => toast(`${displayName(by)} unblocked you.`), { signal })
    room.on('error', ({ error, user }) => toast(problemWords(error.message, user)), { signal })
    byId('heading', HTMLHeadingElement).focus()
  }

  /** Shows what we send now. */
  refresh(): void {
    this.#controls.refresh()
    this.#grid.showSelf()
  }

  deviceEnded(kind: MediaKind): void {
    this.#controls.deviceEnded(kind)
  }

  close(): void {
    this.#stop.abort()
    this.#screenShare.close()
    this.#controls.close()
    this.#chat.close()
    this.#grid.close()
    this.#setVisible(false)
  }

  #setVisible(visible: boolean): void {
    byId('room-view', HTMLElement).hidden = !visible
    byId('copy-link', HTMLButtonElement).hidden = !visible
    byId('people-count', HTMLElement).hidden = !visible
    byId('heading-text', HTMLElement).textContent = visible ? this.#room.room : 'rostra'
    document.title = visible ? `${this.#room.room} – rostra` : 'rostra'
  }

  async #copyLink(): Promise<void> {
    const link = roomLink(new URL(location.href), this.#room.room)
    try {
      await navigator.clipboard.writeText(link)
      toast('The link is copied.')
    } catch {
      // No clipboard on insecure pages: the link can be copied by hand.
      toast(`The link to this room: ${link}`)
    }
  }
}

function problemWords(problem: string, user: string | undefined): string {
  return user === undefined ? problem : `Something is wrong with the connection to ${displayName(user)}: ${problem}`
}
