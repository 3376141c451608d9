import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CONNECT_TIMEOUT_MS,
  CONSENT_MAX_MS,
  CONSENT_TIMEOUT_MS,
  IceLite,
  IceReason,
  type IceVerdict,
  iceReasonNames,
  newIceVerdict,
  SILENCE_MS,
} from './ice.js'
import { readStun, StunAttribute, StunClass, StunView, verifyIntegrity } from './stun.js'
import {
  addressRow,
  type BindingRequest,
  buildBindingRequest,
  findAttribute,
  readMappedAddress,
} from './testing/stun-client.js'

const local = { ufrag: 'srv1', pwd: 'local-password-of-22-chars' }
const remote = { ufrag: 'peer', pwd: 'remote-password-of-22-chars' }
const home = addressRow([192, 0, 2, 7], 50_000)
const other = addressRow([198, 51, 100, 9], 50_000)
const valid: BindingRequest = { username: 'srv1:peer', pwd: local.pwd }

class Bench {
  readonly agent = new IceLite(local)
  readonly verdict = newIceVerdict()
  readonly out = new Uint8Array(256)
  nowMs = 1_000

  check(message: BindingRequest | Uint8Array, from: Uint8Array = home): IceVerdict {
    const bytes = message instanceof Uint8Array ? message : buildBindingRequest(message)
    this.agent.handle(this.nowMs, bytes, 0, bytes.length, from, 0, this.out, 3, this.verdict)
    return this.verdict
  }

  get response(): Uint8Array {
    return this.out.slice(3, 3 + this.verdict.responseLength)
  }
}

function connected(): Bench {
  const bench = new Bench()
  bench.agent.setRemote(bench.nowMs, remote)
  assert.ok(bench.check(valid).select)
  return bench
}

test('the first valid check is answered, allowed and selected', () => {
  const bench = new Bench()
  bench.agent.setRemote(0, remote)
  const { allow, select, reason } = bench.check(valid)
  assert.deepEqual([allow, select, reason], [true, true, IceReason.accepted])
  const view = new StunView()
  assert.ok(readStun(bench.response, 0, bench.response.length, view))
  assert.equal(view.class, StunClass.success)
  assert.ok(verifyIntegrity(bench.response, 0, view, local.pwd))
  assert.deepEqual(readMappedAddress(bench.response), { ip: [192, 0, 2, 7], port: 50_000 })
  assert.equal(bench.agent.state, 'connected')
})

test('a check from an IPv6 address', () => {
  const bench = new Bench()
  const ip = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  bench.agent.setRemote(0, remote)
  assert.ok(bench.check(valid, addressRow(ip, 4711)).select)
  assert.deepEqual(readMappedAddress(bench.response), { ip, port: 4711 })
  assert.ok(bench.agent.isSelected(addressRow(ip, 4711), 0))
  assert.ok(!bench.agent.isSelected(addressRow([...ip.slice(0, 15), 2], 4711), 0))
  assert.ok(!bench.agent.isSelected(addressRow(ip.slice(0, 4), 4711), 0))
})

