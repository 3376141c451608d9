/** Settings that name a file. */
import { readFileSync } from 'node:fs'
import { ConfigError } from '../config/config-error.js'

/** @throws ConfigError that names the setting */
export function readFileOf(flag: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new ConfigError(`${flag}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
}
