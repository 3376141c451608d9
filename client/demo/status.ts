import type { RoomEvents } from '../src/index.js'
import { byId } from './dom.js'

/** Shows the connection's state in words at the top of the page. */
export function showState({ state, why, retryInMs }: RoomEvents['state']): void {
  const element = byId('state', HTMLElement)
  element.dataset.state = state
  const words = {
    connecting: 'Connecting…',
    joined: 'Connected',
    reconnecting: `Reconnecting. ${why}${retryWords(retryInMs)}`,
    failed: `Not connected. ${why}`,
    closed: `Not connected. ${why}`,
  } as const
  element.textContent = words[state]
  element.title = element.textContent
}

function retryWords(retryInMs: number | undefined): string {
  if (retryInMs === undefined || retryInMs < 2_000) return ''
  return ` Next attempt in ${Math.round(retryInMs / 1_000)} seconds.`
}
