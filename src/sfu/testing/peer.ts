/** A client at the plugin's door: a handle as the core would keep it, and the few things that clients do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  type HandlePort,
  type Jsep,
  type Plugin,
  type PluginHandle,
  type PluginReply,
  SharedData,
} from '../../janus/plugin.js'
import { defaultPolicy } from '../../jsep/codecs.js'
import { type Auth, open } from '../auth.js'
import type { BlockStore } from '../blocks/store.js'
import { createSfuPlugin, type SfuPlugin, type SfuPluginOptions } from '../plugin.js'
import type { Limits } from '../services.js'
import { FakeClock } from './fake-clock.js'
import { FakePool } from './fake-pool.js'
import { memoryBlocks } from './memory-blocks.js'

export interface Push {
  data: Record<string, unknown>
  jsep?: Jsep
}

export class Peer {
  readonly handle: PluginHandle
  /** What the server sent unasked, oldest first. */
  readonly pushed: Push[] = []
  readonly hangups: string[] = []
  /** What event handlers are told. */
  readonly notices: object[] = []
  readonly media: [mid: string, type: string, receiving: boolean][] = []
  readonly slowlinks: [mid: string, type: string, uplink: boolean, lost: number][] = []
  webrtcups = 0
  detaches = 0
  expired = 0
  lastActivityMs: number

  constructor(plugin: Plugin, clock: FakeClock, sessionId: number, query: string, address: string) {
    this.lastActivityMs = clock.nowMs()
    const port: HandlePort = {
      id: sessionId * 100,
      sessionId,
      address,
      opaqueId: undefined,
      query: new URLSearchParams(query),
      lastActivityMs: () => this.lastActivityMs,
      push: (pushed: Record<string, unknown> | SharedData, jsep?: Jsep) => {
        const data = pushed instanceof SharedData ? { ...pushed.data } : pushed
        this.pushed.push(jsep ? { data, jsep } : { data })
      },
      webrtcup: () => this.webrtcups++,
      media: (mid, type, receiving) => this.media.push([mid, type, receiving]),
      slowlink: (...event) => this.slowlinks.push(event),
      hangup: (reason) => this.hangups.push(reason),
      notify: (data) => this.notices.push(data),
      detach: () => {
        this.detaches++
        this.handle.detached()
      },
      expireSession: () => {
        this.expired++
        this.handle.detached()
      },
    }
    this.handle = plugin.attach(port)
  }

  send(body: Record<string, unknown>, jsep?: Jsep): Promise<PluginReply> {
    return this.handle.message(jsep ? { body, jsep } : { body })
  }

  /** Sends a message that has to succeed. */
  async ok(body: Record<string, unknown>, jsep?: Jsep): Promise<PluginReply> {
    const reply = await this.send(body, jsep)
    assert.equal(reply.data.success, true, JSON.stringify(reply.data))
    return reply
  }

  /** Sends a message that has to fail. @returns code and text */
  async fails(body: Record<string, unknown>, jsep?: Jsep): Promise<{ code: string; msg: string }> {
    const reply = await this.send(body, jsep)
    assert.equal(reply.data.success, false)
    assert.equal(reply.jsep, undefined)
    return reply.data.error as { code: string; msg: string }
  }

  join(user: string, subscribe?: object, room = 'room'): Promise<PluginReply> {
    return this.ok({ kind: 'join', room_id: room, user_id: user, ...(subscribe && { subscribe }) })
  }

  publish(sdp = offers.media): Promise<PluginReply> {
    return this.ok({}, { type: 'offer', sdp })
  }

  /** Answers an offer of the server as a browser would: everything accepted, receiving. */
  answer(offer: Jsep | undefined): Promise<PluginReply> {
    assert.equal(offer?.type, 'offer')
    return this.ok({}, { type: 'answer', sdp: answerTo(offer!.sdp) })
  }

  /** What was pushed since the last call. */
  take(): Push[] {
    return this.pushed.splice(0)
  }

  /** The `data` of what was pushed since the last call, without offers. */
  events(): Record<string, unknown>[] {
    return this.take()
      .filter(({ jsep }) => !jsep)
      .map(({ data }) => data)
  }

  /** The only offer pushed since the last call. */
  offer(): Jsep {
    const found = this.take().filter(({ jsep }) => jsep)
    assert.equal(found.length, 1, `${found.length} offers were pushed`)
    assert.deepEqual(found[0]!.data, {})
    return found[0]!.jsep!
  }
}