test('what is not believed is not answered and moves nothing', () => {
  const rows: [string, BindingRequest, number][] = [
    ['wrong password', { ...valid, pwd: 'wrong' }, IceReason.integrity],
    ["the peer's own password", { ...valid, pwd: remote.pwd }, IceReason.integrity],
    ['no integrity', { ...valid, pwd: undefined }, IceReason.integrity],
    ['no username', { ...valid, username: undefined }, IceReason.username],
    ['wrong local ufrag', { ...valid, username: 'srv2:peer' }, IceReason.username],
    ['wrong remote ufrag', { ...valid, username: 'srv1:other' }, IceReason.username],
    ['remote ufrag cut', { ...valid, username: 'srv1:pee' }, IceReason.username],
    ['remote ufrag longer', { ...valid, username: 'srv1:peers' }, IceReason.username],
    ['halves swapped', { ...valid, username: 'peer:srv1' }, IceReason.username],
    ['no colon', { ...valid, username: 'srv1peer' }, IceReason.username],
    ['only the local half', { ...valid, username: 'srv1' }, IceReason.username],
    ['no fingerprint', { ...valid, fingerprint: false }, IceReason.fingerprint],
    ['indication', { ...valid, stunClass: StunClass.indication }, IceReason.notARequest],
    ['success response', { ...valid, stunClass: StunClass.success }, IceReason.notARequest],
    ['error response', { ...valid, stunClass: StunClass.error }, IceReason.notARequest],
    ['another method', { ...valid, method: 3 }, IceReason.notARequest],
    ['unauthenticated, unknown attribute', { extra: [{ attribute: 3, value: new Uint8Array(0) }] }, IceReason.username],
  ]
  for (const [name, request, reason] of rows) {
    const bench = connected()
    const deadlineMs = bench.agent.deadlineMs
    bench.nowMs += 5_000
    const verdict = bench.check({ useCandidate: true, ...request }, other)
    assert.equal(iceReasonNames[verdict.reason], iceReasonNames[reason], name)
    assert.deepEqual([verdict.responseLength, verdict.allow, verdict.select], [0, false, false], name)
    assert.ok(bench.agent.isSelected(home, 0), name)
    assert.equal(bench.agent.deadlineMs, deadlineMs, `${name} is no consent`)
  }
})

test('authenticated but wrong requests get an error response and are no consent', () => {
  const rows: [string, BindingRequest, number, number][] = [
    ['role conflict', { ...valid, controlled: 5n }, 487, IceReason.roleConflict],
    [
      'unknown attribute',
      { ...valid, extra: [{ attribute: 0x7abc, value: new Uint8Array(3) }] },
      420,
      IceReason.unknownAttribute,
    ],
    [
      'PRIORITY of 2 bytes',
      { ...valid, extra: [{ attribute: StunAttribute.priority, value: new Uint8Array(2) }] },
      400,
      IceReason.badAttribute,
    ],
  ]
  for (const [name, request, code, reason] of rows) {
    const bench = connected()
    const deadlineMs = bench.agent.deadlineMs
    bench.nowMs += 5_000
    const verdict = bench.check({ useCandidate: true, ...request }, other)
    assert.deepEqual([verdict.reason, verdict.allow, verdict.select], [reason, false, false], name)
    const value = findAttribute(bench.response, StunAttribute.errorCode)!
    assert.equal(value[2]! * 100 + value[3]!, code, name)
    const view = new StunView()
    assert.ok(readStun(bench.response, 0, bench.response.length, view))
    assert.ok(verifyIntegrity(bench.response, 0, view, local.pwd), name)
    assert.equal(bench.agent.deadlineMs, deadlineMs, name)
  }
})

test('a peer that sends no PRIORITY or role is accepted', () => {
  assert.ok(connected().check({ ...valid, priority: null, controlling: null }).allow)
})

test('every prefix and every flipped bit of a valid check is ignored in silence', () => {
  const request = buildBindingRequest({ ...valid, useCandidate: true })
  const bench = connected()
  for (let length = 0; length < request.length; length++) {
    const verdict = bench.check(request.slice(0, length), other)
    assert.deepEqual([verdict.responseLength, verdict.allow], [0, false], `prefix of ${length}`)
  }
  for (let bit = 0; bit < request.length * 8; bit++) {
    const flipped = request.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const verdict = bench.check(flipped, other)
    assert.deepEqual([verdict.responseLength, verdict.allow, verdict.select], [0, false, false], `bit ${bit}`)
  }
  for (let length = 0; length <= 64; length++)
    assert.equal(bench.check(new Uint8Array(length), other).responseLength, 0)
  assert.ok(bench.agent.isSelected(home, 0))
})

