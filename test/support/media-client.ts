/** The load generator's clients, with what only tests ask of a client. */
import { randomBytes, randomInt } from 'node:crypto'
import { ClientPeer, PeerPool } from '../../src/load/peer.js'
import type { RemoteTransport } from '../../src/load/remote.js'

export type { OutgoingRtp } from '../../src/load/peer.js'
export { type RemoteTransport, readRemote } from '../../src/load/remote.js'

/** All client peers of one process. */
export class MediaClients extends PeerPool<MediaPeer> {
  /** @param address of the peers' sockets (IPv4) */
  constructor(address = '127.0.0.1') {
    super(address, (io, place) => new MediaPeer(io, place))
  }
}

export class MediaPeer extends ClientPeer {
  /** Of the o= line: the same in all descriptions of a PeerConnection, and another in every other (RFC 9429 §5.2.1). */
  readonly sessionId = String(randomInt(2 ** 47))

  /** Sends a last check, from which the server reckons, and no more; says no farewell either: as if the power went off. */
  fallSilent(): void {
    this.lastCheckMs = Number.NEGATIVE_INFINITY
    this.check(performance.now())
    this.io.io.flush()
    this.silent = true
  }

  /** Another network that the client does not notice (a NAT forgot it): a new socket, and everything else as before. */
  changePort(): void {
    Object.assign(this, this.io.listen())
    this.io.owns(this)
    this.silent = false
    this.selected = false
    this.lastCheckMs = Number.NEGATIVE_INFINITY
  }

  /** Another network: a new socket and new ICE credentials (RFC 8445 §9), the same DTLS association. Then offer. */
  moveToNewSocket(): void {
    Object.assign(this, this.io.listen())
    this.io.owns(this)
    this.ufrag = randomBytes(4).toString('hex')
    this.pwd = randomBytes(16).toString('hex')
  }

  /** Checks from the new socket go to what the server answered. */
  resume(remote: RemoteTransport): void {
    this.remote = remote
    this.silent = false
    this.selected = false
    this.check(performance.now())
  }

  /** For an ICE restart: what it offers next has new credentials. Set `remote` when the answer has come. */
  newCredentials(): void {
    this.ufrag = randomBytes(4).toString('hex')
    this.pwd = randomBytes(16).toString('hex')
    this.lastCheckMs = Number.NEGATIVE_INFINITY
  }

  /** An offer of this peer: a data m-line, then the given media m-lines. */
  offer(media: { audio?: number; video?: number } = {}): string {
    const mlines = ['application', ...(media.audio ? ['audio'] : []), ...(media.video ? ['video'] : [])]
    return description(this, mlines, 'actpass', 'sendonly', media)
  }

  /** Answers one of our server's offers: takes everything. */
  answer(offer: string): string {
    const mids = [...offer.matchAll(/^m=(\w+)/gm)].map((found) => found[1]!)
    return description(this, mids, 'active', 'recvonly', {})
  }
}

function description(
  peer: MediaPeer,
  mlines: readonly string[],
  setup: string,
  direction: string,
  ssrcs: { audio?: number; video?: number },
): string {
  const media: Record<string, string[]> = {
    application: ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=sctp-port:5000', 'a=max-message-size:262144'],
    audio: [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=rtpmap:111 opus/48000/2',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=rtcp-mux',
      `a=${direction}`,
    ],
    video: [
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:4 urn:3gpp:video-orientation',
      'a=rtcp-mux',
      `a=${direction}`,
    ],
  }
  const lines = ['v=0', `o=- ${peer.sessionId} 2 IN IP4 127.0.0.1`, 's=-', 't=0 0']
  lines.push(`a=group:BUNDLE ${mlines.map((_, mid) => mid).join(' ')}`)
  for (const [mid, kind] of mlines.entries()) {
    const ssrc = kind === 'application' ? undefined : ssrcs[kind as 'audio' | 'video']
    lines.push(
      ...media[kind]!,
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      `a=ice-ufrag:${peer.ufrag}`,
      `a=ice-pwd:${peer.pwd}`,
    )
    lines.push(`a=fingerprint:sha-256 ${peer.fingerprint}`, `a=setup:${setup}`)
    if (ssrc !== undefined) lines.push(`a=ssrc:${ssrc} cname:client`)
  }
  return `${lines.join('\r\n')}\r\n`
}
