// `npm run conformance`: the Janus API row by row against the server that ROSTRA_URL names, or against ones of its own.
// Ends with a table; the exit code says whether a row failed.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

setUp({ tests: true })
const file = join(root, 'dist/test/conformance/janus-api.test.js')
const { status } = spawnSync(process.execPath, ['--test-reporter=dot', '--test-reporter-destination=stderr', file], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
