/** The folder that outlives the program. */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { ConfigError } from './config-error.js'

/** Whom somebody blocks is nobody else's business. */
const FOLDER_MODE = 0o700

/**
 * Makes the data folder and checks that it can be written.
 * @throws ConfigError
 */
export function prepareDataDir(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ConfigError(`--data-dir: cannot write to ${folder} (${(error as NodeJS.ErrnoException).code})`)
  }
}
