import { RoomError, toRoomError } from './errors.js'
import type { Handle } from './handle.js'
import type { Jsep } from './protocol.js'
import { answerStereo } from './stereo.js'

/** ICE and DTLS together take well under a second where packets pass at all. */
const CONNECT_TIMEOUT_MS = 20_000

/** A PeerConnection and the handle that negotiates it. Negotiations run one after the other. */
export class Peer {
  readonly connection: RTCPeerConnection
  readonly #handle: Handle
  readonly #onFailed: (error: RoomError) => void
  #tail: Promise<unknown> = Promise.resolve()
  #nextOffer: Promise<void> | undefined
  #connectTimer: ReturnType<typeof setTimeout> | undefined
  #over = false

  /** @param onFailed called at most once, when the connection cannot be used (any more) */
  constructor(handle: Handle, configuration: RTCConfiguration, onFailed: (error: RoomError) => void) {
    this.#handle = handle
    this.#onFailed = onFailed
    this.connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...configuration })
    this.connection.addEventListener('icecandidate', ({ candidate }) => {
      // An empty candidate ends one generation of one m-line; null ends all of them.
      if (candidate?.candidate !== '') handle.trickle(candidate?.toJSON() ?? null)
    })
    this.connection.addEventListener('connectionstatechange', () => this.#connectionChanged())
    handle.listener.hangup = (reason) => this.fail(`The server ended the media connection (${reason}).`)
    handle.listener.jsep = (jsep) => {
      if (jsep.type === 'offer') this.accept(jsep).catch((error) => this.fail(toRoomError(error).message))
    }
  }

  /**
   * Offers what the PeerConnection now has. An offer that is waiting for its turn covers later calls too.
   * @throws RoomError
   */
  offer(): Promise<void> {
    this.#nextOffer ??= this.#inTurn(async () => {
      this.#nextOffer = undefined
      await this.connection.setLocalDescription()
      const { jsep } = await this.#handle.sendJsep(this.#localDescription())
      if (jsep?.type !== 'answer') throw new RoomError('janus', 'The server did not answer the offer.')
      await this.connection.setRemoteDescription(jsep)
      this.#expectConnection()
    })
    return this.#nextOffer
  }

  /**
   * Answers an offer of the server.
   * @throws RoomError
   */
  accept(offer: Jsep): Promise<void> {
    return this.#inTurn(async () => {
      await this.connection.setRemoteDescription(offer)
      const { sdp = '' } = await this.connection.createAnswer()
      await this.connection.setLocalDescription({ type: 'answer', sdp: answerStereo(sdp, offer.sdp) })
      this.#expectConnection()
      await this.#handle.sendJsep(this.#localDescription())
    })
  }

  /** Gives up on the connection: reports it and closes. */
  fail(why: string): void {
    if (this.#over) return
    this.close()
    this.#onFailed(new RoomError('disconnected', why))
  }

  /** Closes the PeerConnection; the handle is the caller's to detach. */
  close(): void {
    this.#over = true
    clearTimeout(this.#connectTimer)
    this.connection.close()
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(async () => {
      if (this.#over) throw new RoomError('disconnected', 'The media connection is closed.')
      return await step()
    })
    this.#tail = run.catch(() => undefined)
    return run
  }

  #localDescription(): Jsep {
    const { type, sdp } = this.connection.localDescription!
    return { type: type === 'offer' ? 'offer' : 'answer', sdp }
  }

  #expectConnection(): void {
    if (this.#over || this.connection.connectionState === 'connected') return
    this.#connectTimer ??= setTimeout(() => {
      this.fail('Audio, video and data cannot get through; a firewall may be in the way.')
    }, CONNECT_TIMEOUT_MS)
  }

  #connectionChanged(): void {
    const { connectionState } = this.connection
    if (connectionState === 'connected') {
      clearTimeout(this.#connectTimer)
      this.#connectTimer = undefined
    } else if (connectionState === 'failed') {
      this.fail('The media connection broke.')
    }
  }
}
