import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openNativeIo } from './binding.js'
import { CloseReason, ioCounterNames, Kind, MAX_DTLS_PAYLOAD, PADDING, SCRATCH_BYTES, SrtpProfile } from './io.js'
import { writeSctpChecksum } from './reference/crc32c.js'
import type { Stage, Way } from './testing/leave-at-stage.js'
import { LoopbackCall, LoopbackPeer, sendAndSettle, stunLike, target, udpSocket, withCall } from './testing/loopback.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const REPORT = hex('80c90001 deadbeef')

/** Sends `count` packets one sequence number apart and waits for the last. */
async function sendRtp(call: LoopbackCall, firstExtSeq: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) target(call, i, { extSeq: firstExtSeq + i })
  const before = call.server.count(Kind.rtp)
  const all = call.server.next(({ kind }) => kind === Kind.rtp && call.server.count(Kind.rtp) === before + count)
  assert.equal(call.client.io.fanout(Buffer.alloc(40, 7), 0, 40, 12, count), count)
  call.client.io.flush()
  await all
}

const { none, ...protecting } = SrtpProfile

for (const [name, profile] of Object.entries(protecting)) {
  test(`two ios connect and carry RTP, RTCP and data under ${name}`, async () => {
    await withCall(
      async (call) => {
        await call.connect()
        assert.equal(call.server.rows.find(({ kind }) => kind === Kind.connected)?.extra, profile)

        const { io } = call.client
        io.scratch.set(hex('bede0001 10550000 aabb'), 100)
        target(call, 0, { markerPt: 0x80 | 111, extSeq: 0xffff, timestamp: 1000, extOffset: 100, extLength: 8 })
        target(call, 1, { extSeq: 0x10000, timestamp: 2000, prefixOffset: 108, prefixLength: 2, skip: 3 })
        target(call, 2, { markerPt: PADDING | 97, extSeq: 0x10001, timestamp: 2000 })
        const rtp = call.server.next(({ kind, bytes }) => kind === Kind.rtp && bytes.readUInt16BE(2) === 1)
        const source = hex('ffff 900000000000000000000000 bede0000 0102030405')
        assert.equal(io.fanout(source, 2, 21, 16, 3), 3)
        io.flush()
        await rtp
        assert.deepEqual(
          call.server.rows.filter(({ kind }) => kind === Kind.rtp).map(({ bytes }) => bytes),
          [
            hex('90efffff000003e80000abcd bede000110550000 0102030405'),
            hex('80600000000007d00000abcd aabb 0405'),
            hex('a0610001000007d00000abcd 0102030405'),
          ],
        )

        const rtcp = call.server.nextOf(Kind.rtcp)
        io.scratch.set(REPORT, 200)
        assert.equal(io.rtcp(call.clientId, 200, 8), true)
        io.flush()
        assert.deepEqual((await rtcp).bytes, REPORT)

        for (const [from, id, to] of [
          [call.client, call.clientId, call.server],
          [call.server, call.serverId, call.client],
        ] as const) {
          const data = to.nextOf(Kind.data)
          const bytes = Buffer.alloc(MAX_DTLS_PAYLOAD + 2, 9)
          assert.equal(from.io.dtlsSend(id, bytes, 2, MAX_DTLS_PAYLOAD), true)
          from.io.flush()
          assert.deepEqual((await data).bytes, bytes.subarray(2))
        }
      },
      { srtpProfiles: [profile] },
    )
  })
}

test('a peer that wants no SRTP gets data, and no RTP', async () => {
  await withCall(
    async (call) => {
      await call.connect()
      assert.equal(call.server.rows.find(({ kind }) => kind === Kind.connected)?.extra, none)
      const data = call.server.nextOf(Kind.data)
      assert.equal(call.client.io.dtlsSend(call.clientId, REPORT, 0, 8), true)
      call.client.io.flush()
      assert.deepEqual((await data).bytes, REPORT)
      target(call, 0, { extSeq: 1 })
      assert.equal(call.client.io.fanout(Buffer.alloc(40), 0, 40, 12, 1), 0)
      call.client.io.scratch.set(REPORT, 200)
      assert.equal(call.client.io.rtcp(call.clientId, 200, 8), false)
      assert.equal(call.client.counter('send_not_connected'), 2)
    },
    { srtpProfiles: [] },
  )
})

