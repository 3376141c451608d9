import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { hostAddresses } from './host-addresses.js'

const entry = (address: string, internal = false): NetworkInterfaceInfo => {
  const shared = { address, netmask: '', mac: '00:00:00:00:00:00', internal, cidr: null }
  return address.includes(':') ? { ...shared, family: 'IPv6', scopeid: 0 } : { ...shared, family: 'IPv4' }
}
const lo = [entry('127.0.0.1', true), entry('::1', true)]
const chosen = (interfaces: Record<string, NetworkInterfaceInfo[]>) =>
  hostAddresses(interfaces).map(({ address, announced }) => {
    assert.equal(address, announced)
    return address
  })

test('media listens on what others may reach, in the order of the interfaces, each address once', () => {
  const eth0 = [entry('10.0.0.5'), entry('2001:db8::5'), entry('fe80::5'), entry('febf::5')]
  const eth1 = [entry('10.0.0.6'), entry('10.0.0.5'), entry('fd00::6')]
  assert.deepEqual(chosen({ lo, eth0, eth1 }), ['10.0.0.5', '2001:db8::5', '10.0.0.6', 'fd00::6'])
  assert.deepEqual(chosen({ lo, eth0: [entry('2001:db8::5')] }), ['2001:db8::5'])
})

test('without anything else it is loopback: IPv4, or IPv6 where there is no other', () => {
  assert.deepEqual(chosen({ lo }), ['127.0.0.1'])
  assert.deepEqual(chosen({ lo, eth0: [entry('fe80::5')] }), ['127.0.0.1'])
  assert.deepEqual(chosen({ lo: [entry('::1', true)] }), ['::1'])
  assert.deepEqual(chosen({}), [])
})
