/** A client made of libdatachannel, which has an ICE, a DTLS and an SCTP (usrsctp) of its own. */
import nodeDataChannel, { type DataChannel, type DataChannelInitConfig } from 'node-datachannel'
import type { ImpairedRelay } from './impaired/relay.js'
import type { JanusSocket, JanusTestHandle } from './janus-socket.js'

export interface HeardMessage {
  label: string
  data: string | Buffer
}

export class LibDataChannelClient {
  readonly heard: HeardMessage[] = []
  /** Labels of channels that were closed by the other side, or at its request. */
  readonly closed: string[] = []
  readonly channels = new Map<string, DataChannel>()
  handle!: JanusTestHandle
  readonly #pc: InstanceType<typeof nodeDataChannel.PeerConnection>
  readonly #user: string
  readonly #longestBytes: number

  /** @param longestBytes of messages: it sends none that are longer, whatever the server says, and takes none */
  constructor(user: string, longestBytes = 262_144) {
    this.#user = user
    this.#longestBytes = longestBytes
    this.#pc = new nodeDataChannel.PeerConnection(user, { iceServers: [], maxMessageSize: longestBytes })
    this.#pc.onDataChannel((channel) => this.#listen(channel))
  }

  /**
   * Joins a room with one channel, `reliable`, open.
   * @param relay what its packets go through, on a link of its own name, if at all
   */
  async join(janus: JanusSocket, room: string, relay?: ImpairedRelay): Promise<void> {
    this.handle = await janus.attach()
    const opened = this.open('reliable')
    const { sdp } = await this.#description()
    const { jsep } = await this.handle.message({}, { type: 'offer', sdp })
    const answer = relay ? await this.#through(relay, jsep!.sdp) : jsep!.sdp
    // It keeps to what the server says, which a client that means harm would not.
    const meant = answer.replace('a=max-message-size:262144', `a=max-message-size:${this.#longestBytes}`)
    this.#pc.setRemoteDescription(meant, 'answer')
    await opened
    const subscribe = { notifications: true, data: true }
    const joined = await this.handle.message({ kind: 'join', room_id: room, user_id: this.#user, subscribe })
    if (!joined.plugindata?.data.success) throw new Error(JSON.stringify(joined))
  }

  /** Resolves when the channel is open. */
  open(label: string, config: DataChannelInitConfig = {}): Promise<void> {
    const channel = this.#pc.createDataChannel(label, config)
    this.#listen(channel)
    return new Promise((resolve) => channel.onOpen(resolve))
  }

  say(label: string, data: string | Buffer): void {
    const channel = this.channels.get(label)!
    if (typeof data === 'string') channel.sendMessage(data)
    else channel.sendMessageBinary(data)
  }

  /** Closes a channel, which resets its stream. */
  shut(label: string): void {
    this.channels.get(label)!.close()
  }

  heardOn(label: string): (string | Buffer)[] {
    return this.heard.filter((message) => message.label === label).map(({ data }) => data)
  }

  close(): void {
    this.#pc.close()
  }

  #listen(channel: DataChannel): void {
    const label = channel.getLabel()
    this.channels.set(label, channel)
    channel.onMessage((data) =>
      this.heard.push({ label, data: typeof data === 'string' ? data : Buffer.from(data as Buffer) }),
    )
    channel.onClosed(() => this.closed.push(label))
  }

  /** Its offer, when it knows its candidates. */
  async #description(): Promise<{ sdp: string }> {
    for (;;) {
      const description = this.#pc.localDescription()
      if (description && this.#pc.gatheringState() === 'complete') return description
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** The same description with the relay's address as the only candidate. */
  async #through(relay: ImpairedRelay, sdp: string): Promise<string> {
    const candidates = sdp.split('\r\n').filter((line) => line.startsWith('a=candidate:'))
    const [udp] = candidates.filter((line) => / udp /i.test(line))
    const [, , , , address, port] = udp!.split(' ')
    const front = await relay.open(
      this.#user,
      { address: '127.0.0.1', port: 0 },
      { address: address!, port: Number(port) },
    )
    return sdp
      .split('\r\n')
      .filter((line) => !candidates.includes(line) || line === udp)
      .map((line) => (line === udp ? line.replace(` ${address} ${port} `, ` ${front.address} ${front.port} `) : line))
      .join('\r\n')
  }
}

/** Ends what the library keeps running; a client made later starts it again. */
export const endLibDataChannel = (): void => nodeDataChannel.cleanup()