test('the checksum of an SCTP packet is put in where it is sealed, and looked at where it is opened', async () => {
  await withCall(async (call) => {
    await call.connect()
    const came = async (send: () => boolean) => {
      const data = call.server.nextOf(Kind.data)
      assert.equal(send(), true)
      call.client.io.flush()
      return await data
    }
    for (const length of [12, 13, 200, MAX_DTLS_PAYLOAD]) {
      const packet = Uint8Array.from({ length: length + 2 }, (_, i) => i * 31)
      const expected = packet.slice(1, 1 + length)
      writeSctpChecksum(expected, 0, length)
      const right = await came(() => call.client.io.sctpSend(call.clientId, packet, 1, length))
      assert.deepEqual(right.bytes, Buffer.from(expected))
      assert.equal(right.extra, 1)
      assert.equal(packet[0], 0)
      assert.equal(packet[length + 1], ((length + 1) * 31) & 0xff)
      expected[length - 1]! ^= 1
      const wrong = await came(() => call.client.io.dtlsSend(call.clientId, expected, 0, length))
      assert.equal(wrong.extra, 0)
    }
    assert.equal((await came(() => call.client.io.dtlsSend(call.clientId, REPORT, 0, 8))).extra, 0, 'no packet at all')
  })
})

test('an io that frees its transport says goodbye, and the other side reports it once', async () => {
  await withCall(async (call) => {
    await call.connect()
    const closed = call.server.nextOf(Kind.closed)
    call.client.io.free(call.clientId)
    assert.equal((await closed).extra, CloseReason.alert)
    await sendAndSettle(call.relay, call.server, [call.passed.at(-1)!.bytes])
    assert.equal(call.server.count(Kind.closed), 1)
    assert.equal(call.server.io.dtlsSend(call.serverId, REPORT, 0, 8), false)
    assert.equal(call.server.counter('send_not_connected'), 1)
  })
})

test('a lost flight is sent again', async () => {
  await withCall(async (call) => {
    let lost = 0
    call.pass = () => ++lost > 3
    await call.connect()
    assert.ok(lost > 3)
  })
})

test('a handshake that nobody answers ends with a timeout', async () => {
  await withCall(
    async (call) => {
      call.pass = () => false
      await call.select()
      const closed = call.client.nextOf(Kind.closed)
      call.start()
      assert.equal((await closed).extra, CloseReason.timeout)
    },
    { handshakeTimeoutMs: 100 },
  )
})

for (const wrong of ['ofClient', 'ofServer'] as const) {
  test(`H-02 a fingerprint that does not match (${wrong}) closes before any key`, async () => {
    await withCall(async (call) => {
      await call.select()
      const checker = wrong === 'ofClient' ? call.server : call.client
      const other = wrong === 'ofClient' ? call.client : call.server
      const closed = Promise.all([checker.nextOf(Kind.closed), other.nextOf(Kind.closed)])
      call.start({ [wrong]: Array(32).fill('AB').join(':') })
      assert.equal((await closed)[0].extra, CloseReason.fingerprint)
      assert.equal(checker.count(Kind.connected) + other.count(Kind.connected), 0)
      assert.equal(call.client.io.dtlsSend(call.clientId, REPORT, 0, 8), false)
    })
  })
}

/** A ClientHello as an attacker would send it: that of another client. */
async function strangersHello(): Promise<Buffer> {
  const other = await LoopbackCall.open()
  let caught = (_: Buffer) => {}
  const hello = new Promise<Buffer>((resolve) => {
    caught = resolve
  })
  other.pass = ({ bytes }) => {
    caught(bytes)
    return false
  }
  await other.select()
  other.start()
  const bytes = await hello
  await other.close()
  return bytes
}

