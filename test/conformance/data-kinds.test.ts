/** Data-channel messages of every kind from one user to all others of a room, through a server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelParameters } from '../../src/media/control.js'
import { AUDIO_SSRC, offerThenJoin, openStage } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { readRemote } from '../support/media-client.js'

const kinds: ChannelParameters[] = [
  { label: 'ordered', protocol: '', ordered: true },
  { label: 'unordered', protocol: 'game/1', ordered: false },
  { label: 'retransmits', protocol: '', ordered: false, maxRetransmits: 2 },
  { label: 'once', protocol: '', ordered: true, maxRetransmits: 0 },
  { label: 'timed', protocol: 'p', ordered: false, maxPacketLifeTimeMs: 5_000 },
]

test('text, binary and empty messages reach everybody else once, on channels of the same kind', async (t) => {
  const { clients, janus } = await openStage(t, [])
  const users: DataChannels[] = []
  for (const user of ['speaker', 'a', 'b', 'c']) {
    users.push(new DataChannels((await offerThenJoin(janus, clients, 'hall', user)).peer))
  }
  t.after(() => users.map((channels) => channels.close()))
  const [speaker, ...others] = users as [DataChannels, ...DataChannels[]]
  const said: [boolean, string][] = [
    [false, 'text'],
    [true, 'bytes'],
    [false, ''],
    [true, ''],
    [true, 'x'.repeat(100_000)],
  ]
  // One kind after the other: unreliable messages that wait for a second are dropped, and a busy machine takes that long for all.
  for (const [sent, kind] of kinds.entries()) {
    for (const [binary, text] of said) speaker.send(kind, Buffer.from(text), binary)
    const due = (sent + 1) * said.length
    await eventually(`all of ${kind.label}`, () => others.every(({ heard }) => heard.length >= due))
  }
  const told = (label: string, binary: boolean, text: string) => `${label} ${binary} ${text.length} ${text.slice(0, 9)}`
  const expected = kinds.flatMap(({ label }) => said.map(([binary, text]) => told(label, binary, text))).sort()
  for (const other of others) {
    const heard = () =>
      other.heard.map(({ label, binary, payload }) => told(label, binary, Buffer.from(payload).toString()))
    assert.deepEqual(heard().sort(), expected)
    const byLabel = (a: ChannelParameters, b: ChannelParameters) => (a.label < b.label ? -1 : 1)
    assert.deepEqual([...other.opened].sort(byLabel), [...kinds].sort(byLabel))
    assert.deepEqual(
      other.heard.filter(({ label }) => label === 'ordered').map(({ payload }) => payload.length),
      said.map(([, text]) => text.length),
    )
  }
  assert.deepEqual(speaker.heard, [], 'and nothing comes back')
})

test('nobody gets longer messages than its max-message-size says', async (t) => {
  const { server, clients, janus } = await openStage(t, [])
  const speaker = new DataChannels((await offerThenJoin(janus, clients, 'hall', 'speaker')).peer)
  const handle = await janus.attach()
  const peer = clients.peer()
  const up = handle.next('webrtcup')
  const sdp = peer
    .offer()
    .replace(/a=max-message-size:\d+\r\n/, '')
    .replace(/(a=sctp-port:5000\r\n)/, '$1a=max-message-size:5000\r\n')
  assert.match(sdp, /max-message-size:5000/)
  const { jsep } = await handle.message({}, { type: 'offer', sdp })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  await handle.message({ kind: 'join', room_id: 'hall', user_id: 'small', subscribe: { data: true } })
  const small = new DataChannels(peer)
  t.after(() => [speaker, small].map((channels) => channels.close()))
  for (const length of [10, 5_001, 5_000]) speaker.send(kinds[0]!, new Uint8Array(length))
  await eventually('the last one', () => small.heard.length === 2)
  assert.deepEqual(
    small.heard.map(({ payload }) => payload.length),
    [10, 5_000],
  )
  assert.equal((await server.totals()).drop_sctp_too_long, 1)
})

test('a client without a data m-line gets no SCTP, and has channels as soon as it negotiates one', async (t) => {
  const { clients, janus } = await openStage(t, [])
  const [speaker, witness] = await Promise.all(
    ['speaker', 'witness'].map(
      async (user) => new DataChannels((await offerThenJoin(janus, clients, 'hall', user)).peer),
    ),
  )
  t.after(() => [speaker!, witness!].map((channels) => channels.close()))
  const handle = await janus.attach()
  const peer = clients.peer()
  const [session, application, audio] = peer.offer({ audio: AUDIO_SSRC }).split(/^(?=m=)/m)
  const bundling = (mids: string) => session!.replace(/BUNDLE [\d ]+/, `BUNDLE ${mids}`)
  const up = handle.next('webrtcup')
  const { jsep } = await handle.message({}, { type: 'offer', sdp: bundling('1') + audio })
  await Promise.all([peer.connect(readRemote(jsep!.sdp)), up])
  await handle.message({ kind: 'join', room_id: 'hall', user_id: 'late', subscribe: { data: true } })
  let packets = 0
  peer.onData = () => packets++
  speaker!.send(kinds[0]!, Buffer.from('early'))
  await eventually('the others hear it', () => witness!.heard.length === 1)
  assert.equal(packets, 0)

  await handle.message({}, { type: 'offer', sdp: bundling('1 0') + audio + application })
  const late = new DataChannels(peer)
  t.after(() => late.close())
  await eventually('who came late hears what is said from now on', () => {
    speaker!.send(kinds[0]!, Buffer.from('late'))
    return late.heard.length > 0
  })
  assert.equal(Buffer.from(late.heard[0]!.payload).toString(), 'late')
  late.send(kinds[0]!, Buffer.from('thanks'))
  await eventually('and is heard', () => speaker!.heard.length === 1)
})
