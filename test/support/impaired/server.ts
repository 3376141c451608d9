/** The server between the two browsers of an impaired stage: rostra, or another that speaks the Janus API. */
import { ADMIN_SECRET, type HandleInfo, HttpOperator } from '../operator.js'
import { freePort, startServer } from '../server-process.js'

/** What the server says of its sending to one subscriber. */
export interface ServerFigures {
  /** What it believes that the subscriber's link carries. */
  estimateBps?: number
  /** Encoding that it has chosen for the picture, 0 is the smallest. */
  spatial?: number
  temporal?: number
}

export interface ImpairedServer {
  readonly name: string
  readonly plugin: 'sfu' | 'videoroom'
  readonly url: string
  readonly room: string | number
  /** Where its media comes from and goes to. */
  readonly media: { address: string; ports: readonly number[] }
  figures(subscriber: { session: number; handle: number }): Promise<ServerFigures>
  stop(): Promise<unknown>
}

/** A rostra of one worker on loopback. */
export async function startRostra(flags: readonly string[] = []): Promise<ImpairedServer> {
  const port = await freePort()
  // Over TCP a browser would go around the relay.
  const media = ['--rtc-port', String(port), '--rtc-tcp', 'false']
  const own = ['--workers', '1', ...media, '--admin-secret', ADMIN_SECRET]
  const server = await startServer([...own, ...flags])
  const operator = new HttpOperator(server)
  return {
    name: 'rostra',
    plugin: 'sfu',
    url: server.webSocketUrl,
    room: 'impaired',
    media: { address: '127.0.0.1', ports: [port] },
    async figures({ session, handle }) {
      const { info } = await operator.send('handle_info', {}, `/admin/${session}/${handle}`)
      return figuresOf(info?.webrtc)
    },
    stop: () => server.stop(),
  }
}

/** Reads what there is of `handle_info`: figures that a server does not have are left out. */
function figuresOf(webrtc: HandleInfo['webrtc'] | undefined): ServerFigures {
  const bwe = webrtc?.bwe ?? {}
  const video = Object.values(webrtc?.media ?? {}).find(({ type }) => type === 'video')
  return {
    ...(bwe.estimate !== undefined && { estimateBps: bwe.estimate }),
    ...video?.target,
  }
}
