import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessList } from './access-list.js'

test('H-48 networks are compared bit by bit, not as text', () => {
  const admits = accessList([
    '10.1.0.0/16',
    '192.0.2.7',
    '198.51.100.128/25',
    '172.16.0.0/12',
    '2001:db8:1::/48',
    '::1',
  ])
  const inside = [
    '10.1.0.0',
    '10.1.255.255',
    '192.0.2.7',
    '198.51.100.128',
    '198.51.100.255',
    '172.31.255.254',
    '2001:db8:1::',
    '2001:DB8:1:ffff:ffff:ffff:ffff:ffff',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:10.1.2.3',
    '::FFFF:192.0.2.7',
  ]
  const outside = [
    '10.10.0.1',
    '10.2.0.0',
    '10.0.255.255',
    '192.0.2.70',
    '192.0.2.8',
    '198.51.100.127',
    '172.32.0.0',
    '2001:db8:10::1',
    '2001:db8:2::',
    '::2',
    '::ffff:10.2.0.0',
    '::10.1.0.1',
    '',
    'unknown',
    '10.1.0',
  ]
  for (const address of inside) assert.equal(admits(address), true, address)
  for (const address of outside) assert.equal(admits(address), false, address)
  assert.equal(accessList(['fe80::/10'])('fe80::1%eth0'), true)
})

test('the whole of a kind, one host, and nobody', () => {
  const all4 = accessList(['0.0.0.0/0'])
  assert.deepEqual([all4('203.0.113.9'), all4('::ffff:203.0.113.9'), all4('2001:db8::1')], [true, true, false])
  const all6 = accessList(['::/0'])
  assert.deepEqual([all6('2001:db8::1'), all6('203.0.113.9')], [true, false])
  assert.equal(accessList(['10.0.0.1/32'])('10.0.0.2'), false)
  assert.equal(accessList([])('127.0.0.1'), false)
})

test('a network that is written as mapped IPv6 is the IPv4 one', () => {
  const admits = accessList(['::ffff:10.1.0.0/112'])
  assert.deepEqual([admits('10.1.9.9'), admits('::ffff:10.1.9.9'), admits('10.2.0.1')], [true, true, false])
})

test('what is no network is named', () => {
  const wrong = [
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/8x',
    '2001:db8::/129',
    'localhost',
    '::ffff:10.0.0.0/8',
    '10.0.0.0/ 8',
  ]
  for (const network of wrong) {
    assert.throws(
      () => accessList(['127.0.0.1', network]),
      (error: Error) => error instanceof RangeError && error.message.includes(`"${network}"`),
      network,
    )
  }
})
