/**
 * One peer of libdatachannel, in a process of its own: `node peer-process.js NAME LONGEST_BYTES`. The library's threads
 * now and then wait for each other for ever when it is closed or unloaded, and a test that has passed would wait with
 * them; a process can be killed.
 */
import nodeDataChannel, { type DataChannel } from 'node-datachannel'
import type { Event, Order } from './messages.js'

const [name = 'peer', longestBytes] = process.argv.slice(2)
const pc = new nodeDataChannel.PeerConnection(name, { iceServers: [], maxMessageSize: Number(longestBytes) })
const channels = new Map<string, DataChannel>()
let offered = false

const tell = (event: Event) => process.send!(event)

function listen(channel: DataChannel): void {
  const label = channel.getLabel()
  channels.set(label, channel)
  channel.onMessage((data) =>
    tell({ kind: 'heard', label, data: typeof data === 'string' ? data : new Uint8Array(data) }),
  )
  channel.onClosed(() => tell({ kind: 'closed', label }))
}

function offerWhenGathered(): void {
  const description = pc.localDescription()
  if (offered || !description || pc.gatheringState() !== 'complete') return
  offered = true
  tell({ kind: 'offer', sdp: description.sdp })
}

function obey(order: Order): void {
  switch (order.kind) {
    case 'open': {
      const channel = pc.createDataChannel(order.label, order.config)
      listen(channel)
      channel.onOpen(() => tell({ kind: 'opened', label: order.label }))
      return offerWhenGathered()
    }
    case 'say': {
      const channel = channels.get(order.label)!
      if (typeof order.data === 'string') channel.sendMessage(order.data)
      else channel.sendMessageBinary(order.data)
      return
    }
    case 'shut':
      return channels.get(order.label)!.close()
    case 'answer':
      return pc.setRemoteDescription(order.sdp, 'answer')
  }
}

pc.onDataChannel(listen)
pc.onGatheringStateChange(offerWhenGathered)
process.on('message', obey)
// Leaving in good order would unload the library.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
