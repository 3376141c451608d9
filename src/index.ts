#!/usr/bin/env node
/** The program: settings from the command line, a server until a signal. */
import { readFileSync } from 'node:fs'
import { ConfigError, readConfig } from './config.js'
import { startServer } from './server.js'

/** How long a server that was told to stop may take; then it is ended whatever it still does. */
const STOP_LIMIT_MS = 10_000

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env, version)
  if (!config) return
  const server = await startServer(config, version)
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
    void server.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch((error: Error) => {
  // A setting that cannot be used is the operator's to mend: one line says which. Anything else is ours.
  process.stderr.write(`rostra: ${error instanceof ConfigError ? error.message : (error.stack ?? error.message)}\n`)
  process.exitCode = 1
})
