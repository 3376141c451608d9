import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenOn } from './candidates.js'

/** What is listened on, with free ports from 5000 on. */
function fakeIo() {
  const bound: string[] = []
  const bind = (protocol: string) => (host: string, port: number) => {
    const name = `${protocol} ${host}`
    if (bound.some((each) => each.startsWith(`${name} `))) throw new Error(`${name} is taken`)
    const listening = { socket: bound.length, port: port === 0 ? 5000 : port }
    bound.push(`${name} ${listening.port}`)
    return listening
  }
  return { bound, listen: bind('udp'), listenTcp: bind('tcp') }
}

const same = (address: string) => ({ address, announced: address })

/** As in SDP, without what is the same everywhere. */
function listen(addresses: { address: string; announced: string }[], port = 0, tcp = true) {
  const io = fakeIo()
  const candidates = listenOn(io, addresses, port, tcp)
  const lines = candidates.map(
    ({ foundation, protocol, ip, port, tcpType }) =>
      `${foundation} ${protocol} ${ip} ${port}${tcpType ? ' passive' : ''}`,
  )
  return { candidates, lines, bound: io.bound }
}

test('one port for all: the first socket chooses, the others follow', () => {
  const { bound, lines } = listen([same('10.0.0.1'), same('::1')])
  assert.deepEqual(bound, ['udp 10.0.0.1 5000', 'udp ::1 5000', 'tcp 10.0.0.1 5000', 'tcp ::1 5000'])
  assert.deepEqual(lines, [
    '1 udp 10.0.0.1 5000',
    '2 udp ::1 5000',
    '3 tcp 10.0.0.1 5000 passive',
    '4 tcp ::1 5000 passive',
  ])
  assert.deepEqual(listen([same('10.0.0.1')], 40_001, false).lines, ['1 udp 10.0.0.1 40001'])
})

test('every UDP candidate is preferred to every TCP one, and earlier addresses to later ones', () => {
  const { candidates } = listen([same('::1'), same('10.0.0.1'), same('10.0.0.2')])
  // IPv4 stands first, since what reads only one candidate reads the first; priorities say what is preferred.
  assert.deepEqual(
    candidates.map(({ protocol, ip }) => `${protocol} ${ip}`),
    ['udp 10.0.0.1', 'udp 10.0.0.2', 'udp ::1', 'tcp 10.0.0.1', 'tcp 10.0.0.2', 'tcp ::1'],
  )
  const byPriority = candidates
    .toSorted((a, b) => b.priority - a.priority)
    .map(({ protocol, ip }) => `${protocol} ${ip}`)
  assert.deepEqual(byPriority, ['udp ::1', 'udp 10.0.0.1', 'udp 10.0.0.2', 'tcp ::1', 'tcp 10.0.0.1', 'tcp 10.0.0.2'])
  // RFC 8445 §5.1.2.1, and RFC 6544 §4.2 for a passive candidate: direction 4, then the rest.
  assert.equal(candidates.find(({ ip }) => ip === '::1')!.priority, (126 * 2 ** 24 + 65_535 * 2 ** 8 + 255) >>> 0)
  const tcp = candidates.filter(({ protocol }) => protocol === 'tcp')
  assert.deepEqual(
    tcp.map(({ priority }) => [priority >>> 24, (priority >>> 8) & 0xffff, priority & 0xff]),
    [
      [90, (4 << 13) | 8190, 255],
      [90, (4 << 13) | 8189, 255],
      [90, (4 << 13) | 8191, 255],
    ],
  )
})

test('an address with two names is one socket and two candidates of one foundation', () => {
  const { bound, lines } = listen([same('10.0.0.1'), { address: '10.0.0.1', announced: '203.0.113.7' }])
  assert.deepEqual(bound, ['udp 10.0.0.1 5000', 'tcp 10.0.0.1 5000'])
  assert.deepEqual(lines, [
    '1 udp 10.0.0.1 5000',
    '1 udp 203.0.113.7 5000',
    '2 tcp 10.0.0.1 5000 passive',
    '2 tcp 203.0.113.7 5000 passive',
  ])
})

test('two addresses with one name are two sockets and one candidate', () => {
  const announced = '203.0.113.7'
  const { bound, lines } = listen([
    { address: '10.0.0.1', announced },
    { address: '10.0.0.2', announced },
    { address: '::1', announced: '2001:db8::7' },
  ])
  assert.equal(bound.length, 6)
  assert.deepEqual(lines, [
    '1 udp 203.0.113.7 5000',
    '3 udp 2001:db8::7 5000',
    '4 tcp 203.0.113.7 5000 passive',
    '6 tcp 2001:db8::7 5000 passive',
  ])
})
