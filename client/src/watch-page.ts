/** What happens to the page or to the machine's network, as far as a room cares. */
export interface PageListener {
  /** The page is being left; it may come back out of the browser's cache. */
  hidden(): void
  /** It came back; its sockets and PeerConnections are dead. */
  shown(): void
  /** The browser believes to be online or offline now. */
  networkChanged(online: boolean): void
}

/** @returns a function that stops watching */
export function watchPage(listener: PageListener): () => void {
  const stop = new AbortController()
  const options = { signal: stop.signal }
  addEventListener('pagehide', () => listener.hidden(), options)
  addEventListener('pageshow', ({ persisted }) => persisted && listener.shown(), options)
  addEventListener('online', () => listener.networkChanged(true), options)
  addEventListener('offline', () => listener.networkChanged(false), options)
  return () => stop.abort()
}
