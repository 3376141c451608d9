/** Every command of the program. */
import { checkConfig } from './check-config.js'
import type { CliCommand } from './command.js'
import { serve } from './serve.js'

export const commands: readonly CliCommand[] = [serve, checkConfig]
