/** Who may join: everybody, or whoever has a token that the key of `--auth-key` signed. */
import { ConfigError } from '../config/config-error.js'
import type { Config } from '../config/settings.js'
import { type Auth, open } from '../sfu/auth.js'
import { tokenAuth } from '../sfu/token-auth.js'
import { readFileOf } from './file-settings.js'

/** @throws ConfigError when the key cannot be read or used */
export function readAuth({ authKey, authAlgorithms, authBindSub }: Config): Auth {
  if (authKey === undefined) return open
  const key = isUrl(authKey) ? new URL(authKey) : readFileOf('--auth-key', authKey)
  const algorithms = authAlgorithms.length > 0 ? { algorithms: authAlgorithms } : {}
  try {
    return tokenAuth({ key, ...algorithms, bindSub: authBindSub })
  } catch (error) {
    throw new ConfigError(`--auth-key: ${(error as Error).message}`)
  }
}

const isUrl = (authKey: string) => URL.canParse(authKey)

/** Whether nothing has to be read anew. Keys at a URL are fetched anew by themselves; those that are known are better than none. */
function isSame(before: Config, after: Config): boolean {
  const { authKey } = after
  const told = ({ authKey, authAlgorithms, authBindSub }: Config) =>
    JSON.stringify([authKey, authAlgorithms, authBindSub])
  return (authKey === undefined || isUrl(authKey)) && told(before) === told(after)
}

export interface ReplaceableAuth extends Auth {
  /**
   * Reads the key again, from the same place or another. What was granted stays.
   * @returns puts the new key in force @throws ConfigError when it cannot be used
   */
  replace(config: Config): () => void
}

/** @throws ConfigError */
export function replaceableAuth(first: Config): ReplaceableAuth {
  let config = first
  let auth = readAuth(first)
  return {
    get wantsToken() {
      return auth.wantsToken
    },
    get stranger() {
      return auth.stranger
    },
    join: (...args) => auth.join(...args),
    kick: (...args) => auth.kick(...args),
    replace(next) {
      const replacement = isSame(config, next) ? auth : readAuth(next)
      return () => {
        config = next
        auth = replacement
      }
    },
  }
}
