/**
 * Chromium decodes opus into one channel unless its own description says `stereo=1` (RFC 7587 §6.1), and has no other
 * way to be told. Firefox always takes two.
 *
 * @param answer of the browser
 * @param offer that it answers: m-lines with `sprop-stereo=1` send stereo
 * @returns the answer, which takes stereo where it is sent
 */
export function answerStereo(answer: string, offer: string): string {
  const stereo = new Set(sections(offer).filter(isStereo).map(midOf))
  const answered = sections(answer).map((section) => (stereo.has(midOf(section)) ? withStereo(section) : section))
  return answered.join('')
}

/** The session, then the m-lines; together they are the description. */
const sections = (sdp: string): string[] => sdp.split(/(?=^m=)/m)

const midOf = (section: string): string | undefined => /^a=mid:(\S+)/m.exec(section)?.[1]

const isStereo = (section: string): boolean => /^a=fmtp:\d+ .*sprop-stereo=1/m.test(section)

function withStereo(section: string): string {
  const pt = /^a=rtpmap:(\d+) opus\//m.exec(section)?.[1]
  const fmtp = new RegExp(`^(a=fmtp:${pt} )(?!.*\\bstereo=)`, 'm')
  return section.replace(fmtp, '$1stereo=1;')
}
