/**
 * One peer connection as a browser has it: ICE checks and consent, DTLS, data channels. What it sends and does
 * with media is added by `Publisher` and `Viewer`.
 */
import type { ChannelParameters, Command, DtlsParameters, IceCredentials, Report } from '../../../src/media/control.js'
import { type Association, newSctpCounts, openAssociation } from '../../../src/media/endpoint/sctp/association.js'
import { buildBindingRequest } from '../../../src/media/endpoint/testing/stun-client.js'
import { readRtcp, type Said } from '../../../src/media/forward/testing/said.js'
import type { DtlsRole } from '../../../src/media/io/io.js'
import type { LinkConditions } from '../../../src/media/io/simulated-network.js'
import { type ReceivedRtp, SimulatedPeer } from '../../../src/media/io/simulated-peer.js'
import type { Stage, StageWorker } from './stage.js'

export interface ClientOptions {
  /** Default: one of its own. */
  user?: string
  /** The Janus session that it is made in; default: one of its own. */
  session?: number
  /** Default 'hall'; null = never placed, as a handle that did not join. */
  room?: string | null
  relaysData?: boolean
  receivesData?: boolean
  /** Index of the worker; default 0. */
  worker?: number
  /** Default: one of its own. */
  ip?: string
  /** Our role; default `client`, as of a browser that answers `setup:active`. */
  dtlsRole?: DtlsRole
  /** What the main process believes its certificate to be; default: the truth. */
  fingerprint?: string
  /** Takes no SCTP until it speaks itself, as a page that has not negotiated data channels yet. */
  ignoresData?: boolean
}

export interface Heard {
  atMs: number
  label: string
  text: string
}

const CHECK_INTERVAL_MS = 50
/** RFC 7675 §5.1: consent checks every 5 s; browsers are faster. */
export const CONSENT_INTERVAL_MS = 2500
const reliable: ChannelParameters = { label: 'reliable', protocol: '', ordered: true }

export class Client {
  readonly stage: Stage
  readonly worker: StageWorker
  readonly id: number
  readonly user: string
  readonly room: string | null
  readonly peer: SimulatedPeer
  /** Data-channel messages, in the order of arrival. */
  readonly heard: Heard[] = []
  /** Labels of data channels that the server closed. */
  readonly closedChannels: string[] = []
  /** RTP packets that arrived, of any SSRC. */
  packets = 0
  /** The last connectivity check that was sent. */
  lastCheckMs = Number.NEGATIVE_INFINITY
  #local: IceCredentials
  #server: IceCredentials
  #options: ClientOptions
  #answered = false
  #begun = false
  /** Set to keep every RTP packet that comes, whole. */
  kept: Uint8Array[] | undefined
  #gone = false
  #association: Association | undefined
  #cancelCheck = () => {}
  #alarm: (atMs: number, wake: () => void) => void

