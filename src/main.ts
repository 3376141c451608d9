/** The program: runs the command line, and turns what went wrong into a line and an exit code. */
import { readFileSync } from 'node:fs'
import { commands } from './cli/commands.js'
import { runProgram } from './cli/program.js'
import { ConfigError } from './config/config-error.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

runProgram(commands, process.argv.slice(2), process.env, version).then(
  (code) => {
    if (code !== undefined) process.exitCode = code
  },
  (error: Error) => {
    // A setting that cannot be used is the operator's to mend: one line says which. Anything else is ours.
    process.stderr.write(`rostra: ${error instanceof ConfigError ? error.message : (error.stack ?? error.message)}\n`)
    process.exitCode = 1
  },
)
