/**
 * The PeerConnection of a connection that publishes: the client offers, we answer, at once and every time
 * (RFC 9429). A new offer on it is a renegotiation, with or without an ICE restart, or the first offer of a new
 * PeerConnection of the client.
 */
import { answerPublisher } from '../jsep/answer-publisher.js'
import type { CodecPolicy, PublishedTrack, RemoteDescription } from '../jsep/jsep.js'
import { iceChanged, renegotiationProblem } from '../jsep/renegotiation.js'
import type { DtlsParameters, MediaKind, ReceiveStream } from '../media/control.js'
import type { PooledEndpoint } from '../media/pool-types.js'
import type { Source } from './room.js'

/** An exchange that can be made: nothing of it has happened yet, everything that could go wrong was tried. */
export interface Exchange {
  /** Makes it. @returns the SDP to reply with, if there is one */
  commit(): string | undefined
  /** Forgets it. */
  abandon(): void
}

export class Publisher implements Source {
  readonly endpoint: PooledEndpoint
  readonly #codecs: CodecPolicy
  #offer: RemoteDescription
  #role: DtlsParameters['role'] = 'client'
  #streams: readonly ReceiveStream[] = []
  #tracks: readonly PublishedTrack[] = []
  #data = false
  /** Positions of the m-lines that the last answer declined. */
  #declined: readonly number[] = []

  /** @param endpoint freshly opened; the publisher owns it from now on */
  constructor(endpoint: PooledEndpoint, offer: RemoteDescription, codecs: CodecPolicy) {
    this.endpoint = endpoint
    this.#offer = offer
    this.#codecs = codecs
  }

  get tracks(): readonly PublishedTrack[] {
    return this.#tracks
  }

  /** The PeerConnection has a data m-line: without one, nobody at the other end speaks SCTP. */
  get data(): boolean {
    return this.#data
  }

  count(kind: MediaKind): number {
    return this.#tracks.filter((track) => track.kind === kind).length
  }

  /** The answer to the offer that it was made with. */
  answerFirst(): Exchange {
    const { sdp, dtls, streams, tracks, data, declined } = answerPublisher(this.#offer, this.endpoint, this.#codecs)
    // The endpoint is placed, which depends on this, before it is told what it receives.
    this.#data = data
    const commit = () => {
      this.#role = dtls.role
      this.#streams = streams
      this.#tracks = tracks
      this.#declined = declined
      this.endpoint.connect(this.#offer.ice, dtls, maxMessageBytes(this.#offer))
      this.endpoint.setReceiveStreams(streams)
      return sdp
    }
    return { commit, abandon: () => this.endpoint.close() }
  }

  /**
   * Whether an offer comes from the PeerConnection that is served here. Several may share a certificate
   * (RFC 8827 §6.5), so the session id of the o= line counts as well: it stays for the life of a PeerConnection
   * (RFC 9429 §5.2.2). Some clients make up a new one for every offer; ICE credentials that stay are theirs.
   */
  continues({ fingerprint, origin, ice }: RemoteDescription): boolean {
    const known = this.#offer
    if (fingerprint.algorithm !== known.fingerprint.algorithm || fingerprint.value !== known.fingerprint.value) {
      return false
    }
    return origin.sessionId === known.origin.sessionId || !iceChanged(known.ice, ice)
  }

  /** Why a further offer cannot follow the last one, as a sentence for the client; undefined when it can. */
  problem(offer: RemoteDescription): string | undefined {
    return renegotiationProblem(this.#offer, offer, this.#role, this.#declined)
  }

  /** A further offer of the same PeerConnection. */
  renegotiate(offer: RemoteDescription): Exchange {
    const commit = () => {
      const restart = iceChanged(this.#offer.ice, offer.ice)
      if (restart) this.endpoint.restart()
      const before = { role: this.#role, streams: this.#streams }
      const answer = answerPublisher(offer, this.endpoint, this.#codecs, before)
      const { sdp, dtls, streams, tracks, data, declined } = answer
      if (restart || maxMessageBytes(offer) !== maxMessageBytes(this.#offer)) {
        this.endpoint.connect(offer.ice, dtls, maxMessageBytes(offer))
      }
      this.#offer = offer
      this.#streams = streams
      this.#tracks = tracks
      this.#data = data
      this.#declined = declined
      this.endpoint.setReceiveStreams(streams)
      return sdp
    }
    return { commit, abandon: () => {} }
  }
}

/** Longest data-channel message that the client takes, if it has data channels. */
function maxMessageBytes({ mlines }: RemoteDescription): number | undefined {
  return mlines.find(({ type, rejected }) => type === 'application' && !rejected)?.maxMessageBytes
}
