/** Lines whose value lets somebody else take over or decrypt: the ICE password (RFC 8839 §5.4) and SDES keys (RFC 4568). */
const SECRET_LINE = /^a=(ice-pwd|crypto):[^\r\n]*/gm

/** @returns the description without what is secret in it */
export const redactSdp = (sdp: string): string => sdp.replace(SECRET_LINE, 'a=$1:(redacted)')

const CANDIDATE_LINE = /^a=(candidate:[^\r\n]*)/gm

/** Candidates that a description carries, each once. */
export const candidatesIn = (sdp: string): Set<string> => new Set([...sdp.matchAll(CANDIDATE_LINE)].map((m) => m[1]!))