  constructor(stage: Stage, options: ClientOptions) {
    this.stage = stage
    this.worker = stage.workers[options.worker ?? 0]!
    this.id = stage.nextId()
    this.user = options.user ?? `user ${this.id}`
    this.room = options.room === undefined ? 'hall' : options.room
    this.#options = options
    this.#local = stage.newCredentials()
    this.#server = stage.newCredentials()
    this.#alarm = stage.net.alarm()
    this.peer = new SimulatedPeer(stage.net, {
      ip: options.ip ?? `10.${1 + (this.id >> 16)}.${(this.id >> 8) & 0xff}.${this.id & 0xff}`,
      events: {
        plain: (bytes) => this.#plain(bytes),
        rtp: (packet) => {
          this.packets++
          this.kept?.push(packet.bytes.slice())
          this.rtp(packet)
        },
        rtcp: (bytes) => this.rtcp(readRtcp(bytes)),
        data: (bytes) => this.#data(bytes),
      },
    })
    this.command({ kind: 'open', endpoint: this.id, local: this.#server })
    this.#describe()
    if (this.#ourRole === 'server') this.#beginDtls()
    this.#check()
  }

  /** The username that a check of this client has: what anybody on the path can read. */
  get username(): string {
    return `${this.#server.ufrag}:${this.#local.ufrag}`
  }

  /** What the worker reported about this endpoint. */
  get reports(): { atMs: number; report: Report }[] {
    return this.worker.reports.filter(({ report }) => 'endpoint' in report && report.endpoint === this.id)
  }

  /** Reports of one kind. */
  reported<K extends Report['kind']>(kind: K): (Extract<Report, { kind: K }> & { atMs: number })[] {
    return this.reports
      .filter(({ report }) => report.kind === kind)
      .map(({ atMs, report }) => ({ ...(report as Extract<Report, { kind: K }>), atMs }))
  }

  get connected(): boolean {
    return this.peer.connected && this.reported('connected').length > 0
  }

  command(command: Command): void {
    // Mirrors first: what the worker says of it then comes to who knows it.
    this.stage.mirrors.follow(this.id, command)
    this.worker.command(command)
  }

  /** Joins (again, with other flags). */
  place(room: string, flags: { relaysData?: boolean; receivesData?: boolean } = {}): void {
    const { relaysData = this.#options.relaysData ?? false, receivesData = this.#options.receivesData ?? false } = flags
    const session = this.#options.session ?? this.id
    this.command({ kind: 'place', endpoint: this.id, room, user: this.user, session, relaysData, receivesData })
  }

  /** Both directions between this client and its worker. */
  link(conditions: Partial<LinkConditions>): void {
    this.uplink(conditions)
    this.downlink(conditions)
  }

  downlink(conditions: Partial<LinkConditions>): void {
    this.stage.net.link(this.worker.address.ip, this.peer.address.ip, conditions)
  }

  uplink(conditions: Partial<LinkConditions>): void {
    this.stage.net.link(this.peer.address.ip, this.worker.address.ip, conditions)
  }

  /** An ICE restart, as after a change of network: both sides have new credentials. */
  restartIce(ip: string): void {
    this.#server = this.stage.newCredentials()
    this.command({ kind: 'restart', endpoint: this.id, local: this.#server })
    this.peer.moveTo(ip)
    this.#local = this.stage.newCredentials()
    this.#describe()
    this.#answered = false
    this.#check()
  }

  /** The power goes: no word any more. */
  vanish(): void {
    this.#leave()
    this.peer.vanish()
  }

  /** Leaves with a close_notify. */
  leave(): void {
    this.#leave()
    this.peer.close()
  }

  // ---- data channels

  /** Sends a text on a channel, which is opened when it is the first. */
  say(text: string, channel: ChannelParameters = reliable): void {
    this.#open().send(this.stage.net.nowMs, channel, false, new TextEncoder().encode(text))
    this.#expectData()
  }

  /** Ends its association with an ABORT; what it says next begins another one. */
  abortData(): void {
    this.#association?.close()
    this.#association = undefined
  }

  texts(label = 'reliable'): string[] {
    return this.heard.filter((message) => message.label === label).map(({ text }) => text)
  }

  #open(): Association {
    return (this.#association ??= openAssociation({
      host: { random: this.stage.net.random, counts: newSctpCounts() },
      role: this.#ourRole,
      nowMs: this.stage.net.nowMs,
      transmit: (bytes) => {
        if (this.peer.connected) this.peer.sendData(bytes)
        return true
      },
      events: {
        message: ({ label }, _binary, payload) => {
          this.heard.push({ atMs: this.stage.net.nowMs, label, text: new TextDecoder().decode(payload) })
        },
        opened: () => {},
        closed: ({ label }) => this.closedChannels.push(label),
        failed: () => {},
      },
      limits: { dataBufferBytes: 1 << 22, maxMessageBytes: 1 << 18, maxChannels: 64 },
    }))
  }

  #data(bytes: Uint8Array): void {
    if (this.#gone || (this.#options.ignoresData && !this.#association)) return
    this.#open().receive(this.stage.net.nowMs, bytes, 0, bytes.length)
    this.#expectData()
  }

  #expectData(): void {
    const association = this.#association
    if (!association) return
    association.flush(this.stage.net.nowMs)
    this.#alarm(association.deadlineMs, () => {
      association.expire(this.stage.net.nowMs)
      this.#expectData()
    })
  }

  // ---- media: what the two kinds of clients make of it

  protected rtp(_packet: ReceivedRtp): void {}

  protected rtcp(_said: Said): void {}

  // ---- ICE and DTLS

  get #ourRole(): DtlsRole {
    return this.#options.dtlsRole ?? 'client'
  }

  /** Its description reaches the server. */
  #describe(): void {
    const fingerprint = { algorithm: 'sha-256', value: this.#options.fingerprint ?? this.peer.fingerprint } as const
    const dtls: DtlsParameters = { role: this.#ourRole === 'client' ? 'server' : 'client', fingerprint }
    this.command({ kind: 'connect', endpoint: this.id, remote: this.#local, dtls })
  }

  #beginDtls(): void {
    if (this.#begun) return
    this.#begun = true
    this.peer.start(this.#ourRole, this.worker.media.io.fingerprint, this.worker.address)
  }

  /** A valid check of this client, as it sends them. */
  check(): Uint8Array {
    const transactionId = Uint8Array.from({ length: 12 }, () => this.stage.net.random() & 0xff)
    return buildBindingRequest({ username: this.username, pwd: this.#server.pwd, useCandidate: true, transactionId })
  }

  #check(): void {
    this.#cancelCheck()
    if (this.#gone) return
    const { net } = this.stage
    this.lastCheckMs = net.nowMs
    this.peer.sendPlain(this.worker.address, this.check())
    const pauseMs = this.#answered ? CONSENT_INTERVAL_MS : CHECK_INTERVAL_MS
    this.#cancelCheck = net.schedule(net.nowMs + pauseMs, () => this.#check())
  }

  #plain(bytes: Uint8Array): void {
    const isSuccess = bytes[0] === 0x01 && bytes[1] === 0x01
    if (!isSuccess) return
    if (!this.#answered) {
      this.#answered = true
      this.#cancelCheck()
      this.#cancelCheck = this.stage.net.schedule(this.stage.net.nowMs + CONSENT_INTERVAL_MS, () => this.#check())
    }
    this.#beginDtls()
  }

  #leave(): void {
    this.#gone = true
    this.#cancelCheck()
    this.#alarm(Number.POSITIVE_INFINITY, () => {})
    this.#association = undefined
  }
}
