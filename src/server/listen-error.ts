import { ConfigError } from '../config/config-error.js'

/** Where a listener was to listen, and the flags that said so. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly hostFlag: string
  readonly portFlag: string
}

const wrongPort: Record<string, string> = { EADDRINUSE: 'is taken', EACCES: 'may not be used by this user' }
/** The latter two are what a look-up of a name comes to. */
const wrongHost = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'])

/** The system's words for a listener that cannot listen, as one line that names the setting. */
export function listenError(error: NodeJS.ErrnoException, { host, port, hostFlag, portFlag }: Place): Error {
  const code = error.code ?? ''
  if (wrongHost.has(code)) return new ConfigError(`${hostFlag}: ${host} is not an address of this host`)
  const why = wrongPort[code]
  return why === undefined ? error : new ConfigError(`${portFlag}: ${host} port ${port} ${why}`)
}
