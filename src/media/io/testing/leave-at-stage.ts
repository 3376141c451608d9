/**
 * Run by binding.test.ts: `leave-at-stage.js STAGE WAY`. Brings an io to a stage, then leaves: by closing and
 * letting the event loop run dry, by process.exit, or by ending the worker thread that holds the io.
 */

import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { srtpSeam } from '../binding.js'
import { LoopbackCall, LoopbackPeer } from './loopback.js'

export type Stage = 'load' | 'open' | 'handshake' | 'connected' | 'closing'
export type Way = 'close' | 'exit' | 'terminate'

/** Brings an io to the stage; what comes back closes everything. */
async function reach(stage: Stage): Promise<() => Promise<void>> {
  srtpSeam()
  if (stage === 'load') return async () => {}
  if (stage === 'open') {
    const peer = new LoopbackPeer()
    return () => peer.io.close()
  }
  const call = await LoopbackCall.open()
  if (stage === 'handshake') {
    let answered = () => {}
    const seen = new Promise<void>((resolve) => {
      answered = resolve
    })
    // The server's flight is lost: both sides are in the middle, retransmission timers run.
    call.pass = ({ fromClient }) => {
      if (!fromClient) answered()
      return fromClient
    }
    await call.select()
    call.start()
    await seen
  } else {
    await call.connect()
  }
  // Node's own datagram socket aborts the process when it receives while its thread is being terminated.
  call.relay.close()
  if (stage === 'closing') void call.client.io.close()
  return async () => {
    await Promise.all([call.client.io.close(), call.server.io.close()])
  }
}

async function inThread(stage: Stage): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: stage })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await worker.terminate()
}

if (isMainThread) {
  const [stage, way] = process.argv.slice(2) as [Stage, Way]
  if (way === 'terminate') {
    await inThread(stage)
  } else {
    const close = await reach(stage)
    if (way === 'exit') process.exit(0)
    await close()
  }
} else {
  await reach(workerData as Stage)
  parentPort!.postMessage('reached')
}
