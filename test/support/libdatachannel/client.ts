/** A client made of libdatachannel, which has an ICE, a DTLS and an SCTP (usrsctp) of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import type { DataChannelInitConfig } from 'node-datachannel'
import { eventually } from '../eventually.js'
import type { ImpairedRelay } from '../impaired/relay.js'
import type { JanusSocket, JanusTestHandle } from '../janus-socket.js'
import type { Event, Order } from './messages.js'

export interface HeardMessage {
  label: string
  data: string | Buffer
}

/** An offer, an open channel: on a slow machine, through losses. */
const PATIENCE = { withinMs: 30_000, everyMs: 10 }

export class LibDataChannelClient {
  readonly heard: HeardMessage[] = []
  /** Labels of channels that were closed by the other side, or at its request. */
  readonly closed: string[] = []
  handle!: JanusTestHandle
  readonly #process: ChildProcess
  readonly #opened: string[] = []
  #offer: string | undefined
  readonly #user: string
  readonly #longestBytes: number

  /** @param longestBytes of messages: it sends none that are longer, whatever the server says, and takes none */
  constructor(user: string, longestBytes = 262_144) {
    this.#user = user
    this.#longestBytes = longestBytes
    const program = new URL('./peer-process.js', import.meta.url)
    // No flag of the test runner's own process is for it.
    this.#process = fork(program, [user, String(longestBytes)], { serialization: 'advanced', execArgv: [] })
    this.#process.on('message', (event: Event) => this.#take(event))
  }

  /**
   * Joins a room with one channel, `reliable`, open.
   * @param relay what its packets go through, on a link of its own name, if at all
   */
  async join(janus: JanusSocket, room: string, relay?: ImpairedRelay): Promise<void> {
    this.handle = await janus.attach()
    const opened = this.open('reliable')
    const sdp = await eventually(`the offer of ${this.#user}`, () => this.#offer, PATIENCE)
    const { jsep } = await this.handle.message({}, { type: 'offer', sdp })
    const answer = relay ? await this.#through(relay, jsep!.sdp) : jsep!.sdp
    // It keeps to what the server says, which a client that means harm would not.
    const meant = answer.replace('a=max-message-size:262144', `a=max-message-size:${this.#longestBytes}`)
    this.#order({ kind: 'answer', sdp: meant })
    await opened
    const subscribe = { notifications: true, data: true }
    const joined = await this.handle.message({ kind: 'join', room_id: room, user_id: this.#user, subscribe })
    if (!joined.plugindata?.data.success) throw new Error(JSON.stringify(joined))
  }

  /** Resolves when the channel is open. */
  async open(label: string, config: DataChannelInitConfig = {}): Promise<void> {
    const times = () => this.#opened.filter((each) => each === label).length
    const before = times()
    this.#order({ kind: 'open', label, config })
    await eventually(`channel ${label} of ${this.#user} open`, () => times() > before, PATIENCE)
  }

  say(label: string, data: string | Buffer): void {
    this.#order({ kind: 'say', label, data })
  }

  /** Closes a channel, which resets its stream. */
  shut(label: string): void {
    this.#order({ kind: 'shut', label })
  }

  heardOn(label: string): (string | Buffer)[] {
    return this.heard.filter((message) => message.label === label).map(({ data }) => data)
  }

  /** Ends it without a word to the server. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    await new Promise((resolve) => {
      this.#process.once('exit', resolve)
      this.#process.kill('SIGKILL')
    })
  }

  #order(order: Order): void {
    this.#process.send(order)
  }

  #take(event: Event): void {
    switch (event.kind) {
      case 'offer':
        this.#offer = event.sdp
        return
      case 'opened':
        this.#opened.push(event.label)
        return
      case 'closed':
        this.closed.push(event.label)
        return
      case 'heard': {
        const { label, data } = event
        this.heard.push({ label, data: typeof data === 'string' ? data : Buffer.from(data) })
      }
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