test('H-01 H-15 a ClientHello from an address without ICE gets no answer and disturbs nobody', async () => {
  const hello = await strangersHello()
  const stranger = await udpSocket()
  let answers = 0
  stranger.socket.on('message', () => answers++)
  await withCall(async (call) => {
    const flood = Array<Buffer>(300).fill(hello)
    await sendAndSettle(stranger.socket, call.server, flood)
    await call.select()
    const connected = [call.client.nextOf(Kind.connected), call.server.nextOf(Kind.connected)]
    call.pass = () => {
      // During the client's own handshake, too.
      for (let i = 0; i < 20; i++) stranger.socket.send(hello, call.server.port, '127.0.0.1')
      return true
    }
    call.start()
    await Promise.all(connected)
    call.pass = () => true
    await sendAndSettle(stranger.socket, call.server, flood)
    assert.ok(call.server.counter('drop_unknown_address') >= 600)
    assert.equal(answers, 0)
  })
  stranger.socket.close()
})

test('H-05 H-06 packets from elsewhere are dropped or change no destination', async () => {
  const stranger = await udpSocket()
  let received = 0
  stranger.socket.on('message', () => received++)
  await withCall(async (call) => {
    await call.connect()
    call.pass = ({ fromClient }) => !fromClient
    for (let i = 0; i < 3; i++) target(call, i, { extSeq: 10 + i })
    const kept: Buffer[] = []
    const all = new Promise<void>((resolve) => {
      call.pass = ({ fromClient, bytes }) => {
        if (fromClient && kept.push(bytes) === 3) resolve()
        return !fromClient
      }
    })
    call.client.io.fanout(Buffer.alloc(40), 0, 40, 12, 3)
    call.client.io.flush()
    await all
    // Genuine packets, from an address that no check came from.
    await sendAndSettle(stranger.socket, call.server, kept)
    assert.equal(call.server.count(Kind.rtp), 0)
    assert.equal(call.server.counter('drop_unknown_address'), 3)
    // From an address that is allowed but not selected they are taken; replies still go to the selected one.
    call.server.onRow = ({ row, kind }) => {
      if (kind === Kind.stun) assert.equal(call.server.io.allow(call.serverId, row), true)
    }
    await sendAndSettle(stranger.socket, call.server, [stunLike()])
    call.server.onRow = () => {}
    await sendAndSettle(stranger.socket, call.server, kept)
    assert.equal(call.server.count(Kind.rtp), 3)
    const data = call.client.nextOf(Kind.data)
    call.server.io.dtlsSend(call.serverId, REPORT, 0, 8)
    call.server.io.flush()
    await data
    assert.equal(received, 0)
  })
  stranger.socket.close()
})

test('H-07 H-09 H-10 flipped bits, prefixes and short packets of every class are dropped and the call lives', async () => {
  await withCall(async (call) => {
    await call.connect()
    await sendRtp(call, 1, 2)
    const kept: Buffer[] = []
    call.pass = ({ bytes }) => kept.push(bytes) < 0
    call.client.io.fanout(Buffer.alloc(40), 0, 40, 12, 1)
    call.client.io.scratch.set(REPORT, 0)
    call.client.io.rtcp(call.clientId, 0, 8)
    call.client.io.dtlsSend(call.clientId, REPORT, 0, 8)
    call.client.io.flush()
    await sendAndSettle(call.relay, call.client, [])
    while (kept.length < 3) await once(call.relay, 'message')
    const bad: Buffer[] = []
    for (const packet of kept) {
      for (let at = 1; at < packet.length; at++) {
        const flipped = Buffer.from(packet)
        flipped[at]! ^= 1 << (at % 8)
        bad.push(flipped, packet.subarray(0, at))
      }
    }
    for (const first of [0, 3, 20, 22, 23, 63, 64, 127, 128, 143, 144, 191, 192, 255]) {
      for (let length = 0; length <= 64; length++) bad.push(Buffer.alloc(length, first))
    }
    const rows = call.server.rows.length
    await sendAndSettle(call.relay, call.server, bad)
    const taken = call.server.rows.slice(rows).filter(({ kind }) => kind !== Kind.stun)
    assert.deepEqual(taken, [])
    for (const reason of ['drop_srtp_auth', 'drop_srtcp_auth', 'drop_short', 'drop_unknown_class'] as const) {
      assert.ok(call.server.counter(reason) > 0, reason)
    }
    call.pass = () => true
    await sendRtp(call, 3, 1)
  })
})

