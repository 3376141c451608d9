/** `check-config`: whether a server would take these settings, without starting one. */
import { ConfigError } from '../config/config-error.js'
import { readCertificate } from '../server/certificate.js'
import { readAuth } from '../server/token-access.js'
import type { CliCommand } from './command.js'

export const checkConfig: CliCommand = {
  name: 'check-config',
  description: 'check flags, variables and file: prints ok, or a line per mistake and exits with 1',
  async run({ readConfig }) {
    const mistakes: string[] = []
    const config = attempt(readConfig, mistakes)
    // Files that settings name are read as a start would.
    if (config) for (const read of [readCertificate, readAuth]) attempt(() => read(config), mistakes)
    process.stdout.write(mistakes.length === 0 ? 'ok\n' : mistakes.map((mistake) => `${mistake}\n`).join(''))
    return mistakes.length === 0 ? 0 : 1
  },
}

function attempt<T>(read: () => T, mistakes: string[]): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes.push(...error.mistakes)
    return undefined
  }
}
