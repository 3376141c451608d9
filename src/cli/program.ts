/** The command line: finds the command, gives it settings, and turns what went wrong into one line. */
import { Command, CommanderError } from 'commander'
import { readConfig } from '../config/config.js'
import { ConfigError } from '../config/config-error.js'
import { addFlags } from '../config/sources.js'
import type { CliCommand } from './command.js'

/**
 * Runs what the arguments ask for.
 * @param argv without node and script
 * @returns the exit code; undefined = the program goes on until something else ends it
 * @throws ConfigError with one line for what the operator has to mend
 */
export async function runProgram(
  commands: readonly CliCommand[],
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  version: string,
): Promise<number | undefined> {
  let code: number | undefined
  const program = new Command('rostra').version(version).exitOverride()
  program.configureOutput({ writeErr: () => {} })
  // Settings belong to the program: they may stand before and after the name of a command.
  addFlags(program)
  for (const command of commands) {
    const place = placeOf(program, command.name).description(command.description).allowExcessArguments(false)
    command.declare?.(place)
    place.action(async () => {
      code = await command.run({
        readConfig: () => readConfig(program.opts(), env),
        flags: program.opts(),
        options: place.opts(),
        args: place.args,
        version,
      })
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    throw new ConfigError(oneLine(error))
  }
}

/** `blocks export` is the command `export` of the command `blocks`. */
function placeOf(program: Command, name: string): Command {
  let place = program
  for (const word of name.split(' ').filter(Boolean)) {
    place = place.commands.find((command) => command.name() === word) ?? place.command(word)
  }
  return place
}

/** Commander asks for a command by printing help, which would be lost. */
function oneLine({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'a command is missing; --help lists them'
  return message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
}
