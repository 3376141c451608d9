/** Every command of the program. */
import { blocksDelete } from './blocks-delete.js'
import { blocksExport } from './blocks-export.js'
import { blocksImport } from './blocks-import.js'
import { checkConfig } from './check-config.js'
import type { CliCommand } from './command.js'
import { load } from './load.js'
import { serve } from './serve.js'

export const commands: readonly CliCommand[] = [serve, checkConfig, blocksExport, blocksImport, blocksDelete, load]
