/**
 * The data channels of one peer (RFC 8831, RFC 8832) on one SCTP association. Channels are addressed by label;
 * time and bytes are arguments.
 */
import type { ChannelParameters } from '../../control.js'
import { DCEP_ACK, Ppid, readOpen, writeOpen } from './dcep.js'
import { SctpEngine } from './engine.js'
import type { SctpHost } from './host.js'
import { MAX_STREAMS } from './inbound.js'
import { SctpReason } from './packet.js'
import { NO_SENDER, type Reliability } from './send-queue.js'

export { newSctpCounts, type SctpHost } from './host.js'
export { SctpReason, sctpReasonNames } from './packet.js'
export { beginsAssociation } from './setup.js'

export interface AssociationEvents {
  /** `payload` belongs to the receiver; an empty message has 0 bytes. */
  message(channel: ChannelParameters, binary: boolean, payload: Uint8Array): void
  /** The peer opened a channel, or acknowledged one of ours. */
  opened(channel: ChannelParameters): void
  /** Once per channel: the peer closed it, or it broke a limit. Not told by `Association.close()`. */
  closed(channel: ChannelParameters): void
  /** The association ended by itself and all its channels with it; once. Nothing follows. */
  failed(reason: string): void
}

export interface Association {
  /** One SCTP packet from the peer, whose checksum was right. Whatever it contains, nothing is thrown. `flush` has to follow. */
  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): void
  /**
   * Queues a message on the open channel with that label, or on one that is opened with these parameters first.
   * `flush` has to follow. `payload` is kept, not copied, until it is acknowledged: the same array may go to many
   * associations.
   * @param sender whose message it is, for `discardFrom` and for the share of channels that one sender may open: any
   *   text but the empty one. Default: nobody's
   * @returns `dropped`: longer than a limit, or unreliable and the peer does not keep up; `closed`: reliable and
   *   the peer does not keep up (its channel has been closed for that), no more channels may be opened, or the
   *   association has ended
   */
  send(
    nowMs: number,
    channel: ChannelParameters,
    binary: boolean,
    payload: Uint8Array,
    sender?: string,
  ): 'sent' | 'dropped' | 'closed'
  /**
   * Drops the messages of one sender that are queued; one whose first fragment has left is finished. The messages of
   * others, and the channels, stay as they are. `flush` has to follow.
   * @returns how many were dropped
   */
  discardFrom(sender: string): number
  /** The peer takes no longer messages than that, as its `a=max-message-size` says (RFC 8841 §6). */
  limitMessages(peerMaxBytes: number): void
  /** Closes all channels with that label; `closed` is told for each. Either side may open others. `flush` has to follow. */
  closeChannels(label: string): void
  /** Sends what `send`, `receive` and `closeChannels` have left to be sent, in as few packets as it fits in. */
  flush(nowMs: number): void
  /** Does what has become due, and flushes. */
  expire(nowMs: number): void
  /** When `expire` has to be called next, or Infinity; a time that is over while there is something to flush. */
  readonly deadlineMs: number
  /** Aborts the association; no event follows. Twice is harmless. */
  close(): void
  /**
   * Whether it failed or was closed: it takes nothing to send any more. Of what the peer says only a repeated SHUTDOWN
   * is answered; a peer that begins anew needs another association.
   */
  readonly hasEnded: boolean
  /** Channels that are open or opening; bytes that are queued or not yet acknowledged; bytes that came and wait for others. */
  live(): AssociationFigures
}

export interface AssociationFigures {
  readonly channels: number
  readonly bufferedBytes: number
  readonly heldBytes: number
}

export interface AssociationOptions {
  host: SctpHost
  /** OUR DTLS role: the DTLS server opens odd streams (RFC 8832 §6). */
  role: 'client' | 'server'
  /** Sends one SCTP packet, whose checksum is still to be put in; the bytes are valid during the call only. */
  transmit: (bytes: Uint8Array) => boolean
  events: AssociationEvents
  limits: {
    dataBufferBytes: number
    /** Longest message that is taken, and that is sent. */
    maxMessageBytes: number
    maxChannels: number
    /** Channels that are opened for messages of one sender; default: `maxChannels`. */
    maxChannelsPerSender?: number
  }
  /** The time now; default 0. */
  nowMs?: number
  /** First TSN that is sent; default: by chance. */
  initialTsn?: number
}