test('H-08 a thousand packets sent again, in order and shuffled, are dropped', async () => {
  await withCall(async (call) => {
    await call.connect()
    const start = call.passed.length
    for (let i = 0; i < 400; i += 100) await sendRtp(call, 65_300 + i, 100)
    call.client.io.scratch.set(REPORT, 0)
    for (let i = 0; i < 300; i++) {
      call.client.io.rtcp(call.clientId, 0, 8)
      call.client.io.dtlsSend(call.clientId, REPORT, 0, 8)
      if (i % 50 === 49) {
        const last = call.server.next(({ kind }) => kind === Kind.data && call.server.count(Kind.data) === i + 1)
        call.client.io.flush()
        await last
      }
    }
    const packets = call.passed.slice(start).map(({ bytes }) => bytes)
    assert.equal(packets.length, 1000)
    const counts = () => [Kind.rtp, Kind.rtcp, Kind.data].map((kind) => call.server.count(kind))
    assert.deepEqual(counts(), [400, 300, 300])
    await sendAndSettle(call.relay, call.server, packets)
    // A fixed permutation: 7 and 1,000 have no common divisor.
    await sendAndSettle(
      call.relay,
      call.server,
      packets.map((_, i) => packets[(i * 7) % 1000]!),
    )
    assert.deepEqual(counts(), [400, 300, 300])
    assert.equal(call.server.counter('drop_srtp_replay'), 800)
    assert.equal(call.server.counter('drop_srtcp_replay'), 600)
    assert.equal(call.server.counter('drop_dtls_error'), 600)
  })
})

test('H-14 oversize datagrams are dropped whole', async () => {
  await withCall(async (call) => {
    await call.connect()
    const rows = call.server.rows.length
    const sizes = [1501, 1502, 9000, 65_507]
    await sendAndSettle(
      call.relay,
      call.server,
      sizes.map((size) => Buffer.alloc(size, 0x80)),
    )
    assert.equal(call.server.counter('drop_oversize'), sizes.length)
    assert.deepEqual(
      call.server.rows.slice(rows).map(({ kind }) => kind),
      [Kind.stun],
    )
  })
})

test('ids, offsets and rows that are wrong throw; ids that were freed are counted', async () => {
  await withCall(async (call) => {
    await call.connect()
    const { io } = call.client
    const bytes = Buffer.alloc(2000)
    for (const mistake of [
      () => io.allow(call.clientId, 0),
      () => io.reply(0, 0, 20),
      () => io.free(-1),
      () => io.free(1.5),
      () => io.rtcp(Number.NaN, 0, 8),
      () => io.rtcp(call.clientId, SCRATCH_BYTES - 7, 8),
      () => io.rtcp(call.clientId, 0, 7),
      () => io.start(call.clientId, 'server', bytes.subarray(0, 20)),
      () => io.dtlsSend(call.clientId, bytes, 0, MAX_DTLS_PAYLOAD + 1),
      () => io.dtlsSend(call.clientId, bytes, 1999, 2),
      () => io.sctpSend(call.clientId, bytes, 0, MAX_DTLS_PAYLOAD + 1),
      () => io.sctpSend(call.clientId, bytes, 0, 11),
      () => io.sctpSend(call.clientId, bytes, 1990, 12),
      () => io.fanout(bytes, 0, 2001, 12, 1),
      () => io.fanout(bytes, 0, 20, 21, 1),
      () => io.fanout(bytes, 0, 20, 12, 4097),
      () => io.sendTo(bytes.subarray(0, 24), 0, 20),
      () => io.sendTo(bytes.subarray(0, 23), 0, 20),
    ]) {
      assert.throws(mistake, RangeError, String(mistake))
    }
    for (let row = 0; row < 3; row++) target(call, row, { extSeq: row, skip: row === 1 ? 29 : 0 })
    const sent = call.client.counter('tx_packets')
    assert.throws(() => io.fanout(bytes, 0, 40, 12, 3), { name: 'RangeError', row: 1, message: /^target row 1: / })
    io.flush()
    assert.equal(call.client.counter('tx_packets') - sent, 1, 'the row before it')
    assert.throws(() => io.dtlsSend(call.clientId, new Uint16Array(9) as unknown as Uint8Array, 0, 1), TypeError)
    assert.throws(() => io.free.call({} as never, 1), TypeError)
    // Made for its io, so it needs no `this`.
    const { fanout } = io
    assert.equal(fanout(io.rx, 0, 0, 0, 0), 0)
    assert.throws(() => (fanout as (rx: Uint8Array) => number)(io.rx), TypeError)
    io.free(call.clientId)
    io.free(call.clientId)
    target(call, 0, {})
    assert.equal(io.fanout(bytes, 0, 40, 12, 1), 0)
    assert.equal(io.rtcp(call.clientId, 0, 8), false)
    assert.equal(call.client.counter('stale_id'), 3)
    assert.notEqual(io.allocate(), call.clientId)
  })
})

