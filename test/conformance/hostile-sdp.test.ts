/** H-40: session descriptions that no browser writes. Refused with a clear error, or normalised; never a crash. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AUDIO_SSRC, openStage, VIDEO_SSRC } from '../support/call.js'
import type { JanusMessage } from '../support/janus-socket.js'
import { readRemote } from '../support/media-client.js'

const mlinesOf = (sdp: string) => sdp.split(/(?=^m=)/m).slice(1)
const extensionsOf = (mline: string) =>
  Object.fromEntries([...mline.matchAll(/^a=extmap:(\d+)\S* (\S+)/gm)].map(([, id, uri]) => [uri, Number(id)]))

/** Replaces, and makes sure that there was something to replace. */
function edit(sdp: string, what: string | RegExp, by: string): string {
  const edited = sdp.replace(what, by)
  assert.notEqual(edited, sdp, String(what))
  return edited
}

const video = (sdp: string) => mlinesOf(sdp).find((mline) => mline.startsWith('m=video'))!
const crowd = (sdp: string, count: number) => {
  const mids = Array.from({ length: count }, (_, index) => `v${index}`)
  const more = mids.map((mid) => `m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:${mid}\r\n`)
  return sdp + more.join('')
}

/** What is done to a good offer of data, audio and video, and what comes of it: an error, or an answer that passes. */
const cases: Record<string, [evil: (sdp: string) => string, outcome: RegExp | ((answer: string) => boolean)]> = {
  'a line bomb of half a megabyte': [(sdp) => sdp + 'a=x:y\r\n'.repeat(70_000), /longer than 262144 characters/],
  'a line bomb within the length': [(sdp) => sdp + 'a=\r\n'.repeat(60_000), /more than 8192 lines/],
  'one line of half a megabyte': [(sdp) => `${sdp}a=${'x'.repeat(500_000)}\r\n`, /longer than 262144 characters/],
  '1,000 m-lines': [(sdp) => crowd(sdp, 1_000), /m-lines/],
  'a payload type above 127': [(sdp) => edit(sdp, /96/g, '196'), /196/],
  'plain RTP instead of SRTP': [(sdp) => edit(sdp, /UDP\/TLS\/RTP\/SAVPF/g, 'RTP/AVPF'), /RTP\/AVPF/],
  'SDES-keyed SRTP without DTLS': [(sdp) => edit(sdp, /UDP\/TLS\/RTP\/SAVPF/g, 'RTP/SAVPF'), /RTP\/SAVPF/],
  'bare line feeds, as Safari': [(sdp) => edit(sdp, /\r\n/g, '\n'), (answer) => answer.includes('m=audio 9')],
  'an extension id out of range': [
    (sdp) => edit(sdp, /a=mid:2/, 'a=mid:2\r\na=extmap:300 urn:ietf:params:rtp-hdrext:sdes:mid'),
    /300/,
  ],
  'one id for two extensions': [
    (sdp) =>
      edit(
        sdp,
        /a=mid:2/,
        'a=mid:2\r\na=extmap:9 urn:3gpp:video-orientation\r\na=extmap:9 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
      ),
    /9/,
  ],
  'numbers that are none': [(sdp) => edit(sdp, /a=rtpmap:96 VP8\/90000/, 'a=rtpmap:96 VP8/NaN'), /rtpmap/],
}

async function outcomeOf(reply: JanusMessage): Promise<string> {
  if (reply.jsep) return reply.jsep.sdp
  if (reply.error) return `${reply.error.code} ${reply.error.reason}`
  const { success, error } = reply.plugindata!.data
  assert.equal(success, false)
  assert.equal(error!.code, 'invalid_sdp')
  return error!.msg
}

const stage = (t: TestContext) => openStage(t, ['--workers', '1'])

test('H-40 each of them has its answer or its error, and the handle goes on', async (t) => {
  const { server, clients, janus } = await stage(t)
  for (const [what, [evil, expected]] of Object.entries(cases)) {
    const handle = await janus.attach()
    const peer = clients.peer()
    const good = peer.offer({ audio: AUDIO_SSRC, video: VIDEO_SSRC })
    const outcome = await outcomeOf(await handle.message({}, { type: 'offer', sdp: evil(good) }))
    if (typeof expected === 'function') assert.ok(expected(outcome), `${what}: ${outcome}`)
    else {
      assert.match(outcome, expected, what)
      const up = handle.next('webrtcup')
      const { jsep } = await handle.message({}, { type: 'offer', sdp: good })
      assert.equal(jsep?.type, 'answer', what)
      await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
    }
    await handle.request('detach')
  }
  assert.equal((await server.totals()).bugs, 0)
  assert.deepEqual(
    server.log.filter((line) => /"level":(50|60)/.test(line)),
    [],
  )
})

test('H-40 extension ids stay what they were when they are renegotiated, and offers that move them are refused', async (t) => {
  const { clients, janus } = await stage(t)
  const handle = await janus.attach()
  const peer = clients.peer()
  const mid = 'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid'
  const orientation = 'a=extmap:7 urn:3gpp:video-orientation'
  const base = peer.offer({ audio: AUDIO_SSRC, video: VIDEO_SSRC }).replace(/^a=extmap.*\r\n/gm, '')
  const offer = edit(base, /a=mid:2/, `a=mid:2\r\n${mid}\r\n${orientation}`)
  const first = await handle.message({}, { type: 'offer', sdp: offer })
  const ids = extensionsOf(video(first.jsep!.sdp))
  assert.equal(ids['urn:ietf:params:rtp-hdrext:sdes:mid'], 4)
  assert.equal(ids['urn:3gpp:video-orientation'], 7)
  const again = await handle.message({}, { type: 'offer', sdp: offer })
  assert.deepEqual(extensionsOf(video(again.jsep!.sdp)), ids)
  // RFC 8285 §5: within a session an id is not reassigned.
  const swapped = edit(base, /a=mid:2/, `a=mid:2\r\n${mid.replace('4', '7')}\r\n${orientation.replace('7', '4')}`)
  const outcome = await outcomeOf(await handle.message({}, { type: 'offer', sdp: swapped }))
  assert.match(outcome, /extmap id [47] had another meaning before/)
  const last = await handle.message({}, { type: 'offer', sdp: offer })
  assert.deepEqual(extensionsOf(video(last.jsep!.sdp)), ids)
})
