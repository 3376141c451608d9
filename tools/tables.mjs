// `npm run tables`: the tables of simulated networks in the pages of docs/, written anew. `npm run tables -- loss data`:
// only those.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

setUp({ tests: true })
const { status } = spawnSync(
  process.execPath,
  [join(root, 'dist/test/scenarios/tables/write.js'), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
process.exitCode = status ?? 1
