import type { MediaKind } from '../src/index.js'
import { make } from './dom.js'
import { icon } from './icons.js'

const LOOKS = {
  audio: { on: 'mic', off: 'mic-off', name: 'Microphone', short: 'Mic' },
  video: { on: 'camera', off: 'camera-off', name: 'Camera', short: 'Camera' },
} as const

/** Shows on a button whether a device is on; `aria-pressed` is true while it is. */
export function showToggle(button: HTMLButtonElement, kind: MediaKind, on: boolean): void {
  const { name, short } = LOOKS[kind]
  button.replaceChildren(icon(on ? LOOKS[kind].on : LOOKS[kind].off), make('span', { class: 'label' }, short))
  button.setAttribute('aria-pressed', String(on))
  button.setAttribute('aria-label', name)
  button.title = `${name} is ${on ? 'on' : 'off'}`
}
