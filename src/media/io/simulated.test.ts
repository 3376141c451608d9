import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../test/support/hex.js'
import {
  Addr,
  CloseReason,
  type IoOptions,
  ioCounterNames,
  Kind,
  MAX_DTLS_PAYLOAD,
  type MediaIo,
  Meta,
  PADDING,
  SrtpProfile,
  Target,
} from './io.js'
import { openSimulatedIo } from './simulated.js'
import { toDigest, writeAddress } from './simulated-address.js'
import { type NetworkOptions, SimulatedNetwork } from './simulated-network.js'
import { type ReceivedRtp, SimulatedPeer } from './simulated-peer.js'

const check = (fill: number) => new Uint8Array(20).fill(fill).fill(0, 0, 4)
const kindNames = Object.keys(Kind)
const counter = (io: MediaIo, name: (typeof ioCounterNames)[number]) => io.counters[ioCounterNames.indexOf(name)]!

/** An io with one transport, which takes the first STUN packet for a valid, nominating check, and notes all rows. */
class End {
  readonly rows: string[] = []
  readonly rtp: Uint8Array[] = []
  readonly io: MediaIo
  readonly id: number
  readonly port: number
  /** Sees each row of a batch first. */
  onRow: ((row: number) => void) | undefined

  constructor(network: SimulatedNetwork, ip: string, options: IoOptions = {}) {
    this.io = openSimulatedIo(network, options, (count) => {
      for (let row = 0; row < count; row++) this.#row(row)
    })
    this.port = this.io.listen(ip, 5000).port
    this.id = this.io.allocate()
  }

  #row(row: number): void {
    const { io } = this
    this.onRow?.(row)
    const [offset, length, kind, transport, extra] = io.meta.subarray(row * Meta.stride) as unknown as number[]
    const bytes = io.rx.subarray(offset!, offset! + length!)
    this.rows.push(
      `${kindNames[kind!]} ${transport === this.id ? 'ours' : transport} ${extra} ${toHex(bytes)}`.trimEnd(),
    )
    if (kind === Kind.stun) io.select(this.id, row)
    if (kind === Kind.rtp) this.rtp.push(bytes.slice())
  }

  sendCheck(ip: string, port: number, fill = 0xaa): void {
    const addr = new Uint8Array(Addr.stride)
    writeAddress(addr, 0, { socket: 0, ip, port })
    this.io.scratch.set(check(fill))
    this.io.sendTo(addr, 0, 20)
  }

  /** Sends one packet with that number by way of `fanout`. @returns whether it was queued */
  sendRtp(
    ssrc: number,
    extSeq: number,
    payload: string,
    more: Partial<Record<keyof typeof Target, number>> = {},
  ): boolean {
    const row = { transport: this.id, ssrc, markerPt: 0xe0, extSeq, timestamp: extSeq * 3000, ...more }
    this.io.targets.fill(0, 0, Target.stride)
    for (const [name, value] of Object.entries(row)) this.io.targets[Target[name as keyof typeof Target]] = value
    const source = hex(`00112233445566778899aabb ${payload}`)
    return this.io.fanout(source, 0, source.length, 12, 1) === 1
  }
}

interface Setup {
  network: SimulatedNetwork
  server: End
  client: End
}

function ends(options: Partial<NetworkOptions> = {}): Setup {
  const network = new SimulatedNetwork({ seed: 1, ...options })
  return { network, server: new End(network, '10.0.0.1'), client: new End(network, '10.0.0.2') }
}

function connect({ network, server, client }: Setup): void {
  server.io.start(server.id, 'server', toDigest(client.io.fingerprint))
  client.io.start(client.id, 'client', toDigest(server.io.fingerprint))
  const both = () => [server, client].every((end) => end.rows.some((row) => row.startsWith('connected')))
  for (let again = 0; again < 20; again++) {
    client.sendCheck('10.0.0.1', server.port)
    server.sendCheck('10.0.0.2', client.port)
    network.run({ untilMs: network.nowMs + 500 })
    if (both()) return
  }
  assert.fail('not connected')
}

