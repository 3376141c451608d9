/** Full trickle: the server's ICE candidates travel in `trickle` events of their own, and not in the SDP. */

/** As in `trickle` events and requests. */
export interface Trickled {
  readonly sdpMid: string
  readonly sdpMLineIndex: number
  readonly candidate: string
}

export interface Divided {
  /** Without candidates, and without saying that there are no more. */
  readonly sdp: string
  /** Those of the first m-line that has any: all are bundled into one transport. */
  readonly candidates: readonly Trickled[]
  /** Names the ICE session that they belong to. */
  readonly ufrag: string | undefined
}

const CANDIDATE = 'a=candidate:'

/** @param sdp lines end with CRLF (RFC 8866 §5) */
export function divide(sdp: string): Divided {
  const [session = '', ...mlines] = sdp.split(/^(?=m=)/m)
  const sections = mlines.map((text) => text.split('\r\n'))
  const attribute = (lines: readonly string[], name: string) =>
    lines.find((line) => line.startsWith(name))?.slice(name.length)
  const sdpMLineIndex = sections.findIndex((lines) => lines.some((line) => line.startsWith(CANDIDATE)))
  const first = sections[sdpMLineIndex] ?? []
  const sdpMid = attribute(first, 'a=mid:') ?? ''
  const isTaken = (line: string) => line.startsWith(CANDIDATE) || line === 'a=end-of-candidates'
  return {
    sdp: session + sections.map((lines) => lines.filter((line) => !isTaken(line)).join('\r\n')).join(''),
    candidates: first
      .filter((line) => line.startsWith(CANDIDATE))
      .map((line) => ({ sdpMid, sdpMLineIndex, candidate: line.slice('a='.length) })),
    ufrag: attribute(first, 'a=ice-ufrag:') ?? attribute(session.split('\r\n'), 'a=ice-ufrag:'),
  }
}
