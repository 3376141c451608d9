import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Command } from 'commander'
import { eventTypeNames } from '../janus/events/event-types.js'
import { readConfig } from './config.js'
import { ConfigError } from './config-error.js'
import { prepareDataDir } from './data-dir.js'
import { hostAddresses } from './host-addresses.js'
import { addFlags } from './sources.js'

function read(argv: string[], env: NodeJS.ProcessEnv = {}) {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  addFlags(program)
  return readConfig(program.parse(argv, { from: 'user' }).opts(), env)
}

function mistakesOf(argv: string[], env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    read(argv, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.mistakes
  }
  return []
}

const folder = mkdtempSync(join(tmpdir(), 'rostra-config-'))
after(() => rmSync(folder, { recursive: true }))

function toml(content: string): string {
  const file = join(folder, 'rostra.toml')
  writeFileSync(file, content)
  return file
}

test('a flag wins over a variable, a variable over the file', () => {
  const file = toml('port = 1\nmax-ccu = 1\nworkers = 1\nrtc-ip = ["10.0.0.1=203.0.113.7"]\n')
  const config = read(['--config', file, '--port', '3'], { ROSTRA_PORT: '2', ROSTRA_MAX_CCU: '2' })
  assert.deepEqual([config.port, config.maxCcu, config.workers], [3, 2, 1])
  assert.deepEqual(config.rtcIp, [{ address: '10.0.0.1', announced: '203.0.113.7' }])
  assert.equal(read([], { ROSTRA_CONFIG: file }).port, 1)
})

test('what is on or off may stand alone', () => {
  const alone = read(['--full-trickle', '--port', '1'])
  assert.deepEqual([alone.fullTrickle, alone.port], [true, 1])
  assert.equal(read(['--event-grouping', 'false']).eventGrouping, false)
  assert.equal(read([]).fullTrickle, false)
  assert.deepEqual(mistakesOf(['--full-trickle=perhaps']), ['--full-trickle: expected true or false'])
})

test('addresses may be repeated, and separated by commas in the variable', () => {
  const both = [
    { address: '127.0.0.1', announced: '127.0.0.1' },
    { address: '::1', announced: '2001:db8::1' },
  ]
  assert.deepEqual(read(['--rtc-ip', '127.0.0.1', '--rtc-ip', '::1=2001:db8::1']).rtcIp, both)
  assert.deepEqual(read([], { ROSTRA_RTC_IP: '127.0.0.1,::1=2001:db8::1' }).rtcIp, both)
  assert.deepEqual(read(['--rtc-ip', '0.0.0.0=203.0.113.7', '--rtc-ip', 'FE80:0::1%eth0=2001:DB8:0:0::A']).rtcIp, [
    { address: '0.0.0.0', announced: '203.0.113.7' },
    { address: 'fe80::1%eth0', announced: '2001:db8::a' },
  ])
})

test('codecs are ranked as they are given', () => {
  assert.deepEqual(read([]).videoCodecs, ['VP8', 'H264', 'VP9', 'AV1'])
  assert.deepEqual(read(['--video-codecs', 'AV1', '--video-codecs', 'VP8']).videoCodecs, ['AV1', 'VP8'])
  assert.deepEqual(read([], { ROSTRA_AUDIO_CODECS: 'opus', ROSTRA_VIDEO_CODECS: 'H264' }).audioCodecs, ['opus'])
})

