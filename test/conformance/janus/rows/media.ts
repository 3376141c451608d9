/** J-079 … J-088: what clients are told about their PeerConnections. */
import assert from 'node:assert/strict'
import type { MediaPeer } from '../../../support/media-client.js'
import type { Row } from '../row.js'
import { AUDIO_PT, audio, data, offerOf, VIDEO_PT, video } from '../sdp.js'
import type { Handle, Stage } from '../stage.js'

const SSRC = 0x5eed

/** Sends packets of one m-line until stopped, every 20 ms. @param keep tells by its number whether a packet is sent */
function send(peer: MediaPeer, pt: number, keep: (number: number) => boolean = () => true): () => void {
  let number = 0
  const timer = setInterval(() => {
    number++
    const packet = { ssrc: SSRC + pt, pt, extSeq: 100 + number, timestamp: number * 960, marker: false }
    if (keep(number)) peer.sendRtp(packet, new Uint8Array(60).fill(1))
    peer.flush()
  }, 20)
  return () => clearInterval(timer)
}

const withSsrc = (mline: readonly string[], pt: number) => [...mline, `a=ssrc:${SSRC + pt} cname:row`]
const media = [withSsrc(audio, AUDIO_PT), withSsrc(video, VIDEO_PT)]

export const mediaEvents: readonly Row[] = [
  {
    id: 'J-079',
    behaviour: 'webrtcup exactly once per PeerConnection',
    async run(stage) {
      const handle = await stage.handle()
      const peer = await handle.up()
      await handle.offer(offerOf(peer, [data, audio]))
      await handle.message(stage.plugin.harmless)
      assert.deepEqual(handle.events('webrtcup'), [
        { janus: 'webrtcup', session_id: handle.session.id, sender: handle.id },
      ])
    },
  },
  {
    id: 'J-080',
    behaviour: 'media with receiving true on the first packet of each m-line, with mid and type',
    async run(stage) {
      const handle = await stage.handle()
      const peer = await handle.up(media)
      const stops = [send(peer, AUDIO_PT), send(peer, VIDEO_PT)]
      const told = (type: string) => handle.wire.seek(0, (each) => each.janus === 'media' && each.type === type)
      const ids = { session_id: handle.session.id, sender: handle.id }
      for (const [mid, type] of [
        ['0', 'audio'],
        ['1', 'video'],
      ] as const) {
        assert.deepEqual(await told(type), { janus: 'media', ...ids, mid, type, receiving: true })
      }
      for (const stop of stops) stop()
    },
  },
  {
    id: 'J-081',
    behaviour: 'media with receiving false within about 2 s of silence, and true again',
    async run(stage) {
      const handle = await stage.handle()
      const peer = await handle.up(media)
      const receiving = async (mark: number, wanted: boolean) => {
        const passes = (each: Readonly<Record<string, unknown>>) => each.mid === '0' && each.receiving === wanted
        const message = await handle.wire.seek(mark, passes)
        return handle.wire.received.indexOf(message) + 1
      }
      const stop = send(peer, AUDIO_PT)
      const begun = await receiving(0, true)
      stop()
      const silentMs = performance.now()
      const silent = await receiving(begun, false)
      const afterMs = performance.now() - silentMs
      assert.ok(afterMs > 500 && afterMs < 3_500, `after ${Math.round(afterMs)} ms`)
      const stopAgain = send(peer, AUDIO_PT)
      await receiving(silent, true)
      stopAgain()
    },
  },
  {
    id: 'J-082',
    behaviour: 'no media events for data',
    async run(stage) {
      const handle = await stage.handle()
      await handle.up([data])
      await handle.message(stage.plugin.harmless)
      assert.deepEqual(handle.events('media'), [])
    },
  },
  {
    id: 'J-083',
    behaviour: 'slowlink only when a threshold is set, with mid, media, uplink and lost',
    async run(stage) {
      const lossy = async (on: Stage, until: (handle: Handle) => Promise<unknown>) => {
        const handle = await on.handle()
        const peer = await handle.up(media)
        const stop = send(peer, AUDIO_PT, (number) => number % 10 < 5)
        await until(handle)
        stop()
        assert.ok(handle.events('media').length > 0)
        return handle
      }
      // The server looks at what was lost every second.
      const quiet = await lossy(stage, () => new Promise((resolve) => setTimeout(resolve, 2_500)))
      assert.deepEqual(quiet.events('slowlink'), [])
      // It holds for the whole server: not on one that others use.
      if (!stage.plugin.sfu || stage.server.adminSecret === undefined) return
      const other = await stage.elsewhere('capturing')
      await other.admin('set_slowlink_threshold', { slowlink_threshold: 5 })
      const told = await lossy(other, (handle) => handle.event(0, 'slowlink'))
      await other.admin('set_slowlink_threshold', { slowlink_threshold: 0 })
      const { lost, ...rest } = told.events('slowlink')[0]!
      const ids = { session_id: told.session.id, sender: told.id }
      assert.deepEqual(rest, { janus: 'slowlink', ...ids, mid: '0', media: 'audio', uplink: true })
      assert.ok(Number(lost) >= 5, String(lost))
    },
  },
  {
    id: 'J-084',
    behaviour: 'the peer closes: hangup with the reason DTLS alert, and the handle stays',
    async run(stage) {
      const handle = await stage.handle()
      const peer = await handle.up()
      const { mark } = handle.wire
      peer.close()
      const event = await handle.event(mark, 'hangup')
      const ids = { session_id: handle.session.id, sender: handle.id }
      assert.deepEqual(event, { janus: 'hangup', ...ids, reason: 'DTLS alert' })
      await handle.up()
    },
  },
  {
    id: 'J-085',
    behaviour: 'the plugin closes a PeerConnection: hangup with the reason Close PC',
    reason: 'the SFU plugin closes PeerConnections only together with their handle (kick: detached)',
  },
  {
    id: 'J-086',
    behaviour: 'ICE never connects: hangup with the reason ICE failed within 20 s',
    async run(stage) {
      const handle = await stage.handle()
      const { mark } = handle.wire
      const candidate = 'a=candidate:1 1 udp 2130706431 192.0.2.7 9 typ host'
      await handle.offer(offerOf(stage.peer(), [[...data, candidate, 'a=end-of-candidates']]), { trickle: false })
      // 20 s, and what a busy machine takes to say so.
      const event = await handle.event(mark, 'hangup', 22_000)
      assert.equal(event.reason, 'ICE failed')
      assert.deepEqual(handle.events('webrtcup'), [])
    },
  },
  {
    id: 'J-088',
    behaviour: 'the loss of a socket produces no messages elsewhere',
    async run(stage) {
      const handle = await stage.handle()
      const other = await stage.handle()
      await handle.up()
      const { mark } = other.wire
      handle.wire.socket.terminate()
      await other.message(stage.plugin.harmless)
      await other.wire.ping()
      assert.deepEqual(
        other.wire.received.slice(mark).map(({ janus }) => janus),
        ['ack', 'event', 'pong'],
      )
    },
  },
]
