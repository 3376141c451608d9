import { type MediaKind, RoomError } from '../src/index.js'

const CONSTRAINTS = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
} as const

const NAMES = { audio: 'microphone', video: 'camera' } as const

/** Our microphone and camera: at most one live track of each. */
export class LocalMedia {
  readonly #tracks = new Map<MediaKind, MediaStreamTrack>()
  readonly #chosen = new Map<MediaKind, string>()
  readonly #onEnded: (kind: MediaKind) => void

  /** @param onEnded a track ended by itself: unplugged, or permission withdrawn */
  constructor(onEnded: (kind: MediaKind) => void) {
    this.#onEnded = onEnded
  }

  track(kind: MediaKind): MediaStreamTrack | undefined {
    return this.#tracks.get(kind)
  }

  /** @returns the live tracks in a new stream */
  stream(): MediaStream {
    return new MediaStream([...this.#tracks.values()])
  }

  /** Device to use from the next `start` on. */
  choose(kind: MediaKind, deviceId: string): void {
    this.#chosen.set(kind, deviceId)
  }

  /**
   * Turns devices on; asks for all kinds in one question, then one by one, because one may work without the other.
   * @returns a sentence for every kind that did not work
   */
  async startAvailable(): Promise<string[]> {
    const present = await presentKinds()
    if (present.length === 2) {
      try {
        return this.#take(await getMedia(this.#constraints('audio'), this.#constraints('video')))
      } catch (error) {
        if (isDenial(error)) return [deniedWords('microphone and camera')]
      }
    }
    const problems = present.length === 0 ? ['There is no microphone and no camera.'] : []
    for (const kind of present) await this.start(kind).catch((error) => problems.push((error as Error).message))
    return problems
  }

  /**
   * Turns one device on (again, or another one).
   * @throws RoomError with a sentence for people
   */
  async start(kind: MediaKind): Promise<MediaStreamTrack> {
    const constraints = this.#constraints(kind)
    try {
      this.#take(kind === 'audio' ? await getMedia(constraints, false) : await getMedia(false, constraints))
    } catch (error) {
      throw new RoomError('usage', problemWords(error, NAMES[kind]))
    }
    return this.#tracks.get(kind)!
  }

  /** Turns a device off, so that its light goes out. */
  stop(kind: MediaKind): void {
    this.#tracks.get(kind)?.stop()
    this.#tracks.delete(kind)
  }

  #constraints(kind: MediaKind): MediaTrackConstraints {
    const deviceId = this.#chosen.get(kind)
    return { ...CONSTRAINTS[kind], ...(deviceId !== undefined && { deviceId: { exact: deviceId } }) }
  }

  #take(stream: MediaStream): never[] {
    for (const track of stream.getTracks()) {
      const kind = track.kind === 'audio' ? 'audio' : 'video'
      this.stop(kind)
      this.#tracks.set(kind, track)
      track.addEventListener('ended', () => {
        if (this.#tracks.get(kind) !== track) return
        this.#tracks.delete(kind)
        this.#onEnded(kind)
      })
    }
    return []
  }
}

/** @returns devices of a kind; without labels until permission was given once */
export async function listDevices(kind: MediaKind): Promise<MediaDeviceInfo[]> {
  if (!navigator.mediaDevices) return []
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices.filter((device) => device.kind === `${kind}input` && device.deviceId !== '')
}

/** Why there can be no devices at all on this page, or undefined. */
export function unavailableWords(): string | undefined {
  if (navigator.mediaDevices) return undefined
  return 'Browsers give microphone and camera only to pages on https or localhost. You can still watch, listen and chat.'
}

function getMedia(audio: MediaTrackConstraints | false, video: MediaTrackConstraints | false): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error(unavailableWords())
  return navigator.mediaDevices.getUserMedia({ audio, video })
}

async function presentKinds(): Promise<MediaKind[]> {
  const devices = await navigator.mediaDevices.enumerateDevices()
  return (['audio', 'video'] as const).filter((kind) => devices.some((device) => device.kind === `${kind}input`))
}

const isDenial = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotAllowedError'

const deniedWords = (device: string): string =>
  `The browser does not allow this page to use the ${device}. You can change that in the site settings beside the address.`

function problemWords(error: unknown, device: string): string {
  if (isDenial(error)) return deniedWords(device)
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotFoundError') return `There is no ${device}.`
  if (name === 'OverconstrainedError') return `The chosen ${device} is not there any more.`
  if (name === 'NotReadableError') return `The ${device} cannot be used; another program may have it.`
  return `The ${device} cannot be used: ${error instanceof Error ? error.message : String(error)}`
}