test('two ios connect and exchange everything', () => {
  const setup = ends()
  const { network, server, client } = setup
  connect(setup)
  const stun = `stun -1 0 ${toHex(check(0xaa))}`
  const connected = `connected ours ${SrtpProfile.aeadAes128Gcm}`
  assert.deepEqual(server.rows, [stun, connected])
  assert.deepEqual(client.rows, [stun, connected])

  server.io.scratch.set(hex('bede0001 10970000 aabb'), 100)
  const more = { extOffset: 100, extLength: 8, prefixOffset: 108, prefixLength: 2, skip: 1 }
  assert.ok(server.sendRtp(0xdeadbeef, 7, 'ff010203', more))
  assert.ok(server.sendRtp(0xdeadbeef, 8, '0002', { markerPt: PADDING | 0x60 }))
  server.io.scratch.set(hex('80c90001 00000001'))
  assert.ok(server.io.rtcp(server.id, 0, 8))
  assert.ok(client.io.dtlsSend(client.id, hex('0102030405'), 1, 3))
  network.run({ untilMs: network.nowMs + 10 })
  assert.deepEqual(client.rows.slice(2), [
    //                     VPX M+PT seq  timestamp SSRC     0xBEDE   ext      prefix payload
    `rtp ours 0 ${toHex(hex('90 e0   0007 00005208  deadbeef bede0001 10970000 aabb  010203'))}`,
    `rtp ours 0 ${toHex(hex('a0 60   0008 00005dc0  deadbeef 0002'))}`,
    'rtcp ours 0 80c9000100000001',
  ])
  const packet = hex('ff138813880000000700000000 01020304 ff')
  assert.ok(client.io.sctpSend(client.id, packet, 1, 16))
  network.run({ untilMs: network.nowMs + 10 })
  assert.deepEqual(server.rows.slice(2), ['data ours 0 020304', `data ours 1 ${toHex(packet.subarray(1, 17))}`])
})

/** Everything at once over a bad network. @returns what both ends saw and what the network did */
function exchange(seed: number): { trace: string[]; server: string[]; client: string[] } {
  const trace: string[] = []
  const conditions = { loss: 0.1, delayMs: 30, jitterMs: 20, reorder: 0.05, duplicate: 0.02 }
  const setup = ends({ seed, conditions, trace: (entry) => trace.push(Object.values(entry).join(' ')) })
  const { network, server, client } = setup
  connect(setup)
  for (let i = 0; i < 300; i++) {
    network.schedule(network.nowMs + i * 10, () => {
      for (const end of [server, client]) {
        assert.ok(end.sendRtp(1, 65_400 + i, '0102'))
        end.io.scratch.set(hex('80c90001 00000001'))
        assert.ok(end.io.rtcp(end.id, 0, 8))
        assert.ok(end.io.dtlsSend(end.id, Uint8Array.of(i >> 8, i), 0, 2))
      }
    })
  }
  network.run({ untilMs: network.nowMs + 5000 })
  return { trace, server: server.rows, client: client.rows }
}

test('over 10 % loss, across the sequence wrap: nothing twice, little missing, the same run for the same seed', () => {
  const run = exchange(42)
  for (const rows of [run.server, run.client]) {
    for (const kind of ['rtp', 'rtcp', 'data']) {
      const seen = rows.filter((row) => row.startsWith(`${kind} `))
      assert.ok(seen.length > 240 && seen.length < 295, `${seen.length} of ${kind}`)
      if (kind !== 'rtcp') assert.equal(new Set(seen).size, seen.length, `${kind} twice`)
    }
  }
  assert.ok(run.client.some((row) => row.startsWith('rtp ours 0 80e00001')))
  assert.deepEqual(exchange(42), run)
  assert.notDeepEqual(exchange(43).trace, run.trace)
})

test('a certificate with another fingerprint closes both sides', () => {
  for (const wrong of ['server', 'client'] as const) {
    const { network, server, client } = ends()
    const of = (end: End, name: string) => toDigest(wrong === name ? network.newFingerprint() : end.io.fingerprint)
    server.io.start(server.id, 'server', of(client, 'client'))
    client.io.start(client.id, 'client', of(server, 'server'))
    client.sendCheck('10.0.0.1', server.port)
    server.sendCheck('10.0.0.2', client.port)
    network.run({ untilMs: 60_000 })
    const expected = (name: string) => `closed ours ${wrong === name ? CloseReason.handshake : CloseReason.fingerprint}`
    assert.deepEqual(server.rows.slice(1), [expected('server')])
    assert.deepEqual(client.rows.slice(1), [expected('client')])
    assert.equal(server.sendRtp(1, 1, '00'), false)
    assert.equal(counter(server.io, 'send_not_connected'), 1)
  }
})

