/** Recorded SDPs (those of Safari are assembled), and other givens of the tests in this folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalTransport, RemoteDescription, Result } from '../jsep.js'
import { readDescription } from '../read-description.js'

/** Tests run from the project's folder; compiled code may lie anywhere. */
const folder = join(process.cwd(), 'src/jsep/fixtures')

/** The text of `fixtures/<name>.sdp`. */
export const recorded = (name: string): string => readFileSync(join(folder, `${name}.sdp`), 'utf8')

export const recordings: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.sdp'))
  .map((name) => name.slice(0, -'.sdp'.length))

/** The value of a result that must be there. */
export function given<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.reason)
  return result.value
}

export const describe = (sdp: string): RemoteDescription => given(readDescription(sdp))

export const digest = Array.from({ length: 32 }, () => 'A7').join(':')

export const local: LocalTransport = {
  ice: { ufrag: 'srvU', pwd: 'serverPasswordOf24chars+' },
  fingerprint: { algorithm: 'sha-256', value: digest },
  candidates: [
    { foundation: '1', component: 1, protocol: 'udp', priority: 2015363327, ip: '192.0.2.1', port: 40000 },
    {
      foundation: '2',
      component: 1,
      protocol: 'tcp',
      priority: 15363327,
      ip: '192.0.2.1',
      port: 40000,
      tcpType: 'passive',
    },
  ],
}

/** Lines of one section of an SDP: 0 is the session, n the n-th m-line (from 1). */
export const section = (sdp: string, index: number): string[] =>
  sdp
    .split(/\r\n(?=m=)/)
    [index]?.split('\r\n')
    .filter((line) => line !== '') ?? []

/** A small offer. `mlines` are the lines of each m-line; transport lines, mid and BUNDLE are added. */
export function offerOf(...mlines: (readonly string[])[]): string {
  const lines = [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mlines.map((_, i) => i).join(' ')}`,
  ]
  lines.push(
    'a=ice-ufrag:cliU',
    'a=ice-pwd:clientPasswordOf24chars+',
    `a=fingerprint:sha-256 ${digest}`,
    'a=setup:actpass',
  )
  for (const [index, [m = '', ...rest]] of mlines.entries()) {
    lines.push(m, 'c=IN IP4 0.0.0.0', `a=mid:${index}`, 'a=rtcp-mux', ...rest)
  }
  return lines.map((line) => `${line}\r\n`).join('')
}

export const opusLines = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2', 'a=sendrecv']
export const vp8Lines = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000', 'a=sendrecv']
export const dataLines = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=sctp-port:5000']

/** Repeatable numbers from 0 to 2³²−1 (xorshift32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