test('only USE-CANDIDATE from another address moves the selection', () => {
  const bench = connected()
  assert.deepEqual([bench.check(valid, other).allow, bench.check(valid, other).select], [true, false])
  assert.equal(bench.check({ ...valid, useCandidate: true }).select, false, 'the selected one again')
  assert.equal(bench.check({ ...valid, useCandidate: true }, other).select, true)
  assert.ok(bench.agent.isSelected(other, 0))
  assert.equal(bench.check({ ...valid, useCandidate: true }, other).select, false)
  const differences = [addressRow([192, 0, 2, 7], 50_001), addressRow([192, 0, 2, 7], 50_000, 1), home]
  for (const row of differences) assert.equal(bench.check({ ...valid, useCandidate: true }, row).select, true)
})

test('a captured check that comes from elsewhere moves nothing and gets no answer', () => {
  for (const useCandidate of [true, false]) {
    const bench = connected()
    const captured = buildBindingRequest({ ...valid, useCandidate })
    assert.equal(bench.check(captured).reason, IceReason.accepted)
    const { allow, select, reason, responseLength } = bench.check(captured, other)
    assert.deepEqual([allow, select, reason, responseLength], [false, false, IceReason.replayed, 0])
  }
})

test('a check that comes again is answered, but only a new one is consent', () => {
  for (const useCandidate of [true, false]) {
    const bench = connected()
    const captured = buildBindingRequest({ ...valid, useCandidate })
    bench.check(captured)
    const deadlineMs = bench.agent.deadlineMs
    bench.nowMs += CONSENT_TIMEOUT_MS - 1
    bench.check(captured, other)
    const { allow, reason, responseLength } = bench.check(captured)
    assert.deepEqual([allow, reason, responseLength > 0], [true, IceReason.accepted, true])
    assert.equal(bench.agent.deadlineMs, deadlineMs)
    assert.deepEqual([bench.agent.expire(bench.nowMs), bench.agent.isSilent], [false, true])
    bench.check(captured)
    assert.ok(bench.agent.isSilent)
    assert.equal(bench.agent.expire(bench.nowMs + 1), true)
  }
})

test('a nomination that comes again does not move the selection back', () => {
  const bench = connected()
  const captured = buildBindingRequest({ ...valid, useCandidate: true })
  bench.check(captured, home)
  assert.ok(bench.check({ ...valid, useCandidate: true }, other).select)
  const { select, reason } = bench.check(captured, home)
  assert.deepEqual([select, reason], [false, IceReason.accepted])
  assert.ok(bench.agent.isSelected(other, 0))
  bench.agent.unselect()
  assert.ok(bench.check(captured, home).select, 'where the io refused the other one, it may be repeated')
})

test('the peer may go to another address and come back, by other checks', () => {
  const bench = connected()
  const nominate = (from: Uint8Array) => bench.check({ ...valid, useCandidate: true }, from).select
  assert.deepEqual([other, home, other].map(nominate), [true, true, true])
  // Hundreds of checks later the first ones are still known.
  const captured = buildBindingRequest({ ...valid, useCandidate: true })
  bench.check(captured, home)
  for (let i = 0; i < 500; i++) nominate(home)
  assert.equal(bench.check(captured, other).reason, IceReason.replayed)
})

test('the first check may come before the description of the peer', () => {
  const bench = new Bench()
  assert.equal(bench.agent.deadlineMs, Number.POSITIVE_INFINITY)
  assert.ok(bench.check(valid).select)
  bench.agent.setRemote(bench.nowMs, remote)
  assert.equal(bench.agent.state, 'connected')
  assert.ok(bench.check(valid).allow)
  assert.equal(bench.check({ ...valid, username: 'srv1:else' }).allow, false, 'from now on the whole USERNAME counts')
})

