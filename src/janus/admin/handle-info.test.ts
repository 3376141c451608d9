import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MediaInfo } from '../handle-info.js'
import { operated } from '../testing/operator.js'

type Info = Record<string, unknown> & {
  flags: Record<string, boolean>
  webrtc?: { ice: object; dtls: object; media: Record<string, { stats: object }> }
}

const figures = {
  packets: 100,
  bytes: 5000,
  bytesLastSecond: 2500,
  nacks: 3,
  retransmissions: 2,
  lost: 4,
  lossShare: 0.25,
  unrepairedShare: 0.1,
  jitterMs: 6.4,
  rttMs: 20.6,
}
const line: MediaInfo = {
  mid: '1',
  mindex: 1,
  kind: 'video',
  direction: 'receive',
  active: true,
  codec: 'VP8',
  pt: 96,
  clockRate: 90_000,
  ssrc: 7,
  nack: true,
  rtx: true,
  figures,
  more: { subscriptions: 2 },
}

test('J-108 a handle without PeerConnection', async () => {
  const { operator, ids, clock, client } = operated()
  const second = client.attach(ids.session_id, { opaque_id: 'op1' })
  clock.advance(1500)
  const of = async (handle_id: number) => (await operator.send('handle_info', { ...ids, handle_id })).info as Info
  const info = await of(second)
  assert.deepEqual(
    { ...info, flags: Object.values(info.flags).some(Boolean) },
    {
      session_id: ids.session_id,
      session_last_activity: 1_000_000,
      session_timeout: 60,
      session_transport: 'fake',
      handle_id: second,
      opaque_id: 'op1',
      'loop-running': true,
      created: 1_000_000,
      current_time: 2_500_000,
      plugin: 'janus.plugin.fake',
      plugin_specific: { fake: true },
      flags: false,
      sdps: {},
    },
  )
  assert.ok(!('opaque_id' in (await of(ids.handle_id))))
})

test('J-108 a handle with a PeerConnection: transport, keys and figures', async () => {
  const { operator, ids, handle, clock } = operated()
  clock.advance(10_000)
  handle.known = {
    specific: {},
    peerConnection: {
      offerFrom: 'client',
      negotiated: true,
      local: 'v=0 local',
      remote: 'v=0 remote m=application a=sctp-port:5000',
      ice: {
        state: 'connected',
        localCandidates: ['1 1 udp 1 10.0.0.1 40000 typ host'],
        remoteCandidates: [],
        selected: { protocol: 'tcp', local: { ip: '10.0.0.1', port: 40_000 }, remote: { ip: '10.0.0.2', port: 5 } },
        connectedAgoMs: 1000,
      },
      dtls: {
        state: 'connected',
        role: 'client',
        fingerprint: '27:E8',
        remoteFingerprint: { algorithm: 'sha-256', value: 'A5:2A' },
        srtpProfile: 'SRTP_AEAD_AES_128_GCM',
        startedAgoMs: 990,
        connectedAgoMs: 900,
        received: { packets: 12, bytes: 1402 },
        sent: { packets: 9, bytes: 1905 },
      },
      extensions: { 'urn:ietf:params:rtp-hdrext:sdes:mid': 4 },
      media: [line, { ...line, mid: '2', mindex: 2, direction: 'send', ssrc: 9, rtxSsrc: 10, nack: false }],
      data: { mid: '0', mindex: 0, channels: 1, bufferedBytes: 0 },
      rembBps: 500_000,
    },
  }
  const reply = await operator.send('handle_info', ids)
  assert.deepEqual([reply.session_id, reply.handle_id], [ids.session_id, ids.handle_id])
  const info = reply.info as Info
  assert.deepEqual(info.sdps, {
    profile: 'UDP/TLS/RTP/SAVPF',
    local: 'v=0 local',
    remote: 'v=0 remote m=application a=sctp-port:5000',
  })
  assert.deepEqual([info['ice-mode'], info['ice-role']], ['lite', 'controlled'])
  for (const flag of [
    'got-offer',
    'got-answer',
    'negotiated',
    'ready',
    'data-channels',
    'new-datachan-sdp',
    'has-video',
    'rfc4588-rtx',
  ]) {
    assert.equal(info.flags[flag], true, flag)
  }
  for (const flag of ['starting', 'has-audio', 'stopped', 'cleaning']) assert.equal(info.flags[flag], false, flag)
  const { ice, dtls, media } = info.webrtc!
  assert.deepEqual(ice, {
    stream_id: 1,
    component_id: 1,
    state: 'ready',
    connected: 10_000_000,
    'local-candidates': ['1 1 udp 1 10.0.0.1 40000 typ host'],
    'remote-candidates': [],
    'selected-pair': '10.0.0.1:40000 [host,tcp] <-> 10.0.0.2:5 [prflx,tcp]',
    ready: 1,
  })
  assert.deepEqual(dtls, {
    fingerprint: '27:E8',
    'remote-fingerprint': 'A5:2A',
    'remote-fingerprint-hash': 'sha-256',
    'dtls-role': 'active',
    'dtls-state': 'connected',
    valid: true,
    'srtp-profile': 'SRTP_AEAD_AES_128_GCM',
    ready: true,
    'handshake-started': 10_010_000,
    connected: 10_100_000,
    'sctp-association': true,
    stats: { in: { packets: 12, bytes: 1402 }, out: { packets: 9, bytes: 1905 } },
  })
  const some = { packets: 100, bytes: 5000, bytes_lastsec: 2500, nacks: 0, retransmissions: 2 }
  // NACKs count where they go, as in Janus: against the media.
  const feedback = { packets: 0, bytes: 0, bytes_lastsec: 0, nacks: 3, retransmissions: 0 }
  assert.deepEqual(media[1], {
    type: 'video',
    mindex: 1,
    mid: '1',
    do_nacks: true,
    ssrc: { 'ssrc-peer': 7 },
    direction: { send: false, recv: true },
    active: true,
    codecs: { pt: 96, codec: 'vp8' },
    rtcp: {
      main: {
        base: 90_000,
        rtt: 21,
        lost: 4,
        'lost-by-remote': 0,
        'jitter-local': 6,
        'jitter-remote': 0,
        'in-link-quality': 75,
        'in-media-link-quality': 90,
        'out-link-quality': 100,
        'out-media-link-quality': 100,
      },
    },
    stats: { in: some, out: feedback },
    subscriptions: 2,
  })
  assert.deepEqual(media[2]!.stats, { in: feedback, out: some })
  assert.deepEqual(media[0], {
    ...{ type: 'data', mindex: 0, mid: '0', channels: 1, 'buffered-bytes': 0 },
    stats: { in: { packets: 12, bytes: 1402 }, out: { packets: 9, bytes: 1905 } },
  })
})

test('J-109 plugin_only ends after what the plugin says', async () => {
  const { operator, ids } = operated()
  const { info } = await operator.send('handle_info', { ...ids, plugin_only: true })
  assert.equal(Object.keys(info as object).at(-1), 'plugin_specific')
  const wrong = await operator.send('handle_info', { ...ids, plugin_only: 1 })
  assert.equal((wrong.error as { code: number }).code, 467)
})
