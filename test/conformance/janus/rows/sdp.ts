/** J-113 … J-128: answers and offers. */
import assert from 'node:assert/strict'
import { DataChannels } from '../../../support/data-channels.js'
import { eventually } from '../../../support/eventually.js'
import { readRemote } from '../../../support/media-client.js'
import type { Row } from '../row.js'
import { audio, data, offerOf, oldData, sections, strange, value, values, video } from '../sdp.js'
import type { Handle, Stage } from '../stage.js'

/** A publisher whose PeerConnection is up, and a handle that was offered its media. */
async function offered(stage: Stage): Promise<{ subscriber: Handle; offer: string }> {
  const room_id = `offered-${Math.random()}`
  const publisher = await stage.handle()
  await publisher.message({ kind: 'join', room_id, user_id: 'publisher' })
  await publisher.up()
  const subscriber = await publisher.session.attach()
  const subscribe = { media: 'publisher' }
  const { event } = await subscriber.message({ kind: 'join', room_id, user_id: 'viewer', subscribe })
  return { subscriber, offer: event.jsep!.sdp }
}

const isOff = (mline: readonly string[]) => / 0 /.test(mline[0]!)

export const descriptions: readonly Row[] = [
  {
    id: 'J-113',
    behaviour: 'answer: BUNDLE, rtcp-mux, fingerprint, one codec, payload types and extension ids as offered',
    async run(stage) {
      const offer = offerOf(stage.peer(), [data, audio, video])
      const answer = await (await stage.handle()).offer(offer)
      const [session = [], ...mlines] = sections(answer)
      assert.ok(session.includes('a=group:BUNDLE 0 1 2'), session.join('\n'))
      assert.match(value(answer, 'fingerprint') ?? '', /^sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
      const asked = sections(offer).slice(1)
      assert.equal(mlines.length, 3)
      for (const [index, mline] of mlines.entries()) {
        assert.equal(mline[0]!.split(' ')[0], asked[index]![0]!.split(' ')[0])
        for (const extension of values(mline, 'extmap')) {
          assert.ok(values(asked[index]!, 'extmap').includes(extension.replace('/sendonly', '')), extension)
        }
        if (index === 0) continue
        assert.ok(mline.includes('a=rtcp-mux'))
        const codecs = values(mline, 'rtpmap').filter((codec) => !codec.includes('rtx'))
        assert.equal(codecs.length, 1, codecs.join())
        for (const codec of values(mline, 'rtpmap')) assert.ok(values(asked[index]!, 'rtpmap').includes(codec), codec)
      }
    },
  },
  {
    id: 'J-114',
    behaviour: 'answers are active to actpass and passive, passive to active; offers are actpass',
    async run(stage) {
      for (const [setup, answered] of [
        ['actpass', 'active'],
        ['passive', 'active'],
        ['active', 'passive'],
      ] as const) {
        const answer = await (await stage.handle()).offer(offerOf(stage.peer(), [data], { setup }))
        assert.equal(value(answer, 'setup'), answered)
      }
      if (stage.plugin.sfu) assert.equal(value((await offered(stage)).offer, 'setup'), 'actpass')
    },
  },
  {
    id: 'J-115',
    behaviour: 'candidates and end-of-candidates are in the SDP, and no trickle is sent',
    async run(stage) {
      const handle = await stage.handle()
      const answer = await handle.offer(offerOf(stage.peer(), [data, audio]))
      const [, first = []] = sections(answer)
      assert.ok(values(first, 'candidate').length > 0)
      assert.ok(first.includes('a=end-of-candidates'))
      await handle.message(stage.plugin.harmless)
      assert.deepEqual(handle.events('trickle'), [])
    },
  },
  {
    id: 'J-116',
    behaviour: 'full trickle: candidates in events, then completed, none in the SDP; a peer connects with them',
    on: 'trickling',
    async run(stage) {
      const handle = await stage.handle()
      const peer = stage.peer()
      const { mark } = handle.wire
      const answer = await handle.offer(offerOf(peer, [data, audio]))
      assert.doesNotMatch(answer, /^a=(candidate|end-of-candidates)/m)
      const completed = await handle.wire.seek(mark, ({ janus, candidate }) => {
        return janus === 'trickle' && (candidate as { completed?: boolean }).completed === true
      })
      const ids = { janus: 'trickle', session_id: handle.session.id, sender: handle.id }
      assert.deepEqual(completed, { ...ids, candidate: { completed: true } })
      const trickles = handle.events('trickle').slice(0, -1)
      assert.ok(trickles.length > 0)
      for (const { candidate, ...rest } of trickles) {
        assert.deepEqual(rest, ids)
        const { candidate: line, ...place } = candidate as { candidate: string }
        assert.deepEqual(place, { sdpMid: '0', sdpMLineIndex: 0 })
        assert.match(line, /^candidate:\S+ 1 (udp|tcp) \d+ \S+ \d+ typ host/)
      }
      const { candidate } = trickles[0]!.candidate as { candidate: string }
      await Promise.all([
        peer.connect(readRemote(`${answer}a=${candidate}\r\n`)),
        handle.event(mark, 'webrtcup', 10_000),
      ])
      await handle.offer(offerOf(peer, [data, audio]))
      await handle.message(stage.plugin.harmless)
      assert.equal(handle.events('trickle').length, trickles.length + 1, 'sent once')
    },
  },
  {
    id: 'J-117',
    behaviour: 'name, id and version of o= are copied from the offer',
    async run(stage) {
      const origin = 'mozilla 9007199254740995123 7'
      const answer = await (await stage.handle()).offer(offerOf(stage.peer(), [data], { origin }))
      assert.match(answer, /^o=mozilla 9007199254740995123 7 IN IP[46] \S+\r\n/m)
    },
  },
  {
    id: 'J-118',
    behaviour: 'renegotiation keeps the ICE credentials; audio and video can be added to a data-only connection',
    async run(stage) {
      const handle = await stage.handle()
      const peer = stage.peer()
      const { mark } = handle.wire
      const first = await handle.offer(offerOf(peer, [data]))
      await Promise.all([peer.connect(readRemote(first)), handle.event(mark, 'webrtcup')])
      const second = await handle.offer(offerOf(peer, [data, audio, video], { origin: '- 4611731400430051336 3' }))
      for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint']) assert.equal(value(second, name), value(first, name))
      const mlines = sections(second).slice(1)
      assert.deepEqual(
        mlines.map((mline) => [values(mline, 'mid')[0], isOff(mline)]),
        [
          ['0', false],
          ['1', false],
          ['2', false],
        ],
      )
    },
  },
  {
    id: 'J-119',
    behaviour: 'an ICE restart changes the credentials, and webrtcup does not come again',
    async run(stage) {
      const handle = await stage.handle()
      const peer = stage.peer()
      const { mark } = handle.wire
      const first = await handle.offer(offerOf(peer, [data]))
      await Promise.all([peer.connect(readRemote(first)), handle.event(mark, 'webrtcup')])
      peer.newCredentials()
      const second = await handle.offer(offerOf(peer, [data], { origin: '- 4611731400430051336 3' }))
      for (const name of ['ice-ufrag', 'ice-pwd']) assert.notEqual(value(second, name), value(first, name))
      assert.equal(value(second, 'fingerprint'), value(first, 'fingerprint'))
      peer.remote = readRemote(second)
      const channels = new DataChannels(peer)
      await eventually('DTLS goes on', () => channels.send(reliable, new Uint8Array([1])) === 'sent')
      channels.close()
      assert.equal(handle.events('webrtcup').length, 1)
    },
  },
  {
    id: 'J-120',
    behaviour: 'an m-line without a codec in common is off (port 0, inactive) and out of the BUNDLE',
    async run(stage) {
      const answer = await (await stage.handle()).offer(offerOf(stage.peer(), [data, strange, audio]))
      const [session = [], , off = [], on = []] = sections(answer)
      assert.ok(isOff(off), off[0])
      assert.ok(off.includes('a=inactive'))
      assert.deepEqual(values(off, 'mid'), ['1'])
      assert.equal(isOff(on), false)
      assert.ok(session.includes('a=group:BUNDLE 0 2'), session.join('\n'))
    },
  },
  {
    id: 'J-121',
    behaviour: 'a second application m-line is off (port 0)',
    async run(stage) {
      const answer = await (await stage.handle()).offer(offerOf(stage.peer(), [data, data]))
      const [session = [], on = [], off = []] = sections(answer)
      assert.deepEqual([isOff(on), isOff(off)], [false, true])
      assert.ok(session.includes('a=group:BUNDLE 0'), session.join('\n'))
    },
  },
  {
    id: 'J-122',
    behaviour: 'the data m-line is answered in the form of the offer, with port 5000',
    async run(stage) {
      const answers = [data, oldData].map(async (mline) => (await stage.handle()).offer(offerOf(stage.peer(), [mline])))
      const [now = [], then = []] = (await Promise.all(answers)).map((answer) => sections(answer)[1])
      assert.match(now[0]!, /^m=application [1-9]\d* UDP\/DTLS\/SCTP webrtc-datachannel$/)
      assert.deepEqual(values(now, 'sctp-port'), ['5000'])
      assert.match(then[0]!, /^m=application [1-9]\d* DTLS\/SCTP 5000$/)
      assert.match(values(then, 'sctpmap')[0]!, /^5000 webrtc-datachannel \d+$/)
    },
  },
  {
    id: 'J-123',
    behaviour: 'data channels open without a candidate in the offer and without trickling',
    async run(stage) {
      const handle = await stage.handle()
      const channels = new DataChannels(await handle.up())
      await eventually('open', () => channels.send(reliable, new Uint8Array([1])) === 'sent')
      await eventually('acknowledged', () => channels.bufferedBytes === 0)
      channels.close()
    },
  },
  {
    id: 'J-124',
    behaviour: 'text stays text and binary stays binary on data channels',
    needs: ['sfu'],
    async run(stage) {
      const room_id = `text-${Math.random()}`
      const [from, to] = await Promise.all(
        ['from', 'to'].map(async (user_id) => {
          const handle = await stage.handle()
          await handle.message({ kind: 'join', room_id, user_id, subscribe: { data: true } })
          return new DataChannels(await handle.up())
        }),
      )
      from!.send(reliable, new TextEncoder().encode('text'), false)
      from!.send(reliable, new TextEncoder().encode('binary'), true)
      await eventually('both', () => to!.heard.length === 2)
      assert.deepEqual(
        to!.heard.map(({ payload, binary }) => [new TextDecoder().decode(payload), binary]),
        [
          ['text', false],
          ['binary', true],
        ],
      )
      for (const channels of [from!, to!]) channels.close()
    },
  },
  {
    id: 'J-125',
    behaviour: 'rid simulcast is answered with rid recv and simulcast recv',
    needs: ['sfu'],
    async run(stage) {
      const rids = ['h', 'm', 'l']
      const simulcast = [
        ...video,
        'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
        ...rids.map((rid) => `a=rid:${rid} send`),
        `a=simulcast:send ${rids.join(';')}`,
      ]
      const answer = await (await stage.handle()).offer(offerOf(stage.peer(), [data, audio, simulcast]))
      const mline = sections(answer)[3]!
      assert.deepEqual(
        values(mline, 'rid'),
        rids.map((rid) => `${rid} recv`),
      )
      assert.deepEqual(values(mline, 'simulcast'), [`recv ${rids.join(';')}`])
      assert.ok(values(mline, 'extmap').includes('10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'))
    },
  },
  {
    id: 'J-126',
    behaviour: 'trickle:false and no trickle both work',
    async run(stage) {
      for (const more of [{}, { trickle: true }, { trickle: false }]) await (await stage.handle()).up([data], more)
    },
  },
  {
    id: 'J-127',
    behaviour: 'the plugin offers, the client answers, webrtcup',
    needs: ['sfu'],
    async run(stage) {
      const { subscriber, offer } = await offered(stage)
      const peer = stage.peer()
      const { mark } = subscriber.wire
      const { event } = await subscriber.message({}, { type: 'answer', sdp: peer.answer(offer) })
      assert.deepEqual(event.plugindata!.data, { success: true })
      await Promise.all([peer.connect(readRemote(offer)), subscriber.event(mark, 'webrtcup')])
    },
  },
  {
    id: 'J-128',
    behaviour: 'a mid of more than 16 characters is refused (by Janus with 465, by rostra as in ADR 6)',
    async run(stage) {
      const handle = await stage.handle()
      const sdp = offerOf(stage.peer(), [audio], { mids: ['12345678901234567'] })
      const jsep = { type: 'offer', sdp }
      if (!stage.plugin.sfu) return handle.refused('message', { body: {}, jsep }, 465, /.*/)
      const { event } = await handle.message({}, jsep)
      assert.equal((event.plugindata!.data.error as { code: string }).code, 'invalid_sdp')
    },
  },
]

const reliable = { label: 'row', protocol: '', ordered: true }
