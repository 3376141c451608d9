import { ConfigError } from '../config/config-error.js'

/** The system's words for a listener that cannot listen, as one line that names the setting. */
export function listenError(error: NodeJS.ErrnoException, flag: string, host: string, port: number): Error {
  const words: Record<string, string> = {
    EADDRINUSE: 'is taken',
    EACCES: 'may not be used by this user',
    EADDRNOTAVAIL: 'is not an address of this host',
    ENOTFOUND: 'is not an address of this host',
  }
  const why = words[error.code ?? '']
  return why === undefined ? error : new ConfigError(`${flag}: ${host} port ${port} ${why}`)
}
