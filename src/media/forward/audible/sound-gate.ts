/**
 * Lets the sound of one m-line through while its speaker is among the loudest. It opens and closes between two packets.
 * Behind the last packet go some of silence, so that receivers fade out and do not stretch the last syllable; after
 * that the stream pauses, as it does when a sender has nothing to say (DTX): numbers go on without a gap, timestamps
 * with the time that passed, and the first packet has the marker (RFC 3551 §4.1).
 */
import { elementLength, findElement, readAudioLevel, readVoice } from '../../rtp/extensions/index.js'
import { OPUS } from '../codec-table.js'
import type { Packet } from '../packet.js'
import type { Subscription } from '../subscription.js'
import { SILENT_LEVEL } from './loudness.js'
import { Speaker, type Speakers } from './speakers.js'

/** 20 ms of silence in Opus (RFC 6716): full band, CELT, one frame, nothing in it. */
export const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe)
const SILENT_PACKETS = 3
/** Without levels: what is longer is sound, and as loud as somebody who speaks low; anything shorter is DTX. */
const DTX_BYTES = 8
const UNKNOWN_LEVEL = 50

/** Somebody who speaks on another worker, which ranks them there and says with every packet what came of it. */
export class DistantSpeaker {
  audible = true
}

export class SoundGate {
  readonly speaker: Speaker | DistantSpeaker
  readonly #speakers: Speakers | null
  #open = false
  #silentLeft = 0

  /** @param speakers of the room, null for somebody who is ranked elsewhere */
  constructor(speaker: Speaker | DistantSpeaker, speakers: Speakers | null) {
    this.speaker = speaker
    this.#speakers = speakers
  }

  /**
   * Ranks the speaker by this packet and says how it is sent: `packet` becomes one of silence, or its view gets the marker,
   * where that is the answer.
   * @returns whether it is sent at all
   * @param levelId of the audio-level extension; 0 = not negotiated
   * @param subscriptions who gets it
   */
  pass(packet: Packet, levelId: number, subscriptions: readonly Subscription[]): boolean {
    this.#rank(packet, levelId)
    if (this.speaker.audible) {
      if (!this.#open) this.#begin(packet, subscriptions)
      return true
    }
    if (this.#open) {
      this.#open = false
      this.#silentLeft = SILENT_PACKETS
    }
    if (this.#silentLeft === 0) return false
    this.#silentLeft--
    silence(packet)
    return true
  }

  #rank({ bytes, view, payloadLength, nowMs }: Packet, levelId: number): void {
    const { speaker } = this
    if (this.#speakers === null || !(speaker instanceof Speaker)) return
    const at = levelId === 0 ? -1 : findElement(bytes, view, levelId)
    if (at >= 0 && elementLength(bytes, view, at) > 0) {
      this.#speakers.heard(speaker, nowMs, readAudioLevel(bytes, at), readVoice(bytes, at))
    } else {
      const level = payloadLength > DTX_BYTES ? UNKNOWN_LEVEL : SILENT_LEVEL
      this.#speakers.heard(speaker, nowMs, level, true)
    }
  }

  #begin(packet: Packet, subscriptions: readonly Subscription[]): void {
    this.#open = true
    this.#silentLeft = 0
    for (const subscription of subscriptions) subscription.map.resync()
    // What was received stays as it is: a mirror gets it too.
    packet.view.marker = true
  }
}

/** Same place and time, but nothing to hear, in Opus: what RED repeats is left out too. Happens a few times per turn. */
function silence(packet: Packet): void {
  const { bytes, offset, headerLength, view } = packet
  const silent = new Uint8Array(headerLength + OPUS_SILENCE.length)
  silent.set(bytes.subarray(offset, offset + headerLength))
  silent.set(OPUS_SILENCE, headerLength)
  packet.bytes = silent
  packet.view = {
    ...view,
    extensionOffset: view.extensionOffset - offset,
    payloadOffset: headerLength,
    payloadLength: OPUS_SILENCE.length,
  }
  packet.offset = 0
  packet.length = silent.length
  packet.payloadLength = OPUS_SILENCE.length
  packet.codec = OPUS
  packet.primarySkip = -1
}
