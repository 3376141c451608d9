/** The part of a pino logger that this folder uses. Bodies, SDPs and tokens are never logged. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
