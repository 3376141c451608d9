/** Without a command: a server until a signal. */
import { startServer } from '../server.js'
import type { CliCommand } from './command.js'

/** How long a server that was told to stop may take; then it is ended whatever it still does. */
const STOP_LIMIT_MS = 10_000

export const serve: CliCommand = {
  name: '',
  description: 'WebRTC rooms behind the Janus API',
  async run({ readConfig, version }) {
    const server = await startServer(readConfig(), version)
    let stopping = false
    const stop = (_: NodeJS.Signals, signum: number) => {
      if (stopping) return
      stopping = true
      setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
      void server.close(signum).then(() => process.exit(0))
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    return undefined
  },
}
