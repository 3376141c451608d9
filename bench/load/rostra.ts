/** One publisher's video (VP8, RTX negotiated, header extensions) to N subscribers through a rostra server of its own: real signalling, ICE, DTLS and SRTP. */
import { JanusSocket } from '../../test/support/janus-socket.js'
import { MediaClients, type MediaPeer, readRemote } from '../../test/support/media-client.js'
import { startServer } from '../../test/support/server-process.js'
import { cpuMicroseconds, separate } from './cpu.js'
import { pace, warmUp } from './pacer.js'
import type { Result, Shape } from './shape.js'

const SSRC = 0x10ad
const VP8 = 96
/** Every so many packets is a keyframe, as after a request; the others are frames of one packet each. */
const KEYFRAME_EVERY = 250
const VP8_KEYFRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00)
const VP8_INTERFRAME = Uint8Array.of(0x10, 0x11, 0x02, 0x00)
/** One-byte header extensions as Chromium sends them: mid "1" (id 1) and video orientation (id 4). */
const EXTENSIONS = Uint8Array.of(0xbe, 0xde, 0, 1, 0x10, 0x31, 0x40, 0x00)

async function publish(janus: JanusSocket, clients: MediaClients): Promise<MediaPeer> {
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: 'bench', user_id: 'publisher' })
  const peer = clients.peer()
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ video: SSRC }) })
  await peer.connect(readRemote(jsep!.sdp))
  return peer
}

async function subscribe(janus: JanusSocket, clients: MediaClients, index: number): Promise<MediaPeer> {
  const handle = await janus.attach()
  const body = { kind: 'join', room_id: 'bench', user_id: `subscriber-${index}`, subscribe: { media: 'publisher' } }
  const { jsep } = await handle.message(body)
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  await handle.message({}, { type: 'answer', sdp: peer.answer(jsep!.sdp) })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  return peer
}

/**
 * Runs one server with one worker, and everything it needs, for one measurement.
 * @param entry the program of another checkout; this one's when it is left out
 */
export async function measureRostra(shape: Shape, entry?: string): Promise<Result> {
  const server = await startServer(['--workers', '1'], 0, entry === undefined ? {} : { entry })
  const janus = await JanusSocket.open(server.webSocketUrl)
  const clients = new MediaClients()
  try {
    await janus.create()
    const publisher = await publish(janus, clients)
    const subscribers: MediaPeer[] = []
    for (let index = 0; index < shape.subscribers; index++) subscribers.push(await subscribe(janus, clients, index))
    const payload = new Uint8Array(shape.payloadBytes).fill(0x5a)
    let extSeq = 1_000
    const send = () => {
      payload.set(extSeq % KEYFRAME_EVERY === 0 ? VP8_KEYFRAME : VP8_INTERFRAME)
      const packet = { ssrc: SSRC, pt: VP8, extSeq, timestamp: (extSeq * 180) >>> 0, marker: true }
      publisher.sendRtp(packet, payload, EXTENSIONS)
      extSeq++
    }
    const pids = [server.pid, ...server.workerPids]
    separate(pids)
    await warmUp(shape.packetsPerSecond, send, () => publisher.flush())
    const before = cpuMicroseconds(pids)
    const receivedBefore = subscribers.reduce((sum, peer) => sum + peer.rtpPackets, 0)
    await pace(shape.packetsPerSecond, shape.seconds, send, () => publisher.flush())
    await new Promise((resolve) => setTimeout(resolve, 100))
    const forwards = subscribers.reduce((sum, peer) => sum + peer.rtpPackets, 0) - receivedBefore
    const expected = shape.packetsPerSecond * shape.seconds * shape.subscribers
    return {
      microsecondsPerForward: (cpuMicroseconds(pids) - before) / forwards,
      forwards,
      delivered: forwards / expected,
    }
  } finally {
    await clients.close()
    await janus.close()
    await server.stop()
  }
}
