/**
 * Runs inside Chromium: what networked-aframe does with naf-janus-adapter, which comes unmodified from npm (its own
 * bundle). Everything that the adapter calls back is written down.
 */

interface Adapter {
  occupants: Record<string, { conn: RTCPeerConnection }>
  /** Set while it waits to connect anew because it has found itself in the room. */
  delayedReconnectTimeout?: number | null
  reliableTransport: 'datachannel' | 'websocket'
  setServerUrl(url: string): void
  setRoom(room: string): void
  setClientId(id: string): void
  setPeerConnectionConfig(config: RTCConfiguration): void
  setServerConnectListeners(success: (id: string) => void, failure: (error: unknown) => void): void
  setRoomOccupantListener(listener: (occupants: object) => void): void
  setDataChannelListeners(
    open: (id: string) => void,
    closed: (id: string) => void,
    message: (from: null, dataType: string, data: unknown, source: string) => void,
  ): void
  setReconnectionListeners(before: (delayMs: number) => void, after: () => void, failed: () => void): void
  setLocalMediaStream(stream: MediaStream): Promise<void>
  connect(): Promise<unknown>
  disconnect(): void
  syncOccupants(wanted: string[]): void
  getMediaStream(id: string, type: 'audio' | 'video'): Promise<MediaStream>
  sendData(id: string, dataType: string, data: unknown): void
  broadcastData(dataType: string, data: unknown): void
  broadcastDataGuaranteed(dataType: string, data: unknown): void
  block(id: string): Promise<void>
  unblock(id: string): Promise<void>
}
declare const NAF: { adapters: { janus: new () => Adapter } }

export class NafPage {
  readonly adapter = new NAF.adapters.janus()
  readonly calls: string[] = []

  constructor(url: string, room: string, id: string, wanted: string[]) {
    const { adapter, calls } = this
    adapter.setServerUrl(url)
    adapter.setRoom(room)
    adapter.setClientId(id)
    adapter.setPeerConnectionConfig({})
    adapter.setServerConnectListeners(
      (own) => calls.push(`connected ${own}`),
      (error) => calls.push(`failed ${error}`),
    )
    adapter.setRoomOccupantListener(() => {})
    adapter.setDataChannelListeners(
      (other) => calls.push(`open ${other}`),
      (other) => calls.push(`closed ${other}`),
      (_from, dataType, data, source) => calls.push(`${source} ${dataType} ${JSON.stringify(data)}`),
    )
    adapter.setReconnectionListeners(
      () => calls.push('reconnecting'),
      () => calls.push('reconnected'),
      () => calls.push('given up'),
    )
    adapter.syncOccupants(wanted)
    for (const event of ['blocked', 'unblocked']) {
      document.body.addEventListener(event, (told) => {
        calls.push(`${event} ${(told as CustomEvent<{ clientId: string }>).detail.clientId}`)
      })
    }
  }

  async connect(): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } })
    await this.adapter.setLocalMediaStream(stream)
    await this.adapter.connect()
  }

  /** Plays what the adapter gives for somebody, as networked-aframe does. */
  async play(id: string): Promise<void> {
    for (const type of ['audio', 'video'] as const) {
      const element = document.createElement(type)
      element.srcObject = await this.adapter.getMediaStream(id, type)
      element.autoplay = true
      document.body.append(element)
    }
  }

  /** What the browser counts for somebody's media. */
  async stats(id: string): Promise<{ frames: number; energy: number }> {
    const result = { frames: 0, energy: 0 }
    for (const report of (await this.adapter.occupants[id]?.conn.getStats())?.values() ?? []) {
      if (report.type !== 'inbound-rtp') continue
      result.frames += report.framesDecoded ?? 0
      result.energy += report.totalAudioEnergy ?? 0
    }
    return result
  }
}

declare global {
  var Naf: typeof NafPage
}
globalThis.Naf = NafPage
