import { byId, make } from './dom.js'

const SHOWN_MS = 8_000
const MAX_TOASTS = 3

/** Shows a sentence for some seconds, spoken by screen readers at once. The same sentence is not shown twice. */
export function toast(text: string): void {
  const region = byId('toasts', HTMLDivElement)
  for (const shown of region.children) if (shown.textContent === text) return
  const note = make('p', { class: 'toast' }, text)
  region.append(note)
  if (region.children.length > MAX_TOASTS) region.firstElementChild?.remove()
  setTimeout(() => note.remove(), SHOWN_MS)
}
