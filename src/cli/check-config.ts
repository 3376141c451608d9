/** `check-config`: whether a server would take these settings, without starting one. */
import { ConfigError } from '../config/config-error.js'
import type { CliCommand } from './command.js'

export const checkConfig: CliCommand = {
  name: 'check-config',
  description: 'check flags, variables and file: prints ok, or a line per mistake and exits with 1',
  async run({ readConfig }) {
    try {
      readConfig()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      for (const mistake of error.mistakes) process.stdout.write(`${mistake}\n`)
      return 1
    }
    process.stdout.write('ok\n')
    return 0
  },
}
