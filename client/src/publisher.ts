import { RoomError } from './errors.js'
import type { Handle } from './handle.js'
import { Peer } from './peer.js'

export type MediaKind = 'audio' | 'video'

/** What is published at most once each: microphone, camera, and the picture and sound of a shared screen. */
export type TrackSource = MediaKind | `screen-${MediaKind}`

/** Labels of the two channels that every publisher opens. */
export type ChannelLabel = 'reliable' | 'unreliable'

/** A local track and whether it is sent at the moment. */
export interface PublishedTrack {
  track: MediaStreamTrack
  muted: boolean
}

export interface PublisherSettings {
  configuration: RTCConfiguration
  /** Whether data channels are opened. */
  data: boolean
  /** Whether video is sent in three sizes. */
  simulcast: boolean
}

export interface PublisherListener {
  /** The connection cannot be used any more. */
  failed(error: RoomError): void
  /** A message came in on a data channel, ours or one that the server opened. */
  data(channel: string, payload: string | ArrayBuffer): void
  /** The channel can be written to. */
  channelOpen(label: ChannelLabel): void
}

/** More than this waiting in the browser means that the network does not keep up. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

const SIMULCAST_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'h', maxBitrate: 1_500_000 },
  { rid: 'm', maxBitrate: 500_000, scaleResolutionDownBy: 2 },
  { rid: 'l', maxBitrate: 150_000, scaleResolutionDownBy: 4 },
]

/** Our own media and data on the way to the server. At most one track of each source. */
export class Publisher {
  readonly #peer: Peer
  readonly #settings: PublisherSettings
  readonly #listener: PublisherListener
  readonly #transceivers = new Map<TrackSource, RTCRtpTransceiver>()
  readonly #channels = new Map<ChannelLabel, RTCDataChannel>()
  /** Microphone and camera have one in common, so that whoever plays a stream has both. */
  readonly #stream = new MediaStream()
  /** The stream of all screens that are shared one after the other: receivers know by its id what is the screen. */
  readonly #screen = new MediaStream()

  /** @param handle already joined, so that the server knows the room when it sees the offer */
  constructor(handle: Handle, settings: PublisherSettings, listener: PublisherListener) {
    this.#settings = settings
    this.#listener = listener
    this.#peer = new Peer(handle, settings.configuration, (error) => listener.failed(error))
    this.#peer.connection.addEventListener('datachannel', ({ channel }) => this.#listen(channel))
  }

  /**
   * Opens the channels, adds the tracks and negotiates once for all of them.
   * @throws RoomError
   */
  async start(tracks: ReadonlyMap<TrackSource, PublishedTrack>): Promise<void> {
    if (this.#settings.data) {
      this.#open('reliable', { ordered: true })
      this.#open('unreliable', { ordered: false, maxRetransmits: 0 })
    }
    for (const [source, { track }] of tracks) this.#add(track, source)
    for (const [source, { muted }] of tracks) if (muted) await this.replace(source, null)
    if (this.#channels.size > 0 || this.#transceivers.size > 0) await this.#peer.offer()
  }

  /**
   * Sends a track in place of the one of the same source. Negotiates only if nothing of that source was being sent.
   * @throws RoomError
   */
  async publish(track: MediaStreamTrack, source: TrackSource = kindOf(track)): Promise<void> {
    const transceiver = this.#transceivers.get(source)
    if (!transceiver) {
      this.#add(track, source)
      return await this.#peer.offer()
    }
    await transceiver.sender.replaceTrack(track)
    if (transceiver.direction === 'sendonly') return
    transceiver.direction = 'sendonly'
    await this.#peer.offer()
  }

  /**
   * Stops sending a source and tells the server so; its m-line stays for the next time.
   * @throws RoomError
   */
  async unpublish(source: TrackSource): Promise<void> {
    const transceiver = this.#transceivers.get(source)
    if (!transceiver || transceiver.direction === 'inactive') return
    transceiver.direction = 'inactive'
    await transceiver.sender.replaceTrack(null)
    await this.#peer.offer()
  }

  /** Sends another track of that source, or nothing, without negotiating. */
  async replace(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    await this.#transceivers.get(source)?.sender.replaceTrack(track)
  }

  /** Id of the MediaStream of shared screens, for those who receive them. */
  get screenId(): string {
    return this.#screen.id
  }

  /**
   * Writes to a data channel.
   * @returns false if it is not open, or has too much waiting
   * @throws RoomError `usage` if the server takes no message of that size
   */
  send(label: ChannelLabel, payload: string | ArrayBuffer): boolean {
    const channel = this.#channels.get(label)
    if (channel?.readyState !== 'open' || channel.bufferedAmount > MAX_BUFFERED_BYTES) return false
    const largest = this.#peer.connection.sctp?.maxMessageSize ?? Infinity
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload).length : payload.byteLength
    if (bytes > largest) throw new RoomError('usage', `A message may be at most ${largest} bytes long.`)
    // One call per overload: the DOM's types do not accept the union.
    if (typeof payload === 'string') channel.send(payload)
    else channel.send(payload)
    return true
  }

  /** @returns the sender of a kind, for its statistics and parameters */
  sender(kind: MediaKind): RTCRtpSender | undefined {
    return this.#transceivers.get(kind)?.sender
  }

  close(): void {
    this.#peer.close()
  }

  #add(track: MediaStreamTrack, source: TrackSource): RTCRtpTransceiver {
    const isScreen = source === 'screen-audio' || source === 'screen-video'
    const transceiver = this.#peer.connection.addTransceiver(track, {
      direction: 'sendonly',
      streams: [isScreen ? this.#screen : this.#stream],
      // A screen in a smaller size is not legible: it has one.
      ...(source === 'video' && this.#settings.simulcast && { sendEncodings: SIMULCAST_LAYERS }),
    })
    this.#transceivers.set(source, transceiver)
    return transceiver
  }

  #open(label: ChannelLabel, init: RTCDataChannelInit): void {
    const channel = this.#peer.connection.createDataChannel(label, init)
    this.#channels.set(label, channel)
    this.#listen(channel)
    channel.addEventListener('open', () => this.#listener.channelOpen(label))
    // While the connection stands only the server closes a channel: it gave up on us as a receiver (or refused the channel).
    channel.addEventListener('close', () => this.#peer.fail(`The data channel “${label}” was closed by the server.`))
  }

  #listen(channel: RTCDataChannel): void {
    channel.binaryType = 'arraybuffer'
    channel.addEventListener('message', ({ data }) => this.#listener.data(channel.label, data))
  }
}

/** @returns the kind in the type that the DOM only promises in words */
export function kindOf(track: MediaStreamTrack): MediaKind {
  return track.kind === 'audio' ? 'audio' : 'video'
}
