/** The log: one JSON object per line on standard output. Secrets are never put into it. */
import { type Logger, pino } from 'pino'

export type { Logger }

/** @param level one of pino's level names, or `silent` */
export function createLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: true }),
  )
}
