/** `handle_info`, with the keys of Janus. Times are microseconds of the server's monotonic clock. */
import { pairText, rtcpFigures, trafficStats } from '../figures.js'
import type { MediaInfo, PeerConnectionInfo } from '../handle-info.js'
import type { AdminHandleContext, AdminOutcome, AdminRequests } from './request.js'

const iceStates = { new: 'disconnected', checking: 'connecting', connected: 'ready', failed: 'failed' } as const
const dtlsStates = { new: 'created', connecting: 'trying', connected: 'connected' } as const

type Present = Record<string, unknown>

/** Leaves out what is undefined: JSON would too, and the WebSocket's text shows what tests see. */
const present = (object: Present): Present =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

async function handleInfo({ services, message, session, handle }: AdminHandleContext): Promise<AdminOutcome> {
  const { core } = services
  const { specific, peerConnection } = await handle.info()
  const nowMs = core.nowMs()
  const us = (ms: number) => Math.round(ms * 1000)
  const about = present({
    session_id: session.id,
    session_last_activity: us(session.lastActivityMs()),
    session_timeout: Math.round((session.timeoutMs ?? core.timeouts.sessionMs) / 1000),
    session_transport: session.owner?.transport,
    handle_id: handle.id,
    opaque_id: handle.opaqueId,
    'loop-running': true,
    created: us(handle.createdMs),
    current_time: us(nowMs),
    plugin: handle.plugin.packageName,
    plugin_specific: specific,
  })
  const rest = message.plugin_only === true ? {} : details(peerConnection, nowMs)
  return { fields: { handle_id: handle.id, info: { ...about, ...rest } } }
}

function details(connection: PeerConnectionInfo | undefined, nowMs: number): Present {
  if (!connection) return { flags: flags(undefined), sdps: {} }
  const at = (agoMs: number | undefined) => (agoMs === undefined ? undefined : Math.round((nowMs - agoMs) * 1000))
  const { local, remote } = connection
  return {
    flags: flags(connection),
    'ice-mode': 'lite',
    'ice-role': 'controlled',
    sdps: present({ profile: 'UDP/TLS/RTP/SAVPF', local, remote }),
    'queued-packets': 0,
    webrtc: present({
      ice: ice(connection, at),
      dtls: dtls(connection, at),
      extensions: connection.extensions,
      bwe: bandwidth(connection),
      media: media(connection),
    }),
  }
}

/** `twcc` and `remb` as in Janus; the rest is ours. */
function bandwidth({ rembBps, uplink, downlink }: PeerConnectionInfo): Present | undefined {
  if (rembBps === undefined && uplink === undefined && downlink === undefined) return undefined
  return present({
    twcc: (uplink?.transportCc || downlink?.transportCc) ?? false,
    'feedback-sent': uplink?.feedbackSent,
    cap: uplink?.capBps,
    remb: rembBps,
    estimate: downlink?.estimateBps ?? uplink?.estimateBps,
    limited: downlink?.limited,
    acknowledged: downlink?.acknowledgedBps,
    rtt: downlink && Math.round(downlink.rttMs),
    loss: downlink?.lossShare,
    pacing: downlink?.pacingBps,
    'waiting-packets': downlink?.waitingPackets,
    'waiting-ms': downlink && Math.round(downlink.waitingMs),
    connections: downlink?.connections,
  })
}

function flags(connection: PeerConnectionInfo | undefined): Present {
  const described = connection?.local !== undefined || connection?.remote !== undefined
  const has = (kind: string) => connection?.media.some((line) => line.kind === kind) ?? false
  const up = connection?.dtls.state === 'connected'
  return {
    'got-offer': described,
    'got-answer': connection?.negotiated ?? false,
    negotiated: connection?.negotiated ?? false,
    'processing-offer': false,
    starting: described && !up,
    'ice-restart': false,
    ready: up,
    stopped: false,
    alert: false,
    trickle: described,
    'all-trickles': described,
    'resend-trickles': false,
    'trickle-synced': false,
    'data-channels': connection?.remote?.includes('m=application') ?? false,
    'has-audio': has('audio'),
    'has-video': has('video'),
    'new-datachan-sdp': connection?.remote?.includes('a=sctp-port:') ?? false,
    'rfc4588-rtx': connection?.media.some((line) => line.rtx) ?? false,
    cleaning: false,
    e2ee: false,
  }
}

type At = (agoMs: number | undefined) => number | undefined

function ice({ ice }: PeerConnectionInfo, at: At): Present {
  const pair = ice.selected
  return present({
    stream_id: 1,
    component_id: 1,
    state: iceStates[ice.state],
    connected: at(ice.connectedAgoMs),
    'local-candidates': ice.localCandidates,
    'remote-candidates': ice.remoteCandidates,
    'selected-pair': pair && pairText(pair),
    ready: ice.state === 'connected' ? 1 : 0,
  })
}

function dtls({ dtls, data }: PeerConnectionInfo, at: At): Present {
  const roles = { client: 'active', server: 'passive' } as const
  return present({
    fingerprint: dtls.fingerprint,
    'remote-fingerprint': dtls.remoteFingerprint?.value,
    'remote-fingerprint-hash': dtls.remoteFingerprint?.algorithm,
    'dtls-role': dtls.role && roles[dtls.role],
    'dtls-state': dtlsStates[dtls.state],
    valid: dtls.state === 'connected',
    'srtp-profile': dtls.srtpProfile,
    ready: dtls.state === 'connected',
    'handshake-started': at(dtls.startedAgoMs),
    connected: at(dtls.connectedAgoMs),
    'sctp-association': data !== undefined,
    stats: { in: dtls.received, out: dtls.sent },
  })
}

/** By position in the SDP. */
function media(connection: PeerConnectionInfo): Present {
  const lines: [number, Present][] = connection.media.map((line) => [line.mindex, mediaLine(line)])
  const { data, dtls } = connection
  if (data) {
    const { mid, mindex, channels, bufferedBytes } = data
    const stats = { in: dtls.received, out: dtls.sent }
    lines.push([mindex, { type: 'data', mindex, mid, channels, 'buffered-bytes': bufferedBytes, stats }])
  }
  return Object.fromEntries(lines)
}

function mediaLine(line: MediaInfo): Present {
  const receives = line.direction === 'receive'
  return {
    type: line.kind,
    mindex: line.mindex,
    mid: line.mid,
    do_nacks: line.nack,
    ssrc: present(
      receives
        ? { 'ssrc-peer': line.ssrc, 'ssrc-peer-rtx': line.rtxSsrc }
        : { ssrc: line.ssrc, 'ssrc-rtx': line.rtxSsrc },
    ),
    direction: { send: !receives, recv: receives },
    active: line.active,
    codecs: { pt: line.pt, codec: line.codec.toLowerCase() },
    rtcp: { main: rtcpFigures(line) },
    stats: trafficStats(line),
    ...line.more,
  }
}

export const handleInfoRequests = {
  handle_info: { scope: 'handle', rules: [{ name: 'plugin_only', type: 'a boolean' }], run: handleInfo },
} satisfies AdminRequests
