/** What the page's address says. */
export interface PageAddress {
  room: string
  name: string
  /** Join at once, and go on trying until the server is there. */
  autojoin: boolean
  /** From the fragment (`#token=…`), which browsers do not send to servers. */
  token: string | undefined
}

/** @param url e.g. `https://host/?room=lobby&name=Ada&autojoin=1#token=…` */
export function readAddress(url: URL): PageAddress {
  const { searchParams } = url
  const token = new URLSearchParams(url.hash.slice(1)).get('token')
  return {
    room: searchParams.get('room') ?? '',
    name: searchParams.get('name') ?? '',
    autojoin: searchParams.get('autojoin') === '1',
    token: token === null || token === '' ? undefined : token,
  }
}

/** @returns an address that leads others to the room, without our name or token */
export function roomLink(url: URL, room: string): string {
  const link = new URL('/', url)
  link.searchParams.set('room', room)
  return link.href
}

/** @returns the WebSocket address of the server that served the page */
export function serverAddress(url: URL): string {
  return `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}/`
}
