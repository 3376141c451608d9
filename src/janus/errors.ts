/** Every error a Janus client may see from the core (plugins have codes of their own, inside their events). */

/** Codes and default texts of Janus; the symbols are `JANUS_ERROR_…` there. */
export const janusErrors = {
  UNAUTHORIZED: { code: 403, text: 'Unauthorized request (wrong or missing secret/token)' },
  UNAUTHORIZED_PLUGIN: { code: 405, text: 'Unauthorized access to plugin (token is not allowed to)' },
  TRANSPORT_SPECIFIC: { code: 450, text: 'Transport specific error' },
  MISSING_REQUEST: { code: 452, text: 'Missing request' },
  UNKNOWN_REQUEST: { code: 453, text: 'Unknown request' },
  INVALID_JSON: { code: 454, text: 'Invalid JSON' },
  INVALID_JSON_OBJECT: { code: 455, text: 'Invalid JSON Object' },
  MISSING_MANDATORY_ELEMENT: { code: 456, text: 'Missing mandatory element' },
  INVALID_REQUEST_PATH: { code: 457, text: 'Invalid path for this request' },
  SESSION_NOT_FOUND: { code: 458, text: 'Session not found' },
  HANDLE_NOT_FOUND: { code: 459, text: 'Handle not found' },
  PLUGIN_NOT_FOUND: { code: 460, text: 'Plugin not found' },
  PLUGIN_ATTACH: { code: 461, text: 'Error attaching plugin' },
  PLUGIN_MESSAGE: { code: 462, text: 'Error sending message to plugin' },
  PLUGIN_DETACH: { code: 463, text: 'Error detaching from plugin' },
  JSEP_UNKNOWN_TYPE: { code: 464, text: 'Unsupported JSEP type' },
  JSEP_INVALID_SDP: { code: 465, text: 'Invalid SDP' },
  // Janus spells it like this.
  TRICKE_INVALID_STREAM: { code: 466, text: 'Invalid stream' },
  INVALID_ELEMENT_TYPE: { code: 467, text: 'Invalid element type' },
  SESSION_CONFLICT: { code: 468, text: 'Session ID already in use' },
  UNEXPECTED_ANSWER: { code: 469, text: 'Unexpected ANSWER (no OFFER)' },
  TOKEN_NOT_FOUND: { code: 470, text: 'Token not found' },
  WEBRTC_STATE: { code: 471, text: 'Wrong WebRTC state' },
  NOT_ACCEPTING_SESSIONS: { code: 472, text: 'Currently not accepting new sessions' },
  UNKNOWN: { code: 490, text: 'Unknown error' },
} as const

export type JanusErrorSymbol = keyof typeof janusErrors

/** A refusal, as it goes into the `error` reply. */
export interface Failure {
  readonly error: { readonly code: number; readonly reason: string }
  /** Session the reply names although the request did not (a taken id on `create`). */
  readonly sessionId?: number
}

/** Longest reason; Janus has the same bound. Reasons quote what the client sent. */
const REASON_MAX = 511

/** @param text says more than the default text of the code */
export function failure(symbol: JanusErrorSymbol, text?: string): Failure {
  const { code, text: byDefault } = janusErrors[symbol]
  return { error: { code, reason: (text ?? byDefault).slice(0, REASON_MAX) } }
}

export function isFailure(value: object): value is Failure {
  return 'error' in value
}