/** Makes an association. Nothing is sent before the first `send`, or before the peer begins. */
export function openAssociation(options: AssociationOptions): Association {
  return new DataChannels(options)
}

interface Channel {
  streamId: number
  parameters: ChannelParameters
  /** Until the peer has acknowledged OPEN, nothing may overtake it (RFC 8832 §6): ordered. */
  untilOpen: Reliability
  /** `opening`: our OPEN is not yet acknowledged. `closing`: waits for the resets of both directions. */
  state: 'opening' | 'open' | 'closing'
  /** The sender whose message made us open it; `NO_SENDER` for channels of the peer. */
  opener: string
  ourResetDone: boolean
  peerResetDone: boolean
}

const EMPTY = new Uint8Array(0)
const ONE_BYTE = new Uint8Array(1)
const RELIABLE: Reliability = { ordered: true }
const ACK = Uint8Array.of(DCEP_ACK)

class DataChannels implements Association {
  readonly #counts: Float64Array
  #events: AssociationEvents
  #limits: AssociationOptions['limits']
  /** Parity of the streams that we open. */
  #ourParity: number
  /** Longest message that may be sent. */
  #longest: number
  #engine: SctpEngine
  #byStream = new Map<number, Channel>()
  /** Open channels; of several with one label, the oldest. */
  #byLabel = new Map<string, Channel>()
  /** Labels of channels that were closed because the peer did not keep up: only the peer may open them again. */
  #cutOff = new Set<string>()