test('consent is lost 20 s after the last valid check, and the peer is silent 5 s before', () => {
  const bench = connected()
  bench.nowMs += 10_000
  bench.check(valid)
  const deadlineMs = bench.nowMs + CONSENT_TIMEOUT_MS
  assert.equal(bench.agent.deadlineMs, bench.nowMs + SILENCE_MS)
  assert.deepEqual([bench.agent.expire(bench.nowMs + SILENCE_MS - 1), bench.agent.isSilent], [false, false])
  assert.deepEqual([bench.agent.expire(bench.nowMs + SILENCE_MS), bench.agent.isSilent], [false, true])
  assert.equal(bench.agent.deadlineMs, deadlineMs)
  assert.equal(bench.agent.expire(deadlineMs - 1), false)
  assert.equal(bench.agent.expire(deadlineMs), true)
  assert.equal(bench.agent.state, 'failed')
  assert.equal(bench.agent.expire(deadlineMs + 1), false, 'told once')
  assert.equal(bench.agent.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual([bench.check(valid).allow, bench.verdict.reason], [false, IceReason.ended])
})

test('a peer that never connects fails 20 s after its description', () => {
  const bench = new Bench()
  assert.equal(bench.agent.expire(1e9), false, 'no description, no limit')
  bench.agent.setRemote(5_000, remote)
  bench.agent.setRemote(9_000, remote)
  assert.equal(bench.agent.deadlineMs, 5_000 + CONNECT_TIMEOUT_MS, 'the same description again is no news')
  assert.equal(bench.agent.expire(5_000 + CONNECT_TIMEOUT_MS), true)
})

const newLocal = { ufrag: 'srv2', pwd: 'second-local-password-22ch' }
const newRemote = { ufrag: 'peer2', pwd: 'second-remote-password' }
const oldCheck = valid
const newCheck = { username: 'srv2:peer2', pwd: newLocal.pwd }

test('ICE restart: old credentials are good until a check with the new ones passes', () => {
  const orders: [string, (agent: IceLite) => void][] = [
    [
      'restart, then connect',
      (agent) => {
        agent.restart(2_000, newLocal)
        agent.setRemote(2_000, newRemote)
      },
    ],
    [
      'connect, then restart',
      (agent) => {
        agent.setRemote(2_000, newRemote)
        agent.restart(2_000, newLocal)
      },
    ],
  ]
  for (const [name, restart] of orders) {
    const bench = connected()
    restart(bench.agent)
    assert.ok(bench.check(oldCheck).allow, name)
    assert.equal(bench.check({ ...newCheck, pwd: local.pwd }).allow, false, 'new ufrag with the old password')
    assert.ok(bench.check(newCheck, other).allow, name)
    assert.equal(bench.check(oldCheck).allow, false, name)
    assert.ok(bench.agent.isSelected(home, 0), 'a restart alone moves nothing')
    assert.ok(bench.check({ ...newCheck, useCandidate: true }, other).select, name)
  }
})

test('ICE restart: a check with new credentials may come before the answer', () => {
  const bench = connected()
  bench.agent.restart(2_000, newLocal)
  assert.ok(bench.check(newCheck).allow)
  bench.agent.setRemote(3_000, newRemote)
  assert.ok(bench.check(newCheck).allow)
  assert.equal(bench.check({ ...newCheck, username: 'srv2:peer' }).allow, false, 'the ufrag of before')
})

test('an ICE restart gives a peer that went silent a new consent period', () => {
  const bench = connected()
  bench.agent.restart(bench.nowMs + 4_000, newLocal)
  assert.equal(bench.agent.expire(bench.nowMs + CONSENT_TIMEOUT_MS), false)
  assert.equal(bench.agent.expire(bench.nowMs + 4_000 + CONSENT_TIMEOUT_MS - 1), false)
  assert.equal(bench.agent.expire(bench.nowMs + 4_000 + CONSENT_TIMEOUT_MS), true)
  bench.agent.restart(bench.nowMs + 60_000, local)
  bench.agent.setRemote(bench.nowMs + 60_000, remote)
  assert.equal(bench.agent.state, 'failed', 'a failed agent stays failed')
})

test('an ICE restart of ours is no sign of life of the peer: its answer is', () => {
  const bench = connected()
  const checkedMs = bench.nowMs
  bench.agent.restart(checkedMs + 10_000, newLocal)
  assert.deepEqual([bench.agent.expire(checkedMs + SILENCE_MS - 1), bench.agent.isSilent], [false, false])
  assert.deepEqual([bench.agent.expire(checkedMs + SILENCE_MS), bench.agent.isSilent], [false, true])
  const answers = connected()
  answers.agent.restart(checkedMs + 10_000, newLocal)
  answers.agent.setRemote(checkedMs + 10_100, newRemote)
  assert.deepEqual([answers.agent.expire(checkedMs + 10_099 + SILENCE_MS), answers.agent.isSilent], [false, false])
  assert.deepEqual([answers.agent.expire(checkedMs + 10_100 + SILENCE_MS), answers.agent.isSilent], [false, true])
})

test('however often ICE is restarted, by either side, consent is lost 30 s after the last valid check', () => {
  const restarts: [string, (agent: IceLite, nowMs: number, round: number) => void][] = [
    ['by the peer', (agent, nowMs, round) => agent.setRemote(nowMs, { ...remote, ufrag: `peer${round}` })],
    ['by the server', (agent, nowMs, round) => agent.restart(nowMs, { ...local, ufrag: `srv${round}` })],
  ]
  for (const [name, restart] of restarts) {
    const bench = connected()
    bench.nowMs += 7_000
    bench.check(valid)
    const checkedMs = bench.nowMs
    for (let round = 1; round < 30; round++) {
      const nowMs = checkedMs + round * 1_000
      restart(bench.agent, nowMs, round)
      assert.equal(bench.agent.expire(nowMs), false, `${name}, after ${round} s`)
    }
    assert.equal(bench.agent.expire(checkedMs + CONSENT_MAX_MS - 1), false, name)
    assert.equal(bench.agent.expire(checkedMs + CONSENT_MAX_MS), true, name)
  }
})

test('after an ICE restart a check counts in full again', () => {
  const bench = connected()
  bench.nowMs += CONSENT_TIMEOUT_MS - 1
  bench.agent.restart(bench.nowMs, newLocal)
  bench.agent.setRemote(bench.nowMs, newRemote)
  bench.nowMs += 9_000
  assert.ok(bench.check(newCheck).allow)
  bench.agent.restart(bench.nowMs + 15_000, local)
  assert.equal(bench.agent.expire(bench.nowMs + CONSENT_MAX_MS - 1), false)
  assert.equal(bench.agent.expire(bench.nowMs + CONSENT_MAX_MS), true)
})

test('a peer that is silent is heard of again with a check, also after an ICE restart, and has all its time then', () => {
  const checks: [string, BindingRequest, (agent: IceLite, nowMs: number) => void][] = [
    ['a check', valid, () => {}],
    [
      'a check after a restart',
      newCheck,
      (agent, nowMs) => {
        agent.restart(nowMs, newLocal)
        agent.setRemote(nowMs, newRemote)
      },
    ],
  ]
  for (const [name, check, prepare] of checks) {
    const bench = connected()
    bench.nowMs += SILENCE_MS + 1_000
    bench.agent.expire(bench.nowMs)
    prepare(bench.agent, bench.nowMs)
    assert.ok(bench.agent.isSilent, `${name}: a description alone is no check`)
    bench.nowMs += 2_000
    assert.ok(bench.check(check, other).allow, name)
    assert.deepEqual([bench.agent.isSilent, bench.agent.deadlineMs], [false, bench.nowMs + SILENCE_MS], name)
    bench.agent.expire(bench.nowMs + SILENCE_MS)
    assert.deepEqual([bench.agent.isSilent, bench.agent.deadlineMs], [true, bench.nowMs + CONSENT_TIMEOUT_MS], name)
  }
})

test('a response buffer without room is a mistake of the caller', () => {
  const bench = new Bench()
  const request = buildBindingRequest(valid)
  assert.throws(
    () => bench.agent.handle(0, request, 0, request.length, home, 0, new Uint8Array(100), 0, bench.verdict),
    RangeError,
  )
})

test('every reason has a name', () => {
  assert.deepEqual([...Object.values(IceReason)], [...iceReasonNames.keys()])
})
