import type { Room } from '../src/index.js'
import { byId, make } from './dom.js'
import { displayName } from './identity.js'
import { toast } from './toasts.js'

/** Older messages go when there are more. */
const MAX_MESSAGES = 500
const MAX_SHOWN_LENGTH = 2_000
/** From this width on the chat is a column beside the people, open at first; below it is a sheet over them. */
const WIDE = matchMedia('(min-width: 900px)')

/** The chat, over the reliable data channel. */
export class Chat {
  readonly #room: Room
  readonly #panel = byId('chat', HTMLElement)
  readonly #button = byId('chat-button', HTMLButtonElement)
  readonly #log = byId('chat-log', HTMLOListElement)
  readonly #input = byId('chat-input', HTMLInputElement)
  readonly #stop = new AbortController()
  #unread = 0

  /** Follows the room until `close`. */
  constructor(room: Room) {
    this.#room = room
    const { signal } = this.#stop
    this.#log.replaceChildren()
    room.on('data', ({ from, dataType, data }) => dataType === 'chat' && this.#received(from, data), { signal })
    room.on('participant-joined', ({ user }) => this.#event(`${displayName(user)} is here.`), { signal })
    room.on('participant-left', ({ user }) => this.#event(`${displayName(user)} left.`), { signal })
    this.#button.addEventListener('click', () => this.#setOpen(this.#panel.hidden), { signal })
    byId('chat-close', HTMLButtonElement).addEventListener('click', () => this.#setOpen(false), { signal })
    byId('chat-form', HTMLFormElement).addEventListener('submit', (event) => this.#submit(event), { signal })
    this.#panel.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#setOpen(false), { signal })
    this.#show(WIDE.matches)
  }

  close(): void {
    this.#stop.abort()
    this.#show(false)
  }

  #setOpen(open: boolean): void {
    this.#show(open)
    ;(open ? this.#input : this.#button).focus()
  }

  #show(open: boolean): void {
    this.#panel.hidden = !open
    this.#button.setAttribute('aria-expanded', String(open))
    if (open) this.#setUnread(0)
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    const text = this.#input.value.trim()
    if (text === '') return
    if (!this.#room.broadcast('chat', { text })) return toast('The message cannot be sent now; too many are waiting.')
    this.#input.value = ''
    this.#add(make('li', { class: 'chat-message own' }, this.#head('You'), make('p', {}, text)))
  }

  #received(from: string | undefined, data: unknown): void {
    const text = typeof data === 'object' && data !== null ? (data as { text?: unknown }).text : data
    if (typeof text !== 'string' || text === '') return
    // Whoever is not in the room cannot have said it: somebody claims a wrong name.
    const known = from !== undefined && this.#room.participants.has(from)
    const name = known ? displayName(from) : 'Somebody'
    const shown = text.slice(0, MAX_SHOWN_LENGTH)
    this.#add(make('li', { class: 'chat-message' }, this.#head(name), make('p', {}, shown)))
    if (this.#panel.hidden) this.#setUnread(this.#unread + 1)
  }

  #event(text: string): void {
    this.#add(make('li', { class: 'chat-event' }, text))
  }

  #head(name: string): HTMLElement {
    const now = new Date()
    const time = make('time', { datetime: now.toISOString() })
    time.textContent = now.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    return make('header', {}, make('strong', {}, name), time)
  }

  #add(item: HTMLLIElement): void {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40
    this.#log.append(item)
    while (this.#log.children.length > MAX_MESSAGES) this.#log.firstElementChild?.remove()
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight
  }

  #setUnread(count: number): void {
    this.#unread = count
    const badge = byId('unread', HTMLSpanElement)
    badge.hidden = count === 0
    badge.textContent = count > 99 ? '99+' : String(count)
    this.#button.setAttribute('aria-label', count === 0 ? 'Chat' : `Chat, ${count} unread`)
  }
}
