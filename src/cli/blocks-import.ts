/** `blocks import`: blocks from lines as `blocks export` writes them, all or none. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { ConfigError } from '../config/config-error.js'
import { prepareDataDir } from '../config/data-dir.js'
import { importBlocks } from '../sfu/blocks/embedded/upkeep.js'
import type { Block } from '../sfu/blocks/store.js'
import { idSchema } from '../sfu/ids.js'
import type { CliCommand } from './command.js'
import { naming } from './store-words.js'

const lineSchema = z
  .strictObject({ blocker: idSchema, blocked: idSchema })
  .refine(({ blocker, blocked }) => blocker !== blocked, { error: 'nobody can block himself' })

/** After so many wrong lines the rest is not looked at. */
const MISTAKES_MAX = 20

export const blocksImport: CliCommand = {
  name: 'blocks import',
  description: 'add blocks from a file or standard input; says which lines are wrong and then adds none',
  declare: (command) => void command.argument('[file]', 'lines like {"blocker":"ann","blocked":"bob"}'),
  async run({ readConfig, args: [file] }) {
    const { dataDir } = readConfig()
    const source = file ?? 'standard input'
    const { blocks, mistakes } = await readLines(file === undefined ? process.stdin : createReadStream(file), source)
    for (const mistake of mistakes) process.stderr.write(`rostra: ${mistake}\n`)
    if (mistakes.length > 0) return 1
    prepareDataDir(dataDir)
    const added = await naming(dataDir, importBlocks(dataDir, blocks))
    process.stdout.write(`${added} added, ${blocks.length - added} were there already\n`)
    return 0
  },
}

async function readLines(input: Readable, source: string): Promise<{ blocks: Block[]; mistakes: string[] }> {
  const blocks: Block[] = []
  const mistakes: string[] = []
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      if (line.trim() === '') continue
      const read = readLine(line)
      if (typeof read !== 'string') blocks.push(read)
      else if (mistakes.push(`${source}, line ${number}: ${read}`) >= MISTAKES_MAX) break
    }
  } catch (error) {
    throw new ConfigError(`cannot read ${source} (${(error as NodeJS.ErrnoException).code})`)
  }
  return { blocks, mistakes }
}

/** @returns a sentence when the line is wrong */
function readLine(line: string): Block | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'is no JSON'
  }
  const parsed = lineSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  return path.length > 0 ? `${path.join('.')}: ${message}` : message
}