test('a datagram too large to send is counted, not sent', async () => {
  await withCall(async (call) => {
    await call.connect()
    target(call, 0, {})
    assert.equal(call.client.io.fanout(Buffer.alloc(2000), 0, 2000, 12, 1), 0)
    assert.equal(call.client.counter('send_oversize'), 1)
  })
})

test('listening: a port that is taken, an address that is not one, both families, a closed io', async () => {
  const peer = new LoopbackPeer()
  assert.throws(() => peer.io.listen('127.0.0.1', peer.port), { code: 'EADDRINUSE', message: /127\.0\.0\.1 port \d+/ })
  assert.throws(() => peer.io.listen('localhost', 0), { code: 'EINVAL' })
  assert.throws(() => peer.io.listen('192.0.2.1', 0), { code: 'EADDRNOTAVAIL' })
  assert.throws(() => peer.io.listen('127.0.0.1', 65_536), RangeError)
  assert.deepEqual(peer.io.listen('127.0.0.1', 0).socket, 1)
  await peer.io.close()
  await peer.io.close()
  assert.throws(() => peer.io.listen('127.0.0.1', 0), { code: 'ERR_CLOSED' })
  assert.equal(peer.io.allocate(), -1)
})

test('options out of range, and a row of counters for each name', async () => {
  const nothing = () => {}
  for (const options of [
    { maxTransports: 0 },
    { maxTransports: 65_537 },
    { srtpProfiles: [1, 1] },
    { srtpProfiles: [2] },
  ]) {
    assert.throws(() => openNativeIo(options, nothing), RangeError)
  }
  const io = openNativeIo({ maxTransports: 2 }, nothing)
  assert.equal(io.counters.length, ioCounterNames.length)
  assert.match(io.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  const ids = [io.allocate(), io.allocate(), io.allocate()]
  assert.deepEqual(
    ids.map((id) => id > 0),
    [true, true, false],
  )
  await io.close()
})

test('a callback may free its transports and close its io', async () => {
  await withCall(async (call) => {
    await call.connect()
    let closing: Promise<void> | undefined
    const closed = new Promise<void>((resolve) => {
      call.server.onRow = ({ kind }) => {
        if (kind !== Kind.data || closing) return
        call.server.io.free(call.serverId)
        closing = call.server.io.close()
        resolve()
      }
    })
    for (let i = 0; i < 50; i++) call.client.io.dtlsSend(call.clientId, REPORT, 0, 8)
    call.client.io.flush()
    await closed
    await closing
  })
})

const program = fileURLToPath(new URL('./testing/leave-at-stage.js', import.meta.url))

for (const stage of ['load', 'open', 'handshake', 'connected', 'closing'] satisfies Stage[]) {
  for (const way of ['close', 'exit', 'terminate'] satisfies Way[]) {
    test(`a process ends cleanly: ${way} at ${stage}`, async () => {
      const child = spawn(process.execPath, [program, stage, way], { stdio: ['ignore', 'inherit', 'inherit'] })
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      const [code, signal] = await once(child, 'exit')
      clearTimeout(timer)
      assert.deepEqual([code, signal], [0, null])
    })
  }
}
