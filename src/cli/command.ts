/** What a command of the program is. */
import type { Command } from 'commander'
import type { Config } from '../config/settings.js'

export interface Invocation {
  /** Settings from flags, variables and file. @throws ConfigError */
  readConfig(): Config
  /** Settings that were given as flags, as they were given, by the names that they have in `Config`. */
  readonly flags: Readonly<Record<string, unknown>>
  /** Flags and arguments of this command alone. */
  readonly options: Readonly<Record<string, unknown>>
  readonly args: readonly string[]
  readonly version: string
}

export interface CliCommand {
  /** Words after `rostra`, like `blocks export`; empty for what runs without any. */
  readonly name: string
  /** One line for `--help`. */
  readonly description: string
  /** Adds flags and arguments that only this command has. */
  declare?(command: Command): void
  /**
   * @returns the exit code; undefined = the program goes on until something else ends it
   * @throws ConfigError for what the operator has to mend
   */
  run(invocation: Invocation): Promise<number | undefined>
}