test('close_notify arrives once, and nothing follows free', () => {
  const setup = ends()
  const { network, server, client } = setup
  connect(setup)
  client.io.free(client.id)
  client.io.free(client.id)
  assert.equal(counter(client.io, 'stale_id'), 1)
  assert.equal(server.sendRtp(1, 1, '00'), true)
  network.run({ untilMs: network.nowMs + 1000 })
  assert.deepEqual(server.rows.slice(2), [`closed ours ${CloseReason.alert}`])
  assert.equal(client.rows.length, 2)
  assert.equal(counter(client.io, 'drop_unknown_address'), 1)
  const again = client.io.allocate()
  assert.notEqual(again, client.id)
  assert.equal(client.io.rtcp(client.id, 0, 8), false)
})

test('the handshake times out when nobody answers, whichever side', () => {
  for (const role of ['client', 'server'] as const) {
    const network = new SimulatedNetwork({ seed: 1 })
    const end = new End(network, '10.0.0.1', { handshakeTimeoutMs: 3000 })
    const peer = new SimulatedPeer(network, { ip: '10.0.0.9' })
    end.io.start(end.id, role, peer.digest)
    peer.sendPlain({ ip: '10.0.0.1', port: 5000 }, check(1))
    network.run({ untilMs: 3000 })
    assert.equal(end.rows.length, 1)
    network.run({ untilMs: 3100 })
    assert.deepEqual(end.rows.slice(1), [`closed ours ${CloseReason.timeout}`])
  }
})

test('what comes too early or from elsewhere is dropped and counted', () => {
  const network = new SimulatedNetwork({ seed: 1 })
  const end = new End(network, '10.0.0.1')
  const at = { ip: '10.0.0.1', port: 5000 }
  const peer = new SimulatedPeer(network, { ip: '10.0.0.9' })
  const pass = () => network.run({ untilMs: network.nowMs + 10 })

  peer.start('client', end.io.fingerprint, at)
  pass()
  assert.equal(counter(end.io, 'drop_unknown_address'), 1)
  peer.sendPlain(at, check(1))
  pass()
  network.run({ untilMs: 1500 })
  assert.equal(counter(end.io, 'drop_dtls_not_started'), 1)
  peer.sendPlain(at, hex('80'))
  peer.sendPlain(at, hex('0001'))
  peer.sendPlain(at, new Uint8Array(1501))
  pass()
  assert.deepEqual(
    (['drop_unknown_class', 'drop_short', 'drop_oversize'] as const).map((name) => counter(end.io, name)),
    [1, 1, 1],
  )
  end.io.start(end.id, 'server', peer.digest)
  network.runUntil(() => peer.connected)

  // Another connection's packets from the right address do not open.
  const session = { wireBytes: 40, session: 12345, index: 1 }
  const rtp = hex('80e00001 00000000 00000001 00')
  network.send(peer.address, at, { kind: 'rtp', bytes: rtp, ...session })
  network.send(peer.address, at, { kind: 'rtcp', bytes: hex('80c90001 00000001'), ...session })
  network.send(peer.address, at, { kind: 'data', bytes: rtp, ...session })
  network.send(peer.address, at, { kind: 'alert', bytes: rtp, ...session })
  network.send({ ip: '10.6.6.6', port: 1 }, at, { kind: 'rtp', bytes: rtp, ...session })
  pass()
  assert.equal(counter(end.io, 'drop_srtp_auth'), 1)
  assert.equal(counter(end.io, 'drop_srtcp_auth'), 1)
  assert.equal(counter(end.io, 'drop_dtls_error'), 2)
  assert.equal(counter(end.io, 'drop_unknown_address'), 2)
  assert.deepEqual(end.rows.slice(1), [`connected ours ${SrtpProfile.aeadAes128Gcm}`])
})

test('packets beside the check that makes their address known are sorted again', () => {
  const network = new SimulatedNetwork({ seed: 1 })
  const end = new End(network, '10.0.0.1')
  const peer = new SimulatedPeer(network, { ip: '10.0.0.9' })
  end.io.start(end.id, 'server', peer.digest)
  peer.start('client', end.io.fingerprint, { ip: '10.0.0.1', port: 5000 })
  peer.sendPlain({ ip: '10.0.0.1', port: 5000 }, check(1))
  network.run({ untilMs: 100 })
  assert.equal(peer.connected, true)
  assert.equal(counter(end.io, 'drop_unknown_address'), 0)
})

