/** From what was found to what holds: a flag wins over a variable, a variable over the file; then all is checked. */
import { ConfigError } from './config-error.js'
import { type Config, type SettingKey, settingKeys, settingName, settingOf } from './settings.js'
import { type Found, fromFile, fromFlags, fromVariables } from './sources.js'

/**
 * Reads settings.
 * @param options what commander made of the flags of `addFlags`
 * @throws ConfigError that names every setting that cannot be used
 */
export function readConfig(options: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): Config {
  const file = options.config ?? env.ROSTRA_CONFIG
  const mistakes: string[] = []
  let fileFound: Iterable<[SettingKey, Found]> = []
  try {
    if (typeof file === 'string' && file !== '') fileFound = fromFile(file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes.push(...error.mistakes)
  }
  const found = new Map([...fileFound, ...fromVariables(env), ...fromFlags(options)])
  const config = check(found, mistakes)
  if (mistakes.length === 0) mistakes.push(...contradictions(config))
  const [first, ...more] = mistakes
  if (first !== undefined) throw new ConfigError(first, ...more)
  return config
}

/** @param mistakes gets a line for each value that cannot be used; what is returned is complete only without any */
function check(found: ReadonlyMap<SettingKey, Found>, mistakes: string[]): Config {
  const config: Partial<Record<SettingKey, unknown>> = {}
  for (const key of settingKeys) {
    const parsed = settingOf(key).type.safeParse(found.get(key)?.value)
    if (parsed.success) config[key] = parsed.data
    else mistakes.push(`${found.get(key)?.name ?? `--${settingName(key)}`}: ${parsed.error.issues[0]!.message}`)
  }
  return config as Config
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** What is wrong with values that are fine one by one. */
function contradictions(config: Config): string[] {
  const rules: [broken: boolean, mistake: string][] = [
    [
      (config.tlsCert === undefined) !== (config.tlsKey === undefined),
      '--tls-cert and --tls-key: one is given without the other',
    ],
    [
      config.adminSecret === undefined && !loopback.has(config.adminHost),
      '--admin-host: an address that is not loopback needs --admin-secret',
    ],
    [
      config.eventUrl !== undefined && config.eventSecret === undefined,
      '--event-url: needs --event-secret, so that its receiver can tell who posts',
    ],
    [
      config.authKey === undefined && (config.authAlgorithms.length > 0 || config.authBindSub),
      '--auth-key: missing, and without it --auth-algorithms and --auth-bind-sub keep nobody out',
    ],
    [config.rtcPort + config.workers > 65_536, '--rtc-port: too high for that many --workers'],
  ]
  return rules.filter(([broken]) => broken).map(([, mistake]) => mistake)
}
