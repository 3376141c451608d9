/** Where settings come from: flags, variables, a file. Only finds them; `config.ts` checks what they are. */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { parse as parseToml } from 'smol-toml'
import { closest } from './closest.js'
import { ConfigError } from './config-error.js'
import { defaultText, type SettingKey, settingKeys, settingName, settingOf, variableName, YES_NO } from './settings.js'

/** A value as it was found, and what to call it in a message. */
export interface Found {
  readonly value: unknown
  readonly name: string
}
export type Source = ReadonlyMap<SettingKey, Found>

/** Gives a command `--config` and a flag for every setting. */
export function addFlags(command: Command): void {
  command.addOption(new Option('--config <file>', 'TOML file with these settings; keys are the flag names without --'))
  for (const key of settingKeys) {
    const { value, description, repeatable } = settingOf(key)
    const byDefault = defaultText(key)
    const help = byDefault === undefined ? description : `${description} (default ${byDefault})`
    // What is on or off may stand alone: `--full-trickle` is `--full-trickle true`.
    const placeholder = value === YES_NO ? `[${value}]` : `<${value}>`
    const option = new Option(`--${settingName(key)} ${placeholder}`, help)
    if (repeatable) option.argParser((item, before: string[] | undefined) => [...(before ?? []), item])
    command.addOption(option)
  }
}

/** @param options what commander made of the flags of `addFlags` */
export function fromFlags(options: Readonly<Record<string, unknown>>): Source {
  const given = settingKeys.filter((key) => options[key] !== undefined)
  return new Map(given.map((key) => [key, { value: options[key], name: `--${settingName(key)}` }]))
}

/** An empty variable counts as none. */
export function fromVariables(env: NodeJS.ProcessEnv): Source {
  const given = settingKeys.filter((key) => env[variableName(key)])
  return new Map(given.map((key) => [key, { value: env[variableName(key)], name: variableName(key) }]))
}

/** @throws ConfigError when the file cannot be read, is no TOML, or names what is no setting */
export function fromFile(file: string): Source {
  const table = parseFile(file)
  const byName = new Map(settingKeys.map((key) => [settingName(key), key]))
  const found = new Map<SettingKey, Found>()
  const unknown: string[] = []
  for (const [name, value] of Object.entries(table)) {
    const key = byName.get(name)
    if (key !== undefined) found.set(key, { value, name: `${file}: ${name}` })
    else unknown.push(`${file}: unknown setting ${name}${suggestion(name, byName.keys())}`)
  }
  const [first, ...more] = unknown
  if (first !== undefined) throw new ConfigError(first, ...more)
  return found
}

function suggestion(name: string, names: Iterable<string>): string {
  const near = closest(name.toLowerCase().replaceAll('_', '-'), names)
  return near === undefined ? '' : `, did you mean ${near}?`
}

function parseFile(file: string): Record<string, unknown> {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`--config: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    return parseToml(content)
  } catch (error) {
    const { message, line } = error as Error & { line?: number }
    throw new ConfigError(`${file}${line === undefined ? '' : `, line ${line}`}: ${message.split('\n')[0]}`)
  }
}