const fixture = (name: string) => readFileSync(new URL(`../../../../src/sfu/fixtures/${name}`, import.meta.url), 'utf8')

/** Recorded offers of Chromium: a data channel alone, and with one audio and one video m-line. */
export const offers = {
  data: fixture('chromium-data-offer.sdp'),
  media: fixture('chromium-data-audio-video-offer.sdp'),
}

/** The session part of an offer and its m-lines. */
const [session = '', dataMline = '', ...mediaMlines] = offers.media.split(/^(?=m=)/m)
const bundling = (mids: string) => session.replace(/^a=group:BUNDLE .*$/m, `a=group:BUNDLE ${mids}`)

/** The recorded offer of media without its data m-line; and with it as the last one, as when channels come later. */
export const withoutData = bundling('1 2') + mediaMlines.join('')
export const withDataLast = bundling('1 2 0') + mediaMlines.join('') + dataMline

/** The same offer after an ICE restart. */
export const restarted = (sdp: string) =>
  sdp
    .replaceAll('a=ice-ufrag:bdBg', 'a=ice-ufrag:neWu')
    .replaceAll(/a=ice-pwd:\S+/g, 'a=ice-pwd:anotherPasswordOf24Chars')

/** The same offer from another PeerConnection: other certificate, other credentials. */
export const fromAnotherPeerConnection = (sdp: string) =>
  restarted(sdp).replaceAll(/a=fingerprint:sha-256 \S+/g, `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`)

/** The same offer with another session id in its o= line. */
export const withSessionId = (sdp: string, sessionId: string) => sdp.replace(/^o=- \d+/m, `o=- ${sessionId}`)

/** @param client distinguishes clients: their certificate and ICE credentials */
export function answerTo(offer: string, client = 'C1'): string {
  return offer
    .replace(/^o=.*$/m, 'o=- 7739774483214717014 3 IN IP4 127.0.0.1')
    .replaceAll('a=sendonly', 'a=recvonly')
    .replaceAll('a=setup:actpass', 'a=setup:active')
    .replaceAll(/^a=(candidate|end-of-candidates|ice-lite|ssrc|msid).*\r?\n/gm, '')
    .replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:ufrag${client}`)
    .replaceAll(/a=ice-pwd:\S+/g, `a=ice-pwd:passwordOfTheClient24${client}`)
    .replaceAll(/a=fingerprint:sha-256 \S+/g, `a=fingerprint:sha-256 ${Array(32).fill(client).join(':')}`)
}

export const mlines = (sdp: string) => [...sdp.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind)
export const lines = (sdp: string, name: string) =>
  [...sdp.matchAll(new RegExp(`^a=${name}:(.*?)\r?$`, 'gm'))].map(([, value]) => value)

export interface Stage {
  plugin: SfuPlugin
  pool: FakePool
  clock: FakeClock
  store: BlockStore
  /** @param query of the URL, e.g. `profile=upstream` @param sessionId a session of its own by default @param address of the client */
  peer(query?: string, sessionId?: number, address?: string): Peer
}

/** As few as the plugin knows. */
export const noLimits: Limits = {
  maxRoomSize: 0,
  maxCcu: 0,
  maxDataBodyBytes: 65_536,
  maxPeerConnectionsPerSession: 512,
  maxPeerConnectionsPerAddress: 2048,
  maxSocketsPerAddress: 4096,
}

/** A plugin on fakes. */
export function stage(
  options: Partial<SfuPluginOptions> & { auth?: Auth; limits?: SfuPluginOptions['limits'] } = {},
): Stage {
  const pool = new FakePool()
  const clock = new FakeClock()
  const store = options.blocks ?? memoryBlocks()
  const silent = () => {}
  const plugin = createSfuPlugin({
    pool,
    blocks: store,
    profile: 'documented',
    auth: open,
    limits: noLimits,
    codecs: defaultPolicy,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    clock,
    ...options,
  })
  let sessions = 0
  return {
    plugin,
    pool,
    clock,
    store,
    peer: (query = '', sessionId = ++sessions + 1000, address = '192.0.2.1') =>
      new Peer(plugin, clock, sessionId, query, address),
  }
}

/** Nothing is alive any more. */
export function assertEmpty({ plugin, pool, clock }: Stage): void {
  const live = plugin.live()
  assert.deepEqual(live, Object.fromEntries(Object.keys(live).map((key) => [key, 0])))
  assert.equal(pool.live.length, 0)
  assert.equal(pool.blocked.size, 0)
  assert.equal(clock.timers, 0)
}
