import { Room, type RoomOptions } from '../src/index.js'
import { readAddress, serverAddress } from './address.js'
import { placeIcons } from './icons.js'
import { makeUserId, readBlocked } from './identity.js'
import { type JoinRequest, JoinView } from './join-view.js'
import { LocalMedia } from './local-media.js'
import { RoomView } from './room-view.js'
import { showState } from './status.js'
import { toast } from './toasts.js'

declare global {
  interface Window {
    /** The room that the page is in, for a look at it from the browser's console and from tests. Not an interface. */
    rostra: Room | undefined
  }
}

const address = readAddress(new URL(location.href))
let roomView: RoomView | undefined

const media = new LocalMedia((kind) => {
  roomView?.deviceEnded(kind)
  joinView.refresh()
})
const joinView = new JoinView(media, (request) => void join(request, false), publishDevices)

/** Sends what is on and not sent yet: the room may have been entered while the browser was still asking about devices. */
function publishDevices(): void {
  const room = window.rostra
  for (const kind of ['audio', 'video'] as const) {
    const track = media.track(kind)
    if (room && track && !room.media[kind]) room.publish(track).catch((error: Error) => toast(error.message))
  }
  roomView?.refresh()
}

/** Enters a room and stays until it is over. @param keepTrying also if the server cannot be reached at first */
async function join({ room: roomId, name }: JoinRequest, keepTrying: boolean): Promise<void> {
  joinView.notice('')
  joinView.setBusy(true)
  const options: RoomOptions = {
    url: serverAddress(new URL(location.href)),
    room: roomId,
    user: await makeUserId(name),
    stream: media.stream(),
    blocked: readBlocked(),
    simulcast: true,
    keepTrying,
    ...(address.token !== undefined && { token: address.token }),
  }
  const room = new Room(options)
  window.rostra = room
  room.on('state', (detail) => {
    showState(detail)
    if (detail.state === 'joined') roomView ??= enter(room, name)
    if (detail.state === 'failed' || detail.state === 'closed') leave(detail.why)
  })
  // Every way for this to fail is a state, shown above.
  await room.join().catch(() => undefined)
}

function enter(room: Room, name: string): RoomView {
  const here = new URL(location.href)
  here.searchParams.set('room', room.room)
  here.searchParams.set('name', name)
  history.replaceState(null, '', here)
  joinView.hide()
  return new RoomView(room, media)
}

function leave(why: string): void {
  window.rostra = undefined
  roomView?.close()
  roomView = undefined
  joinView.setBusy(false)
  joinView.notice(why)
  void joinView.show(false)
}

async function start(): Promise<void> {
  placeIcons()
  const request = { room: address.room === '' ? 'lobby' : address.room, name: address.name }
  joinView.fill(request)
  if (!address.autojoin) return await joinView.show(true)
  joinView.setBusy(true)
  await joinView.startDevices()
  await join({ ...request, name: request.name === '' ? 'Guest' : request.name }, true)
}

void start()
