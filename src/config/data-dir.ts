/** The folder that outlives the program. */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { ConfigError } from './config-error.js'

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
