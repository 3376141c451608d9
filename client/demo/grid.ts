import type { Participant, Room, VideoPreference } from '../src/index.js'
import { byId } from './dom.js'
import { rememberBlocked } from './identity.js'
import { layOut } from './layout.js'
import type { LocalMedia } from './local-media.js'
import { Tile } from './tile.js'
import { toast } from './toasts.js'

const REFRESH_MS = 200
/** About −40 dB: quieter is background. */
const SPEAKING_LEVEL = 0.01
/** Pauses between words do not count. */
const SPEAKING_HOLD_MS = 600

/** Everybody in the room, ourselves first. */
export class Grid {
  readonly #room: Room
  readonly #media: LocalMedia
  readonly #list = byId('grid', HTMLUListElement)
  readonly #sound = byId('sound-button', HTMLButtonElement)
  readonly #tiles = new Map<string, Tile>()
  /** Screens that are shared, by user. */
  readonly #screens = new Map<string, Tile>()
  readonly #spokeAtMs = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #resize = new ResizeObserver(() => this.#layOut())
  readonly #refresh: ReturnType<typeof setInterval>

  /** Follows the room until `close`. */
  constructor(room: Room, media: LocalMedia) {
    this.#room = room
    this.#media = media
    const { signal } = this.#stop
    this.#add(room.user, new Tile(room.user, { of: 'camera', self: true }))
    for (const participant of room.participants.values()) this.#joined(participant)
    room.on('participant-joined', ({ participant }) => this.#joined(participant), { signal })
    room.on('participant-left', ({ user }) => this.#left(user), { signal })
    room.on('track', ({ user }) => this.#showStreams(user), { signal })
    room.on('media', ({ user }) => this.#showStreams(user), { signal })
    this.#sound.addEventListener('click', () => this.#playAll(), { signal })
    this.#resize.observe(byId('stage', HTMLElement))
    this.#refresh = setInterval(() => document.hidden || void this.refresh(), REFRESH_MS)
    this.showSelf()
  }

  /** Shows our own camera as it is now. */
  showSelf(): void {
    const track = this.#media.track('video')
    void this.#tiles.get(this.#room.user)?.play(track ? new MediaStream([track]) : null)
    void this.refresh()
  }

  /** Shows the screen that we share ourselves, or none. */
  showOwnScreen(screen: MediaStream | null): void {
    this.#showScreen(this.#room.user, screen?.getVideoTracks().length ? screen : null)
  }

  /** Reads levels and states and shows them. */
  async refresh(): Promise<void> {
    const levels = await this.#room.levels()
    const nowMs = performance.now()
    for (const [user, level] of levels) if (level >= SPEAKING_LEVEL) this.#spokeAtMs.set(user, nowMs)
    for (const [user, tile] of this.#tiles) {
      const speaking = nowMs - (this.#spokeAtMs.get(user) ?? -Infinity) < SPEAKING_HOLD_MS
      tile.show({ ...this.#stateOf(user), speaking })
    }
    for (const [user, tile] of this.#screens)
      tile.show({ ...this.#stateOf(user), video: true, audio: true, speaking: false })
  }

  close(): void {
    this.#stop.abort()
    this.#resize.disconnect()
    clearInterval(this.#refresh)
    for (const tile of [...this.#tiles.values(), ...this.#screens.values()]) void tile.play(null)
    this.#list.replaceChildren()
    this.#sound.hidden = true
  }

  /** A kind shows as on if it arrives and the user does not say otherwise. */
  #stateOf(user: string): { video: boolean; audio: boolean; blocked: boolean; blockedBy: boolean } {
    if (user === this.#room.user) {
      const { video, audio } = this.#room.media
      return { video, audio, blocked: false, blockedBy: false }
    }
    const { media, blocked = false, blockedBy = false } = this.#room.participants.get(user) ?? {}
    return {
      video: media?.video !== false && this.#room.receives(user, 'video'),
      audio: media?.audio ?? this.#room.receives(user, 'audio'),
      blocked,
      blockedBy,
    }
  }

  #joined({ user }: Participant): void {
    const actions = {
      block: () => void this.#toggleBlock(user),
      prefer: (preference: VideoPreference) => this.#room.prefer(user, preference),
    }
    this.#add(user, new Tile(user, { of: 'camera', self: false, actions }))
    this.#showStreams(user)
  }

  #left(user: string): void {
    void this.#tiles.get(user)?.play(null)
    this.#tiles.get(user)?.element.remove()
    this.#tiles.delete(user)
    this.#spokeAtMs.delete(user)
    this.#showScreen(user, null)
    this.#layOut()
  }

  #add(user: string, tile: Tile): void {
    this.#tiles.set(user, tile)
    this.#list.append(tile.element)
    this.#layOut()
  }

  /** Plays what a user sends now. */
  #showStreams(user: string): void {
    const participant = this.#room.participants.get(user)
    if (!participant) return
    const { stream, screen, media } = participant
    void this.#play(this.#tiles.get(user), stream)
    this.#showScreen(user, media?.screen !== undefined && screen.getVideoTracks().length > 0 ? screen : null)
  }

  #showScreen(user: string, screen: MediaStream | null): void {
    const shown = this.#screens.get(user)
    if (!screen) {
      if (!shown) return
      void shown.play(null)
      shown.element.remove()
      this.#screens.delete(user)
      return this.#layOut()
    }
    if (shown) return void this.#play(shown, screen)
    const tile = new Tile(user, { of: 'screen', self: user === this.#room.user })
    tile.show({ video: true, audio: true, speaking: false, blocked: false, blockedBy: false })
    this.#screens.set(user, tile)
    // A screen is what everybody is to look at.
    this.#list.prepend(tile.element)
    this.#layOut()
    void this.#play(tile, screen)
  }

  async #play(tile: Tile | undefined, stream: MediaStream): Promise<void> {
    if (!tile || stream.getTracks().length === 0) return
    if (!(await tile.play(stream))) this.#sound.hidden = false
  }

  #playAll(): void {
    this.#sound.hidden = true
    for (const user of this.#room.participants.keys()) this.#showStreams(user)
  }

  async #toggleBlock(user: string): Promise<void> {
    const blocked = this.#room.participants.get(user)?.blocked ?? false
    try {
      await (blocked ? this.#room.unblock(user) : this.#room.block(user))
      rememberBlocked(user, !blocked)
    } catch (error) {
      toast(`That did not work: ${(error as Error).message}`)
    }
    await this.refresh()
  }

  #layOut(): void {
    const stage = byId('stage', HTMLElement)
    const { paddingLeft, paddingTop } = getComputedStyle(stage)
    const width = stage.clientWidth - 2 * Number.parseFloat(paddingLeft)
    const height = stage.clientHeight - 2 * Number.parseFloat(paddingTop)
    const gap = Number.parseFloat(getComputedStyle(this.#list).columnGap) || 0
    const {
      columns,
      width: tileWidth,
      height: tileHeight,
    } = layOut(this.#tiles.size + this.#screens.size, width, height, gap)
    this.#list.style.setProperty('--columns', String(columns))
    this.#list.style.setProperty('--tile-width', `${tileWidth}px`)
    this.#list.style.setProperty('--tile-height', `${tileHeight}px`)
    byId('alone', HTMLElement).hidden = this.#tiles.size > 1
    const count = byId('people-count', HTMLElement)
    count.textContent = this.#tiles.size === 1 ? '1 person' : `${this.#tiles.size} people`
  }
}