  constructor({ host, role, transmit, events, limits, nowMs = 0, initialTsn }: AssociationOptions) {
    this.#counts = host.counts
    this.#events = events
    this.#limits = limits
    this.#longest = limits.maxMessageBytes
    this.#ourParity = role === 'server' ? 1 : 0
    this.#engine = new SctpEngine(
      {
        established: () => this.#closeBeyond(),
        message: (streamId, ppid, payload) => this.#message(streamId, ppid, payload),
        oversized: (streamId) => this.#oversized(streamId),
        peerReset: (streamIds) => this.#peerReset(streamIds),
        resetDone: (streamIds) => this.#resetDone(streamIds),
        restarted: () => this.#restarted(),
        failed: (reason) => this.#failed(reason),
      },
      { host, transmit, nowMs, maxMessageBytes: limits.maxMessageBytes, initialTsn },
    )
  }

  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): void {
    this.#engine.receive(nowMs, bytes, offset, length)
  }

  flush(nowMs: number): void {
    this.#engine.flush(nowMs)
  }

  expire(nowMs: number): void {
    this.#engine.expire(nowMs)
  }

  get deadlineMs(): number {
    return this.#engine.deadlineMs
  }

  get hasEnded(): boolean {
    return this.#engine.hasEnded
  }

  close(): void {
    this.#engine.close()
    this.#byStream.clear()
    this.#byLabel.clear()
  }

  live(): AssociationFigures {
    let channels = 0
    for (const channel of this.#byStream.values()) if (channel.state !== 'closing') channels++
    return { channels, bufferedBytes: this.#engine.bufferedBytes, heldBytes: this.#engine.heldBytes }
  }

  send(
    nowMs: number,
    parameters: ChannelParameters,
    binary: boolean,
    payload: Uint8Array,
    sender = NO_SENDER,
  ): 'sent' | 'dropped' | 'closed' {
    if (this.#engine.hasEnded || this.#cutOff.has(parameters.label)) return 'closed'
    if (payload.length > this.#longest) {
      this.#counts[SctpReason.tooLong]!++
      return 'dropped'
    }
    const known = this.#byLabel.get(parameters.label)
    if (this.#engine.bufferedBytes + payload.length > this.#limits.dataBufferBytes) {
      return this.#overflow(known, parameters)
    }
    const channel = known ?? this.#open(nowMs, parameters, sender)
    if (channel === undefined) return 'closed'
    let ppid: number = binary ? Ppid.binary : Ppid.text
    if (payload.length === 0) ppid = binary ? Ppid.emptyBinary : Ppid.emptyText
    const { parameters: its, untilOpen } = channel
    const reliability = channel.state === 'opening' ? untilOpen : its
    // SCTP has no empty messages: one byte stands for it (RFC 8831 §6.6).
    this.#engine.send(nowMs, channel.streamId, ppid, payload.length === 0 ? ONE_BYTE : payload, reliability, sender)
    this.#engine.connect()
    return 'sent'
  }

  discardFrom(sender: string): number {
    return this.#engine.discardFrom(sender)
  }

  limitMessages(peerMaxBytes: number): void {
    this.#longest = Math.min(this.#limits.maxMessageBytes, peerMaxBytes)
  }

  closeChannels(label: string): void {
    for (let channel = this.#byLabel.get(label); channel !== undefined; channel = this.#byLabel.get(label)) {
      this.#end(channel, true)
    }
  }

  #overflow(known: Channel | undefined, parameters: ChannelParameters): 'dropped' | 'closed' {
    this.#counts[SctpReason.buffer]!++
    const { maxRetransmits, maxPacketLifeTimeMs } = known?.parameters ?? parameters
    if (maxRetransmits !== undefined || maxPacketLifeTimeMs !== undefined) return 'dropped'
    if (this.#cutOff.size < this.#limits.maxChannels) this.#cutOff.add(parameters.label)
    if (known !== undefined) this.#end(known, true)
    return 'closed'
  }

  #open(nowMs: number, parameters: ChannelParameters, sender: string): Channel | undefined {
    const streamId = this.#mayOpen(sender) ? this.#freeStream() : undefined
    const open = writeOpen(parameters)
    if (streamId === undefined || open === undefined) {
      this.#counts[SctpReason.channelLimit]!++
      return undefined
    }
    const channel = this.#add(streamId, { ...parameters }, 'opening', sender)
    this.#engine.send(nowMs, streamId, Ppid.dcep, open, RELIABLE)
    return channel
  }

  /** Channels are for all who have something to say to this peer: nobody's labels take up all of them. */
  #mayOpen(sender: string): boolean {
    const { maxChannels, maxChannelsPerSender = maxChannels } = this.#limits
    if (this.#byStream.size >= maxChannels) return false
    if (sender === NO_SENDER) return true
    let opened = 0
    for (const { opener } of this.#byStream.values()) if (opener === sender) opened++
    return opened < maxChannelsPerSender
  }

  #freeStream(): number | undefined {
    for (let streamId = this.#ourParity; streamId < this.#engine.streams; streamId += 2) {
      if (!this.#byStream.has(streamId)) return streamId
    }
    return undefined
  }

  #add(streamId: number, parameters: ChannelParameters, state: 'opening' | 'open', opener: string): Channel {
    const untilOpen = { ...parameters, ordered: true }
    const channel: Channel = {
      streamId,
      parameters,
      untilOpen,
      state,
      opener,
      ourResetDone: false,
      peerResetDone: false,
    }
    this.#byStream.set(streamId, channel)
    if (!this.#byLabel.has(parameters.label)) this.#byLabel.set(parameters.label, channel)
    return channel
  }

  #message(streamId: number, ppid: number, payload: Uint8Array): void {
    if (ppid === Ppid.dcep) return this.#dcep(streamId, payload)
    const channel = this.#byStream.get(streamId)
    if (channel === undefined || channel.state === 'closing') {
      this.#counts[SctpReason.unknownChannel]!++
      return
    }
    if (ppid === Ppid.text || ppid === Ppid.binary) {
      this.#events.message(channel.parameters, ppid === Ppid.binary, payload)
    } else if (ppid === Ppid.emptyText || ppid === Ppid.emptyBinary) {
      this.#events.message(channel.parameters, ppid === Ppid.emptyBinary, EMPTY)
    } else this.#counts[SctpReason.unknownChannel]!++
  }

  #dcep(streamId: number, payload: Uint8Array): void {
    const channel = this.#byStream.get(streamId)
    if (payload.length === 1 && payload[0] === DCEP_ACK) {
      if (channel?.state !== 'opening') return
      channel.state = 'open'
      this.#events.opened(channel.parameters)
      return
    }
    const parameters = readOpen(payload)
    const isOver = channel?.state === 'closing' && channel.peerResetDone
    if (
      parameters === undefined ||
      (channel !== undefined && !isOver) ||
      streamId % 2 === this.#ourParity ||
      streamId >= MAX_STREAMS
    ) {
      this.#counts[SctpReason.dcep]!++
      return
    }
    if (this.#byStream.size >= this.#limits.maxChannels) {
      this.#counts[SctpReason.channelLimit]!++
      this.#engine.reset(streamId, true)
      return
    }
    if (isOver) this.#engine.assumeReset(streamId)
    this.#cutOff.delete(parameters.label)
    const opened = this.#add(streamId, parameters, 'open', NO_SENDER)
    this.#engine.send(this.#engine.nowMs, streamId, Ppid.dcep, ACK, RELIABLE)
    this.#events.opened(opened.parameters)
  }

  #oversized(streamId: number): void {
    this.#counts[SctpReason.oversize]!++
    const channel = this.#byStream.get(streamId)
    if (channel !== undefined) this.#end(channel, true)
  }

  /** Resets our direction; the channel is gone when the peer has reset its own as well. */
  #end(channel: Channel, discard: boolean): void {
    if (channel.state === 'closing') return
    channel.state = 'closing'
    this.#unlabel(channel)
    this.#engine.reset(channel.streamId, discard)
    this.#events.closed(channel.parameters)
  }

  #unlabel(channel: Channel): void {
    const { label } = channel.parameters
    if (this.#byLabel.get(label) !== channel) return
    this.#byLabel.delete(label)
    for (const other of this.#byStream.values()) {
      if (other.state !== 'closing' && other.parameters.label === label) {
        this.#byLabel.set(label, other)
        return
      }
    }
  }

  #peerReset(streamIds: number[]): void {
    for (const streamId of streamIds.length > 0 ? streamIds : [...this.#byStream.keys()]) {
      const channel = this.#byStream.get(streamId)
      if (channel === undefined) continue
      channel.peerResetDone = true
      this.#end(channel, true)
      this.#forget(channel)
    }
  }

  #resetDone(streamIds: number[]): void {
    for (const streamId of streamIds) {
      const channel = this.#byStream.get(streamId)
      if (channel === undefined) continue
      channel.ourResetDone = true
      this.#forget(channel)
    }
  }

  #forget(channel: Channel): void {
    if (channel.ourResetDone && channel.peerResetDone) this.#byStream.delete(channel.streamId)
  }

  /** Channels on streams that the peer turned out not to have. */
  #closeBeyond(): void {
    for (const channel of [...this.#byStream.values()]) {
      if (channel.streamId < this.#engine.streams) continue
      this.#engine.giveUp(channel.streamId)
      this.#byStream.delete(channel.streamId)
      this.#unlabel(channel)
      // A channel that was closed before set-up ended has been told as closed.
      if (channel.state !== 'closing') this.#events.closed(channel.parameters)
    }
  }

  #restarted(): void {
    this.#cutOff.clear()
    this.#forgetAll()
  }

  #failed(reason: string): void {
    this.#forgetAll()
    this.#events.failed(reason)
  }

  #forgetAll(): void {
    const open = [...this.#byStream.values()].filter((channel) => channel.state !== 'closing')
    this.#byStream.clear()
    this.#byLabel.clear()
    for (const channel of open) this.#events.closed(channel.parameters)
  }
}