/** An io and a connected peer. */
function withPeer(role: 'client' | 'server' = 'client', seed = 1) {
  const network = new SimulatedNetwork({ seed })
  const end = new End(network, '10.0.0.1')
  const rtp: ReceivedRtp[] = []
  const seen: string[] = []
  const peer = new SimulatedPeer(network, {
    ip: '10.0.0.9',
    events: {
      plain: (bytes, from) => seen.push(`plain ${from.port} ${toHex(bytes)}`),
      rtp: (packet) => rtp.push(packet),
      rtcp: (bytes) => seen.push(`rtcp ${toHex(bytes)}`),
      data: (bytes) => seen.push(`data ${toHex(bytes)}`),
      connected: (profile) => seen.push(`connected ${profile}`),
      closed: (reason) => seen.push(`closed ${reason}`),
    },
  })
  end.io.start(end.id, role === 'client' ? 'server' : 'client', peer.digest)
  const at = { ip: '10.0.0.1', port: 5000 }
  peer.sendPlain(at, check(1))
  peer.start(role, end.io.fingerprint, at)
  network.runUntil(() => peer.connected)
  network.run({ untilMs: network.nowMs + 10 })
  return { network, end, peer, rtp, seen, at }
}

test('a peer of either role sends and receives', () => {
  for (const role of ['client', 'server'] as const) {
    const { network, end, peer, rtp, seen } = withPeer(role)
    const answer = (row: number) => {
      end.io.scratch.set(check(2), 500)
      if (end.io.meta[row * Meta.stride + Meta.kind] === Kind.stun) end.io.reply(row, 500, 20)
    }
    end.onRow = answer
    peer.sendPlain({ ip: '10.0.0.1', port: 5000 }, check(1))
    peer.sendRtp(hex('80e0ffff 00000001 00000002 aa'))
    peer.sendRtp(hex('80e00000 00000001 00000002 bb'))
    peer.sendRtcp(hex('80c90001 00000002'))
    peer.sendData(hex('0506'))
    end.io.scratch.set(hex('bede0001 10970000'), 0)
    assert.ok(end.sendRtp(9, 65_535, '01'))
    assert.ok(end.sendRtp(9, 65_536, '02', { extOffset: 0, extLength: 8 }))
    assert.ok(end.io.dtlsSend(end.id, hex('0708'), 0, 2))
    network.run({ untilMs: network.nowMs + 10 })

    assert.deepEqual(seen, [`connected ${SrtpProfile.aeadAes128Gcm}`, 'data 0708', `plain 5000 ${toHex(check(2))}`])
    assert.deepEqual(end.rows.slice(2), [
      `stun ours 0 ${toHex(check(1))}`,
      'rtp ours 0 80e0ffff0000000100000002aa',
      'rtp ours 0 80e000000000000100000002bb',
      'rtcp ours 0 80c9000100000002',
      'data ours 0 0506',
    ])
    assert.deepEqual(
      rtp.map(({ extSeq, seq, pt, marker, ssrc, payload, extension }) =>
        [extSeq, seq, pt, marker, ssrc, toHex(payload), toHex(extension)].join(' '),
      ),
      ['65535 65535 96 true 9 01 ', '65536 0 96 true 9 02 bede000110970000'],
    )
    end.io.free(end.id)
    network.run({ untilMs: network.nowMs + 10 })
    assert.equal(seen.at(-1), `closed ${CloseReason.alert}`)
    assert.throws(() => peer.sendRtp(hex('80e0ffff 00000001 00000002')), /not connected/)
  }
})

test('SRTP: a stream has to begin with rollover 0, and replays do not open', () => {
  const { network, end, peer, rtp } = withPeer()
  const pass = () => network.run({ untilMs: network.nowMs + 10 })
  end.sendRtp(1, 0x3_0005, '01')
  pass()
  assert.deepEqual([rtp.length, peer.drops], [0, { srtp_auth: 1 }])
  end.sendRtp(2, 100, '01')
  end.sendRtp(2, 101, '02')
  end.sendRtp(2, 100, '01')
  end.sendRtp(2, 1200, '03')
  end.sendRtp(2, 102, '04')
  pass()
  assert.deepEqual(
    rtp.map(({ extSeq }) => extSeq),
    [100, 101, 1200],
  )
  assert.deepEqual(peer.drops, { srtp_auth: 1, srtp_replay: 2 })
})

test('two different packets under one index are a bug that shows', () => {
  const { end } = withPeer()
  assert.ok(end.sendRtp(2, 100, '01'))
  assert.ok(end.sendRtp(2, 100, '01'))
  assert.throws(() => end.sendRtp(2, 100, '02'), /two packets sealed/)
})

test('a peer that moves: its packets count only after a check, and media follows the selection', () => {
  const { network, end, peer, rtp, at } = withPeer()
  const pass = () => network.run({ untilMs: network.nowMs + 10 })
  peer.moveTo('10.7.7.7')
  peer.sendRtp(hex('80e00001 00000001 00000002'))
  end.sendRtp(2, 1, '01')
  pass()
  assert.equal(counter(end.io, 'drop_unknown_address'), 1)
  assert.equal(rtp.length, 0)
  peer.sendPlain(at, check(3))
  pass()
  peer.sendRtp(hex('80e00002 00000001 00000002'))
  end.sendRtp(2, 2, '02')
  pass()
  assert.equal(end.rtp.length, 1)
  assert.equal(rtp.length, 1)
})

