/** A publisher and a subscriber of it without browsers, for tests about what the server does to its peers. */
import type { TestContext } from 'node:test'
import { JanusSocket, type JanusTestHandle } from './janus-socket.js'
import { MediaClients, type MediaPeer, type RemoteTransport, readRemote } from './media-client.js'
import { type ServerProcess, startServer } from './server-process.js'

export interface Party {
  handle: JanusTestHandle
  peer: MediaPeer
}

export const OPUS = 111
export const AUDIO_SSRC = 0x0a0a0a0a
export const VIDEO_SSRC = 0x0b0b0b0b

/** A server with one Janus session on it, and clients. */
export interface Stage {
  server: ServerProcess
  clients: MediaClients
  janus: JanusSocket
  /** @param stopSignal for a server that could not stop by itself any more */
  close(stopSignal?: NodeJS.Signals): Promise<void>
}

/** For the tests of a file, which closes it when they are done. */
export async function startStage(flags: readonly string[]): Promise<Stage> {
  const server = await startServer(flags)
  const clients = new MediaClients()
  const janus = await JanusSocket.open(server.webSocketUrl)
  await janus.create()
  const close = async (stopSignal?: NodeJS.Signals) => {
    await clients.close()
    await janus.close()
    await server.stop(stopSignal)
  }
  return { server, clients, janus, close }
}

/** For one test, gone when it ends. @param stopSignal see `Stage` */
export async function openStage(t: TestContext, flags: readonly string[], stopSignal?: NodeJS.Signals): Promise<Stage> {
  const stage = await startStage(flags)
  t.after(() => stage.close(stopSignal))
  return stage
}

/** Where a client sends to instead of the address in the description: what stands between it and the server. */
export type Reach = (remote: RemoteTransport) => RemoteTransport
const directly: Reach = (remote) => remote

/** Joins, then offers audio and video (so that the room's worker is chosen by the room); resolves when it is up. */
export async function publish(
  janus: JanusSocket,
  clients: MediaClients,
  room: string,
  user: string,
  reach = directly,
): Promise<Party> {
  const handle = await janus.attach()
  const subscribe = { notifications: true, data: true }
  const joined = await handle.message({ kind: 'join', room_id: room, user_id: user, subscribe })
  if (!joined.plugindata?.data.success) throw new Error(JSON.stringify(joined))
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message(
    {},
    { type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC, video: VIDEO_SSRC }) },
  )
  await Promise.all([peer.connect(reach(readRemote(jsep!.sdp))), up])
  return { handle, peer }
}

/** Offers, then joins: the worker is chosen before anybody knows the room, so that the room may be spread. */
export async function offerThenJoin(
  janus: JanusSocket,
  clients: MediaClients,
  room: string,
  user: string,
): Promise<Party> {
  const handle = await janus.attach()
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: peer.offer({ audio: AUDIO_SSRC }) })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  const subscribe = { notifications: true, data: true }
  const joined = await handle.message({ kind: 'join', room_id: room, user_id: user, subscribe })
  if (!joined.plugindata?.data.success) throw new Error(JSON.stringify(joined))
  return { handle, peer }
}

export async function subscribe(
  janus: JanusSocket,
  clients: MediaClients,
  room: string,
  user: string,
  to: string,
  reach = directly,
): Promise<Party> {
  const handle = await janus.attach()
  const joined = await handle.message({ kind: 'join', room_id: room, user_id: user, subscribe: { media: to } })
  if (!joined.jsep) throw new Error(JSON.stringify(joined))
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  await handle.message({}, { type: 'answer', sdp: peer.answer(joined.jsep.sdp) })
  await Promise.all([peer.connect(reach(readRemote(joined.jsep.sdp))), up])
  return { handle, peer }
}

/** Sends 20 ms sound packets at an even rate until stopped; gives how many were sent. */
export function speak(peer: MediaPeer, payload = new Uint8Array(100).fill(7)): { readonly sent: number; stop(): void } {
  const state = { sent: 0, stop: () => clearInterval(timer) }
  const timer = setInterval(() => {
    const packet = { ssrc: AUDIO_SSRC, pt: OPUS, extSeq: 500 + state.sent, timestamp: state.sent * 960, marker: false }
    if (peer.sendRtp(packet, payload)) state.sent++
    peer.flush()
  }, 20)
  return state
}
