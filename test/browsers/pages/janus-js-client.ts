/** Runs inside Chromium: an application on janus-gateway's janus.js, which comes unmodified from npm. */

interface Jsep {
  type: 'offer' | 'answer'
  sdp: string
}

interface SfuData {
  success?: boolean
  event?: string
  error?: { code: string; msg: string }
  response?: { users?: Record<string, string[]> }
  [field: string]: unknown
}

interface Callbacks {
  success?(result?: unknown): void
  error?(error: string): void
}

interface PluginHandle {
  webrtcStuff: { pc: RTCPeerConnection | null }
  send(request: Callbacks & { message: object; jsep?: Jsep }): void
  createOffer(request: { tracks: object[]; success(jsep: Jsep): void; error(error: unknown): void }): void
  createAnswer(request: { jsep: Jsep; tracks?: object[]; success(jsep: Jsep): void; error(error: unknown): void }): void
  handleRemoteJsep(request: { jsep: Jsep; error(error: unknown): void }): void
  data(request: Callbacks & { text: string }): void
  hangup(sendRequest: boolean): void
  detach(request?: Callbacks): void
}

interface JanusSession {
  attach(request: {
    plugin: string
    success(handle: PluginHandle): void
    error(error: string): void
    onmessage(message: SfuData, jsep?: Jsep): void
    webrtcState(up: boolean): void
    mediaState(type: string, receiving: boolean, mid: string): void
    onremotetrack(track: MediaStreamTrack, mid: string, on: boolean): void
    ondataopen(label: string): void
    ondata(text: string, label: string): void
    oncleanup(): void
    ondetached(): void
  }): void
  getInfo(request: { success(info: { janus: string }): void; error(error: string): void }): void
  destroy(request: Callbacks): void
}

declare const Janus: {
  init(options: { debug: string[]; callback(): void }): void
  new (options: { server: string; success(): void; error(error: string): void; destroyed(): void }): JanusSession
}

const within = <T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('nothing within 10 s')), 10_000)
    start((value) => {
      clearTimeout(timer)
      resolve(value)
    }, reject)
  })

/** One handle, and everything that it was called back with. */
class Attached {
  readonly handle: PluginHandle
  readonly calls: string[]
  readonly tracks = new Map<string, MediaStreamTrack>()
  #replies: ((reply: { data: SfuData; jsep?: Jsep }) => void)[] = []

  constructor(handle: PluginHandle, calls: string[]) {
    this.handle = handle
    this.calls = calls
  }

  received(data: SfuData, jsep?: Jsep): void {
    // janus.js tells no transaction. Replies come in the order of the requests, and they alone have `success`.
    if (data.success !== undefined) this.#replies.shift()?.({ data, ...(jsep && { jsep }) })
    else if (data.event) this.calls.push(`event ${JSON.stringify(data)}`)
    else if (jsep) void this.answer(jsep)
  }

  send(message: object, jsep?: Jsep): Promise<{ data: SfuData; jsep?: Jsep }> {
    return within((resolve, reject) => {
      this.#replies.push(resolve)
      this.handle.send({ message, ...(jsep && { jsep }), error: (error) => reject(new Error(error)) })
    })
  }

  async publish(): Promise<void> {
    const video = { width: 320, height: 240 }
    const tracks = [{ type: 'data' }, { type: 'audio', capture: true }, { type: 'video', capture: video }]
    const offer = await within<Jsep>((success, error) => this.handle.createOffer({ tracks, success, error }))
    const { jsep } = await this.send({}, offer)
    this.handle.handleRemoteJsep({ jsep: jsep!, error: (error) => this.calls.push(`failed ${error}`) })
  }

  async answer(offer: Jsep): Promise<void> {
    const tracks = [{ type: 'data' }]
    const answer = await within<Jsep>((success, error) =>
      this.handle.createAnswer({ jsep: offer, tracks, success, error }),
    )
    await this.send({}, answer)
  }

  /** What the browser counts for received media. */
  async stats(): Promise<{ frames: number; energy: number }> {
    const result = { frames: 0, energy: 0 }
    for (const report of (await this.handle.webrtcStuff.pc?.getStats())?.values() ?? []) {
      if (report.type !== 'inbound-rtp') continue
      result.frames += report.framesDecoded ?? 0
      result.energy += report.totalAudioEnergy ?? 0
    }
    return result
  }

  play(): void {
    for (const track of this.tracks.values()) {
      const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video')
      element.srcObject = new MediaStream([track])
      element.autoplay = true
      document.body.append(element)
    }
  }
}

export class JanusJsClient {
  readonly calls: string[] = []
  publisher!: Attached
  viewer: Attached | undefined
  #session!: JanusSession

  async connect(server: string): Promise<void> {
    await within<void>((resolve) => Janus.init({ debug: ['warn', 'error'], callback: resolve }))
    await within<void>((resolve, reject) => {
      const error = (text: string) => {
        this.calls.push(`lost ${text}`)
        reject(new Error(text))
      }
      this.#session = new Janus({ server, success: resolve, error, destroyed: () => this.calls.push('destroyed') })
    })
    this.publisher = await this.attach('publisher')
  }

  attach(name: string): Promise<Attached> {
    return within((resolve, reject) => {
      let attached: Attached | undefined
      const { calls } = this
      this.#session.attach({
        plugin: 'janus.plugin.sfu',
        success: (handle) => {
          attached = new Attached(handle, calls)
          resolve(attached)
        },
        error: (error) => reject(new Error(error)),
        onmessage: (data, jsep) => attached!.received(data, jsep),
        webrtcState: (up) => calls.push(`${name} ${up ? 'up' : 'down'}`),
        mediaState: (type, receiving, mid) => calls.push(`${name} media ${type} ${receiving} ${mid}`),
        onremotetrack: (track, mid, on) => void (on && attached!.tracks.set(mid, track)),
        ondataopen: (label) => calls.push(`${name} open ${label}`),
        ondata: (text, label) => calls.push(`${name} ${label}: ${text}`),
        oncleanup: () => calls.push(`${name} cleanup`),
        ondetached: () => calls.push(`${name} detached`),
      })
    })
  }

  async view(room: string, own: string, other: string): Promise<void> {
    this.viewer = await this.attach('viewer')
    const join = { kind: 'join', room_id: room, user_id: own, subscribe: { media: other } }
    const { jsep } = await this.viewer.send(join)
    if (jsep) await this.viewer.answer(jsep)
  }

  info(): Promise<string> {
    return within((resolve, reject) => {
      this.#session.getInfo({ success: ({ janus }) => resolve(janus), error: (error) => reject(new Error(error)) })
    })
  }

  say(text: string): Promise<void> {
    return within((resolve, reject) => {
      this.publisher.handle.data({ text, success: () => resolve(), error: (error) => reject(new Error(error)) })
    })
  }

  detach(attached: Attached): Promise<void> {
    return within((resolve, reject) => {
      attached.handle.detach({ success: () => resolve(), error: (error) => reject(new Error(error)) })
    })
  }

  destroy(): Promise<void> {
    return within((resolve, reject) => {
      this.#session.destroy({ success: () => resolve(), error: (error) => reject(new Error(error)) })
    })
  }
}

declare global {
  var JanusJs: typeof JanusJsClient
}
globalThis.JanusJs = JanusJsClient
