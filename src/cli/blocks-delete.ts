/** `blocks delete`: what the store holds about a person is gone, from the file too. */
import { deleteBlocks } from '../sfu/blocks/embedded/upkeep.js'
import type { CliCommand } from './command.js'
import { naming } from './store-words.js'

export const blocksDelete: CliCommand = {
  name: 'blocks delete',
  description: 'delete every block that a user made or met; the server must be stopped',
  declare: (command) => void command.requiredOption('--user <id>', 'whose'),
  async run({ readConfig, options }) {
    const { dataDir } = readConfig()
    const deleted = await naming(dataDir, deleteBlocks(dataDir, String(options.user)))
    process.stdout.write(`${deleted} deleted\n`)
    return 0
  },
}
