/**
 * Relayed data-channel bytes carry no sender, so whoever wants one puts it in. The form is that of networked-aframe's
 * adapters: JSON text `{"clientId":"…","dataType":"…","data":…}`. The sender in it is a claim, not a proof.
 */
export interface Envelope {
  /** User id that the sender claims. */
  from: string | undefined
  dataType: string
  data: unknown
}

/** @returns the JSON text; `data` must be something that JSON can hold */
export function writeEnvelope(from: string, dataType: string, data: unknown): string {
  return JSON.stringify({ clientId: from, dataType, data })
}

/** @returns undefined if the text is anything but an envelope with a `dataType` */
export function readEnvelope(text: string): Envelope | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { clientId, dataType, data } = value as Record<string, unknown>
  if (typeof dataType !== 'string') return undefined
  return { from: typeof clientId === 'string' ? clientId : undefined, dataType, data }
}

/** What a participant sends right now; told to the others in an envelope of type `rostra-media`. */
export interface MediaState {
  audio: boolean
  video: boolean
  /** Id of the MediaStream that is the shared screen, as receivers see it; absent when none is shared. */
  screen?: string
}

export const MEDIA_STATE_TYPE = 'rostra-media'

/** @returns the state in such an envelope's `data`, or undefined if it is malformed */
export function readMediaState(data: unknown): MediaState | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { audio, video, screen } = data as Record<string, unknown>
  if (typeof audio !== 'boolean' || typeof video !== 'boolean') return undefined
  if (screen === undefined) return { audio, video }
  return typeof screen === 'string' ? { audio, video, screen } : undefined
}
