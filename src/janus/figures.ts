/** The words of Janus for what passes on a PeerConnection: in `handle_info` and in events. */
import type { DataTraffic, InfoAddress, MediaTraffic, PeerConnectionInfo } from './handle-info.js'

/** An address as text; IPv6 without brackets, as in Janus. */
const text = ({ ip, port }: InfoAddress) => `${ip}:${port}`

/** The selected pair as Janus writes it. The server's addresses are all host candidates; those of a client are known from its checks only. */
export const pairText = ({ protocol, local, remote }: NonNullable<PeerConnectionInfo['ice']['selected']>): string =>
  `${text(local)} [host,${protocol}] <-> ${text(remote)} [prflx,${protocol}]`

/** `selected-pair` and `candidates` of an event. */
export function selectedPair(pair: NonNullable<PeerConnectionInfo['ice']['selected']>): object {
  const candidate = ({ ip, port }: InfoAddress, type: 'host' | 'prflx') => ({
    ...{ address: ip, port, type, transport: pair.protocol },
    family: ip.includes(':') ? 6 : 4,
  })
  return {
    'selected-pair': pairText(pair),
    candidates: { local: candidate(pair.local, 'host'), remote: candidate(pair.remote, 'prflx') },
  }
}

/** Times are milliseconds; qualities are percents of what was not lost on the way, and (media) not lost for good. */
export function rtcpFigures({ direction, clockRate, figures }: MediaTraffic) {
  const receives = direction === 'receive'
  const percent = (share: number) => Math.round(100 * (1 - share))
  const jitterMs = Math.round(figures.jitterMs)
  const quality = percent(figures.lossShare)
  const mediaQuality = percent(figures.unrepairedShare)
  return {
    base: clockRate,
    rtt: Math.round(figures.rttMs),
    lost: receives ? figures.lost : 0,
    'lost-by-remote': receives ? 0 : figures.lost,
    'jitter-local': receives ? jitterMs : 0,
    'jitter-remote': receives ? 0 : jitterMs,
    'in-link-quality': receives ? quality : 100,
    'in-media-link-quality': receives ? mediaQuality : 100,
    'out-link-quality': receives ? 100 : quality,
    'out-media-link-quality': receives ? 100 : mediaQuality,
  }
}

const nothing = { packets: 0, bytes: 0, bytes_lastsec: 0, nacks: 0, retransmissions: 0 }

/** What came in and what went out. NACKs go against the media that they are about: those about what we send come in. */
export function trafficStats({ direction, figures }: MediaTraffic) {
  const { packets, bytes, bytesLastSecond, nacks, retransmissions } = figures
  const media = { packets, bytes, bytes_lastsec: bytesLastSecond, nacks: 0, retransmissions }
  const feedback = { ...nothing, nacks }
  return direction === 'receive' ? { in: media, out: feedback } : { in: feedback, out: media }
}

/** An event about an audio or video m-line. @param estimateBps of the path of its PeerConnection, if known */
export function mediaStatistics(line: MediaTraffic, estimateBps?: number): object {
  const { in: received, out: sent } = trafficStats(line)
  return {
    ...{ mid: line.mid, mindex: line.mindex, media: line.kind, codec: line.codec.toLowerCase() },
    ...rtcpFigures(line),
    'packets-received': received.packets,
    'packets-sent': sent.packets,
    'bytes-received': received.bytes,
    'bytes-sent': sent.bytes,
    'bytes-received-lastsec': received.bytes_lastsec,
    'bytes-sent-lastsec': sent.bytes_lastsec,
    'nacks-received': received.nacks,
    'nacks-sent': sent.nacks,
    'retransmissions-received': received.retransmissions,
    ...(estimateBps !== undefined && { estimate: Math.round(estimateBps) }),
  }
}

/** An event about the data m-line. */
export const dataStatistics = ({ mid, mindex, received, sent }: DataTraffic): object => ({
  ...{ mid, mindex, media: 'data' },
  'packets-received': received.packets,
  'packets-sent': sent.packets,
  'bytes-received': received.bytes,
  'bytes-sent': sent.bytes,
})