test('an address keeps its connected transport, and no transport has more than 8', () => {
  const { network, end, peer, at } = withPeer()
  const other = end.io.allocate()
  const results: boolean[] = []
  end.onRow = (row) => results.push(end.io.allow(other, row))
  peer.sendPlain(at, check(3))
  network.run({ untilMs: network.nowMs + 10 })
  assert.deepEqual(results, [false])

  end.onRow = (row) => results.push(end.io.allow(end.id, row))
  const peers = Array.from({ length: 9 }, (_, i) => new SimulatedPeer(network, { ip: `10.1.0.${i}` }))
  const only = end.io.select
  end.io.select = () => false
  for (const each of peers) each.sendPlain(at, check(3))
  network.run({ untilMs: network.nowMs + 10 })
  for (const each of [peer, ...peers]) each.sendPlain(at, check(4))
  end.onRow = undefined
  end.rows.length = 0
  network.run({ untilMs: network.nowMs + 10 })
  end.io.select = only
  // The selected address and the last seven.
  assert.deepEqual(
    end.rows.map((row) => row.split(' ')[1]),
    ['ours', '-1', '-1', ...new Array(7).fill('ours')],
  )
})

test('mistakes of the caller throw', () => {
  const { end } = withPeer()
  const { io, id } = end
  const mistakes: [what: string, call: () => unknown][] = [
    ['a row outside the callback', () => io.allow(id, 0)],
    ['reply outside the callback', () => io.reply(0, 0, 20)],
    ['no id', () => io.free(-1)],
    ['half an id', () => io.free(id + 0.5)],
    ['a short digest', () => io.start(id, 'client', new Uint8Array(20))],
    ['scratch past its end', () => io.rtcp(id, io.scratch.length - 4, 8)],
    ['an empty record', () => io.dtlsSend(id, new Uint8Array(0), 0, 0)],
    ['half a header', () => io.sctpSend(id, new Uint8Array(20), 0, 11)],
    ['an SCTP packet past its end', () => io.sctpSend(id, new Uint8Array(20), 1, 20)],
    ['a long record', () => io.dtlsSend(id, new Uint8Array(2000), 0, MAX_DTLS_PAYLOAD + 1)],
    ['a header longer than the packet', () => io.fanout(new Uint8Array(20), 0, 12, 13, 0)],
    ['more skipped than there is', () => end.sendRtp(1, 1, '0102', { skip: 3 })],
    ['half a word of extension', () => end.sendRtp(1, 1, '0102', { extLength: 6 })],
    ['no IPv4 row', () => io.sendTo(new Uint8Array(Addr.stride), 0, 20)],
  ]
  for (const [what, call] of mistakes) assert.throws(call, RangeError, what)
  assert.throws(() => end.sendRtp(1, 1, '0102', { skip: 3 }), { row: 0 })
  assert.throws(() => io.listen('::1', 0), { code: 'EADDRNOTAVAIL' })
  assert.throws(() => io.listen('10.0.0.1', 5000), { code: 'EADDRINUSE' })
})

test('limits: transports, datagrams, and a large burst comes in several batches', async () => {
  const network = new SimulatedNetwork({ seed: 1 })
  const batches: number[] = []
  const io = openSimulatedIo(network, { maxTransports: 2 }, (count) => batches.push(count))
  const { port } = io.listen('10.0.0.1', 0)
  assert.deepEqual([io.allocate() >= 0, io.allocate() >= 0, io.allocate()], [true, true, -1])
  const peer = new SimulatedPeer(network, { ip: '10.0.0.9' })
  for (let i = 0; i < 300; i++) peer.sendPlain({ ip: '10.0.0.1', port }, check(i))
  network.run({ untilMs: 10 })
  assert.deepEqual(batches, [128, 128, 44])

  const { end } = withPeer()
  assert.equal(end.sendRtp(1, 1, '00'.repeat(1473)), false)
  assert.equal(counter(end.io, 'send_oversize'), 1)
  assert.equal(end.sendRtp(1, 1, '00'.repeat(1472)), true)

  await io.close()
  await io.close()
  peer.sendPlain({ ip: '10.0.0.1', port }, check(1))
  network.run({ untilMs: 100 })
  assert.equal(batches.length, 3)
})