const refused: [argv: string[], mistake: string][] = [
  [['--port', 'many'], '--port: expected a whole number from 0 to 65535'],
  [['--port', '65536'], '--port: expected a whole number from 0 to 65535'],
  [['--port', ''], '--port: expected a whole number from 0 to 65535'],
  [['--workers', '0'], '--workers: expected a whole number from 1 to 256'],
  [['--max-ccu', '1.5'], '--max-ccu: expected a whole number, 0 or more'],
  [['--session-timeout', '-1'], '--session-timeout: expected seconds from 0 to 2147483'],
  [['--host', ''], '--host: expected some text'],
  [['--rtc-ip', 'here'], '--rtc-ip: "here" is not ADDRESS or LISTEN=ANNOUNCED (IP addresses)'],
  [['--rtc-ip', '0.0.0.0'], '--rtc-ip: 0.0.0.0 cannot be announced: it stands for all addresses of this host'],
  [['--rtc-ip', '0::0'], '--rtc-ip: 0::0 cannot be announced: it stands for all addresses of this host'],
  [['--rtc-ip', 'fe80::1%lo'], '--rtc-ip: fe80::1%lo cannot be announced: a candidate has no zone'],
  [
    ['--rtc-ip', '::1=febf::1'],
    '--rtc-ip: febf::1 cannot be announced: link-local addresses need a zone, which a candidate does not have',
  ],
  [
    ['--rtc-ip', '::ffff:10.0.0.1'],
    '--rtc-ip: ::ffff:10.0.0.1 cannot be announced: write the IPv4 address that is in it',
  ],
  [['--rtc-ip', '::1=::2=::3'], '--rtc-ip: "::1=::2=::3" is not ADDRESS or LISTEN=ANNOUNCED (IP addresses)'],
  [['--profile', 'other'], '--profile: expected one of documented, upstream'],
  [['--video-codecs', 'VP8,Theora'], '--video-codecs: expected one of VP8, H264, VP9, AV1'],
  [
    ['--video-codecs', 'VP8', '--video-codecs', 'VP8'],
    '--video-codecs: expected some of VP8, H264, VP9, AV1, each once',
  ],
  [['--audio-codecs', 'red'], '--audio-codecs: expected opus among them: red only goes around it'],
  [['--log-level', 'loud'], '--log-level: expected one of fatal, error, warn, info, debug, trace, silent'],
  [['--tls-cert', 'a.pem'], '--tls-cert and --tls-key: one is given without the other'],
  [['--admin-host', '0.0.0.0'], '--admin-host: an address that is not loopback needs --admin-secret'],
  [['--events', 'sessions,media,other'], `--events: expected one of ${eventTypeNames.join(', ')}`],
  [['--event-url', 'ftp://127.0.0.1/'], '--event-url: expected an http or https URL'],
  [['--event-url', 'http://127.0.0.1/'], '--event-url: needs --event-secret, so that its receiver can tell who posts'],
  [['--auth-bind-sub'], '--auth-key: missing, and without it --auth-algorithms and --auth-bind-sub keep nobody out'],
  [
    ['--auth-algorithms', 'RS256'],
    '--auth-key: missing, and without it --auth-algorithms and --auth-bind-sub keep nobody out',
  ],
  [['--rtc-port', '65535', '--workers', '2'], '--rtc-port: too high for that many --workers'],
  [['--config', '/nonexistent/rostra.toml'], '--config: cannot read /nonexistent/rostra.toml (ENOENT)'],
]
for (const [argv, mistake] of refused)
  test(`${argv.join(' ')} is refused`, () => assert.deepEqual(mistakesOf(argv), [mistake]))

test('every mistake is named, wherever it was made', () => {
  const file = toml('port = true\nhost = 5\nworkers = "2"\nrtc-ip = [1]\n')
  assert.deepEqual(mistakesOf(['--config', file, '--max-ccu', 'x'], { ROSTRA_ADMIN_PORT: '-1' }), [
    `${file}: host: expected text`,
    `${file}: port: expected a whole number from 0 to 65535`,
    `${file}: rtc-ip: expected text`,
    'ROSTRA_ADMIN_PORT: expected a whole number from 0 to 65535',
    '--max-ccu: expected a whole number, 0 or more',
  ])
})

test('an unknown key of the file is a mistake, with a suggestion when one is near', () => {
  const file = toml('max_room_sise = 3\nmax_ccu = 4\ncolour = "red"\n[admin]\nport = 1\n')
  assert.deepEqual(mistakesOf(['--config', file]), [
    `${file}: unknown setting max_room_sise, did you mean max-room-size?`,
    `${file}: unknown setting max_ccu, did you mean max-ccu?`,
    `${file}: unknown setting colour`,
    `${file}: unknown setting admin`,
  ])
})

test('a file that is no TOML is refused with the line', () => {
  const file = toml('port = 1\nhost = \n')
  const [mistake, ...others] = mistakesOf(['--config', file])
  assert.match(mistake!, /rostra\.toml, line 2: [^\n]+$/)
  assert.deepEqual(others, [])
})

test('the value of a secret is in no message', () => {
  const file = toml('admin-secret = ["s3cret"]\n')
  const mistakes = mistakesOf(['--config', file])
  assert.equal(mistakes.length, 1)
  assert.doesNotMatch(mistakes[0]!, /s3cret/)
})

test('a data folder that is a file is refused', () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  assert.throws(() => prepareDataDir(file), /--data-dir/)
  prepareDataDir(join(folder, 'new', 'folder'))
})

test('media listens on what others can reach; on loopback only when there is nothing else', () => {
  const entry = (address: string, internal: boolean) =>
    ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as never
  const lo = [entry('127.0.0.1', true), entry('::1', true)]
  const eth = [entry('192.0.2.2', false), entry('fe80::1', false), entry('2001:db8::2', false)]
  const addresses = (interfaces: Record<string, never[]>) => hostAddresses(interfaces).map(({ address }) => address)
  assert.deepEqual(addresses({ lo, eth }), ['192.0.2.2', '2001:db8::2'])
  assert.deepEqual(addresses({ lo }), ['127.0.0.1'])
})
