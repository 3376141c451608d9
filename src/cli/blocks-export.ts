/** `blocks export`: every block as a line of JSON, also while a server runs. */
import { once } from 'node:events'
import { exportBlocks } from '../sfu/blocks/embedded/upkeep.js'
import type { Block } from '../sfu/blocks/store.js'
import type { CliCommand } from './command.js'
import { naming } from './store-words.js'

/** Lines of so many characters are written at once. */
const CHUNK = 65_536

export const blocksExport: CliCommand = {
  name: 'blocks export',
  description: 'write blocks to standard output, a JSON object per line; a server may run meanwhile',
  declare: (command) => void command.option('--user <id>', 'only blocks that this user made or met'),
  async run({ readConfig, options }) {
    const { dataDir } = readConfig()
    const user = options.user === undefined ? undefined : String(options.user)
    let lines = ''
    // Whoever reads the lines may have seen enough.
    process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
    const write = async () => {
      const taken = process.stdout.write(lines)
      lines = ''
      if (!taken) await once(process.stdout, 'drain')
    }
    const take = async ({ blocker, blocked }: Block) => {
      lines += `${JSON.stringify({ blocker, blocked })}\n`
      if (lines.length > CHUNK) await write()
    }
    await naming(dataDir, exportBlocks(dataDir, user, take))
    await write()
    return 0
  },
}
