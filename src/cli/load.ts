/** `load`: users who talk to each other on a server, and what came of what they said (docs/load.md). */
import { Option } from 'commander'
import { ConfigError } from '../config/config-error.js'
import {
  type LoadFlag,
  type LoadFlagValues,
  loadFlagDefault,
  loadFlagKeys,
  loadFlagName,
  loadFlags,
  readLoadFlags,
} from '../load/flags.js'
import { CONNECTIONS_MAX, connectionsOf, type LoadOptions, USERS_MAX } from '../load/options.js'
import { isThisMachine, refuseTarget } from '../load/target.js'
import type { CliCommand } from './command.js'

export const load: CliCommand = {
  name: 'load',
  description: 'load a server that speaks the Janus API with users of janus.plugin.sfu, and measure what they get',
  declare(command) {
    for (const key of loadFlagKeys) {
      const { value, description }: LoadFlag = loadFlags[key]
      const byDefault = loadFlagDefault(key)
      const help = byDefault === undefined ? description : `${description} (default ${byDefault})`
      const option = new Option(value === undefined ? loadFlagName(key) : `${loadFlagName(key)} <${value}>`, help)
      command.addOption(key === 'url' ? option.makeOptionMandatory() : option)
    }
  },
  async run({ readConfig, flags: settings, options }) {
    const flags = readLoadFlags(options)
    if (Array.isArray(flags)) throw new ConfigError(flags.join('; '))
    const { apiSecret } = readConfig()
    const mayHave = settings.apiSecret !== undefined || isThisMachine(flags.url)
    const wish = optionsOf(flags, mayHave ? apiSecret : undefined)
    const interrupt = new AbortController()
    // The second signal does not wait for farewells.
    const stop = () => (interrupt.signal.aborted ? process.exit(1) : interrupt.abort())
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    // Only now: other commands do without the addon.
    const { LoadRun, succeeded } = await import('../load/load.js')
    const { showProgress } = await import('../load/display.js')
    const { summaryLines } = await import('../load/text.js')
    const run = new LoadRun(wish)
    const hide = showProgress(process.stderr, () => run.progress())
    const summary = await run.run(interrupt.signal).finally(hide)
    process.stdout.write(`${flags.json ? JSON.stringify(summary) : summaryLines(summary).join('\n')}\n`)
    return succeeded(summary, wish.reliable) ? 0 : 1
  },
}

/** @throws ConfigError for a target that may not be loaded, and for more than one process can do */
function optionsOf(flags: LoadFlagValues, apiSecret: string | undefined): LoadOptions {
  const refused = refuseTarget(flags.url, flags.allowRemote)
  if (refused !== undefined) throw new ConfigError(`--url: ${refused}`)
  const options: LoadOptions = {
    url: flags.url,
    rooms: flags.rooms,
    usersPerRoom: flags.users,
    viewsPerUser: flags.views,
    audioBytes: flags.audio ? flags.audioBytes : 0,
    videoBps: flags.video ? flags.videoBitrate * 1_000 : 0,
    messagesPerSecond: flags.data,
    messageBytes: flags.dataBytes,
    reliable: !flags.unreliable,
    durationMs: flags.duration * 1_000,
    rampPerSecond: flags.ramp,
    roomPrefix: flags.room,
    allowRemote: flags.allowRemote,
    ...(flags.token !== undefined && { token: flags.token }),
    ...(apiSecret !== undefined && { apiSecret }),
  }
  const users = flags.rooms * flags.users
  const connections = connectionsOf(options)
  if (users > USERS_MAX)
    throw new ConfigError(`--rooms, --users: ${users} users are too many for one process (${USERS_MAX})`)
  if (connections > CONNECTIONS_MAX) {
    throw new ConfigError(`--views: ${connections} connections are too many for one process (${CONNECTIONS_MAX})`)
  }
  return options
}
