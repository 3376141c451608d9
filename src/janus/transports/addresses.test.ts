import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { addressKey, clientAddresses, Tally } from './addresses.js'

const request = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

test('an IPv4 address stands for itself, mapped or not; of IPv6 the first 64 bits', () => {
  const cases: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['', ''],
  ]
  for (const [address, key] of cases) assert.equal(addressKey(address), key, address)
})

test('without trusted proxies nobody is believed', () => {
  const of = clientAddresses([])
  assert.equal(of(request('192.0.2.1', '198.51.100.7')), '192.0.2.1')
  assert.equal(of(request(undefined, '198.51.100.7')), '')
})

test('to trust all of IPv6 says nothing about IPv4', () => {
  assert.equal(clientAddresses(['::/0'])(request('192.0.2.1', '198.51.100.7')), '192.0.2.1')
})

test('a trusted proxy is believed whom it heard, as far as trust goes', () => {
  const of = clientAddresses(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1'])
  const cases: [string, string | string[] | undefined, string][] = [
    ['10.1.2.3', '198.51.100.7', '198.51.100.7'],
    ['::ffff:10.1.2.3', '198.51.100.7', '198.51.100.7'],
    ['127.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['2001:db8::9', '2001:db9:1:2::7', '2001:db9:1:2::/64'],
    // A client may write anything before what the proxy appends.
    ['10.1.2.3', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    ['10.1.2.3', ['203.0.113.9', '198.51.100.7, 10.9.9.9'], '198.51.100.7'],
    ['10.1.2.3', '10.4.4.4', '10.4.4.4'],
    ['10.1.2.3', 'rubbish', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['11.1.2.3', '198.51.100.7', '11.1.2.3'],
  ]
  for (const [peer, forwarded, expected] of cases) {
    assert.equal(of(request(peer, forwarded)), expected, `${peer} ${String(forwarded)}`)
  }
})

test('what is no network throws and is named', () => {
  for (const network of ['', 'x', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0.0/-1']) {
    assert.throws(() => clientAddresses([network]), { name: 'RangeError', message: /not an address/ }, network)
  }
})

test('a tally forgets what is at 0', () => {
  const tally = new Tally()
  tally.add('a', 2)
  tally.add('b', 1)
  tally.add('a', -1)
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.of('c'), tally.size], [1, 1, 0, 2])
  tally.add('a', -1)
  tally.add('b', -1)
  assert.equal(tally.size, 0)
})
