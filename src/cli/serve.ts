/** Without a command: a server until a signal. SIGHUP reloads settings; SIGTERM and SIGINT drain and end. */
import { ConfigError } from '../config/config-error.js'
import type { RunningServer } from '../server.js'
import type { CliCommand, Invocation } from './command.js'

/** How long a server that was told to stop may take after the drain; then it is ended whatever it still does. */
const STOP_LIMIT_MS = 10_000

export const serve: CliCommand = {
  name: '',
  description: 'WebRTC rooms behind the Janus API',
  async run({ readConfig, version }) {
    let config = readConfig()
    let server: RunningServer | undefined
    let reloadIsDue = false
    // From the beginning: a signal that nobody takes would end the program. One that comes while the server starts waits
    // until it runs, since what it starts with has been read already.
    const hangup = () => {
      if (server) config = reload(server, readConfig) ?? config
      else reloadIsDue = true
    }
    process.on('SIGHUP', hangup)
    // Only now: other commands do without all that a server is made of.
    const { startServer } = await import('../server.js')
    server = await startServer(config, version)
    if (reloadIsDue) hangup()
    const stop = stopper(server, () => config.drainTime * 1_000)
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    return undefined
  },
}

/** @returns undefined when the new settings cannot be used: the old ones stay */
function reload({ log, reload }: RunningServer, readConfig: Invocation['readConfig']) {
  try {
    const config = readConfig()
    const { changed, needRestart } = reload(config)
    const fields = { event: 'reloaded', changed, needRestart }
    if (needRestart.length === 0) log.info(fields, 'settings reloaded')
    else log.warn(fields, 'settings reloaded, but for those that need a restart')
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    log.error({ event: 'reload-refused' }, `settings stay as they are: ${error.message}`)
    return undefined
  }
}

/** The first signal drains and then ends, the second ends at once, a third does not even wait for that. */
function stopper(server: RunningServer, drainMs: () => number) {
  let stage: 'running' | 'draining' | 'ending' = 'running'
  const end = (signum: number) => {
    if (stage === 'ending') return
    stage = 'ending'
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
    void server.close(signum).then(() => process.exit(0))
  }
  return (_: NodeJS.Signals, signum: number): void => {
    if (stage === 'ending') process.exit(1)
    if (stage === 'draining') return end(signum)
    stage = 'draining'
    void server.drain(drainMs()).then(() => end(signum))
  }
}
