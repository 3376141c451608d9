/**
 * Settings: flags, `ROSTRA_…` variables and a TOML file, in that order of precedence, checked by one schema.
 * Flags and defaults are stable: scripts depend on them (docs/configuration.md).
 */
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism, networkInterfaces } from 'node:os'
import { Command, CommanderError, Option } from 'commander'
import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'

/** A setting that cannot be used: one line that names it. The program prints it and exits with 1. */
export class ConfigError extends Error {}

const port = z.coerce.number().int().min(0).max(65_535)
const count = z.coerce.number().int().min(0)

/** `ADDRESS` or `LISTEN=ANNOUNCED`. */
const rtcIp = z.string().transform((text, context) => {
  const [address = '', announced = address] = text.split('=')
  if (isIP(address) && isIP(announced)) return { address, announced }
  context.addIssue({ code: 'custom', message: `"${text}" is not ADDRESS or LISTEN=ANNOUNCED (IP addresses)` })
  return z.NEVER
})

const schema = z
  .object({
    host: z.string().min(1).default('0.0.0.0'),
    port: port.default(8188),
    tlsCert: z.string().optional(),
    tlsKey: z.string().optional(),
    rtcPort: port.default(40_000),
    rtcIp: z.array(rtcIp).default([]),
    workers: count.min(1).max(256).default(availableParallelism()),
    dataDir: z.string().min(1).default('./rostra-data'),
    profile: z.enum(['documented', 'upstream']).default('documented'),
    adminHost: z.string().min(1).default('127.0.0.1'),
    adminPort: port.default(7088),
    adminSecret: z.string().min(1).optional(),
    authKey: z.string().optional(),
    maxRoomSize: count.default(0),
    maxCcu: count.default(0),
    sessionTimeout: z.coerce.number().min(0).default(60),
    logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  })
  .strict()

export type Config = z.output<typeof schema>

/** Flags with what `--help` says; the defaults live in the schema. */
const flags: [flag: string, description: string][] = [
  ['--host <address>', 'address of the HTTP and WebSocket listener (default 0.0.0.0)'],
  ['--port <port>', 'its port: WebSocket on any path, demo page at / (default 8188)'],
  ['--tls-cert <file>', 'certificate chain (PEM); with --tls-key the listener speaks TLS'],
  ['--tls-key <file>', 'private key (PEM)'],
  ['--rtc-port <port>', 'UDP port of the first media worker, worker i uses port + i (default 40000; 0 = any)'],
  [
    '--rtc-ip <address...>',
    'address to listen on and announce; LISTEN=ANNOUNCED behind NAT (default: all of the host)',
  ],
  ['--workers <count>', 'media worker processes (default: number of cores)'],
  ['--data-dir <folder>', 'folder of the embedded store (default ./rostra-data)'],
  ['--profile <profile>', 'documented or upstream: behaviour of rooms towards clients (default documented)'],
  ['--admin-host <address>', 'address of metrics and health (default 127.0.0.1)'],
  ['--admin-port <port>', 'its port (default 7088)'],
  ['--admin-secret <secret>', 'needed for any --admin-host that is not loopback'],
  ['--auth-key <file or URL>', 'public key (PEM or DER file) or JWKS URL: turns token auth on'],
  ['--max-room-size <users>', 'most users in a room (default 0 = no limit)'],
  ['--max-ccu <users>', 'most users on the server (default 0 = no limit)'],
  ['--session-timeout <seconds>', 'a session without a sign of life ends after this (default 60, 0 = never)'],
  ['--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (default info)'],
]

type Raw = Record<string, unknown>
const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const camel = (name: string) => name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase())

/**
 * Reads settings.
 * @param argv without node and script
 * @returns undefined when `--help` or `--version` was asked for (and printed)
 * @throws ConfigError with one line naming the setting
 */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv, version: string): Config | undefined {
  const fromFlags = readFlags(argv, version)
  if (!fromFlags) return undefined
  const { config: file = env.ROSTRA_CONFIG, ...flagged } = fromFlags
  const merged = { ...(typeof file === 'string' ? readFile(file) : {}), ...readEnv(env), ...flagged }
  const parsed = schema.safeParse(merged)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    if (issue.code === 'unrecognized_keys') throw new ConfigError(`unknown setting ${issue.keys.join(', ')}`)
    throw new ConfigError(`--${kebab(String(issue.path[0] ?? ''))}: ${issue.message}`)
  }
  checkTogether(parsed.data)
  return parsed.data
}

function readFlags(argv: readonly string[], version: string): Raw | undefined {
  const program = new Command('rostra').description('WebRTC rooms behind the Janus API').version(version)
  program.addOption(new Option('--config <file>', 'TOML file with these settings, without the dashes'))
  for (const [flag, description] of flags) program.addOption(new Option(flag, description))
  program
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .allowExcessArguments(false)
  try {
    return program.parse(argv, { from: 'user' }).opts()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw new ConfigError(error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '))
  }
}

function readEnv(env: NodeJS.ProcessEnv): Raw {
  const values: Raw = {}
  for (const name of Object.keys(schema.shape)) {
    const value = env[`ROSTRA_${kebab(name).replaceAll('-', '_').toUpperCase()}`]
    if (value !== undefined && value !== '') values[name] = name === 'rtcIp' ? value.split(',') : value
  }
  return values
}

function readFile(file: string): Raw {
  try {
    const table = parseToml(readFileSync(file, 'utf8'))
    return Object.fromEntries(Object.entries(table).map(([key, value]) => [camel(key), value]))
  } catch (error) {
    throw new ConfigError(`--config: ${(error as Error).message.split('\n')[0]}`)
  }
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

function checkTogether(config: Config): void {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined))
    throw new ConfigError('--tls-cert and --tls-key: one is given without the other')
  if (config.adminSecret === undefined && !loopback.has(config.adminHost))
    throw new ConfigError('--admin-host: an address that is not loopback needs --admin-secret')
  if (config.rtcPort + config.workers > 65_536) throw new ConfigError('--rtc-port: too high for that many --workers')
}

/**
 * Makes the data folder and checks that it can be written.
 * @throws ConfigError
 */
export function prepareDataDir(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ConfigError(`--data-dir: cannot write to ${folder} (${(error as NodeJS.ErrnoException).code})`)
  }
}

/**
 * Where media listens when `--rtc-ip` is not given: every address of the host that others may reach. Loopback
 * only when there is nothing else; link-local IPv6 never (candidates cannot carry its zone).
 */
export function hostAddresses(interfaces = networkInterfaces()): { address: string; announced: string }[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? [])
  const reachable = all.filter((entry) => !entry.internal && !entry.address.startsWith('fe80:'))
  const chosen = reachable.length > 0 ? reachable : all.filter((entry) => entry.family === 'IPv4')
  return chosen.map(({ address }) => ({ address, announced: address }))
}
