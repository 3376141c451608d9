import { failure } from '../errors.js'
import type { AdminContext, AdminOutcome, AdminRequests } from './request.js'

/** By Janus' number: none, fatal, error, warning, info, verbose, huge, debug. */
const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'trace'] as const
const MAX_LEVEL = levels.length - 1
const LINE_MAX = 1024

export const janusLevel = (name: string): number => (levels as readonly string[]).indexOf(name)

function setLevel({ services, message }: AdminContext): AdminOutcome {
  const level = message.level as number
  const name = levels[level]
  if (name === undefined) {
    return failure('INVALID_ELEMENT_TYPE', `Invalid element type (level should be between 0 and ${MAX_LEVEL})`)
  }
  services.logLevel.level = name
  return { fields: { level } }
}

function logLine({ services: { log }, message }: AdminContext): AdminOutcome {
  const name = levels[(message.level as number | undefined) ?? 4] ?? 'debug'
  const write = { silent: undefined, fatal: 'error', error: 'error', warn: 'warn', info: 'info' } as const
  const method = name in write ? write[name as keyof typeof write] : 'debug'
  if (method) log[method]({ event: 'custom_logline' }, (message.line as string).slice(0, LINE_MAX))
  return {}
}

export const loggingRequests = {
  set_log_level: {
    scope: 'server',
    rules: [{ name: 'level', type: 'a positive integer', required: true }],
    run: setLevel,
  },
  custom_logline: {
    scope: 'server',
    rules: [
      { name: 'line', type: 'a string', required: true },
      { name: 'level', type: 'a positive integer' },
    ],
    run: logLine,
  },
} satisfies AdminRequests
