import { fingerprint } from './same-text.js'

/** Tokens that operators add and remove while the server runs. In memory only, as in Janus: a restart forgets them. */
export interface StoredTokens {
  /**
   * Adds a token, or adds plugins to one that is there.
   * @param plugins package names that are known to exist @returns all that the token may use
   */
  add(token: string, plugins: readonly string[]): readonly string[]
  /** @returns all that the token may use; undefined if there is no such token */
  allow(token: string, plugins: readonly string[]): readonly string[] | undefined
  /** As `allow`, the other way. */
  disallow(token: string, plugins: readonly string[]): readonly string[] | undefined
  /** Requests with it fail from now on; sessions stay. @returns false if there is no such token */
  remove(token: string): boolean
  list(): readonly { readonly token: string; readonly plugins: readonly string[] }[]
  knows(token: string): boolean
  allows(token: string, plugin: string): boolean
}

export function storedTokens(): StoredTokens {
  const entries = new Map<string, { readonly token: string; readonly plugins: Set<string> }>()
  const find = (token: string) => entries.get(fingerprint(token))
  const change = (token: string, act: (plugins: Set<string>) => void) => {
    const entry = find(token)
    if (!entry) return undefined
    act(entry.plugins)
    return [...entry.plugins]
  }
  const allow = (token: string, added: readonly string[]) =>
    change(token, (plugins) => {
      for (const plugin of added) plugins.add(plugin)
    })
  return {
    add(token, plugins) {
      if (!find(token)) entries.set(fingerprint(token), { token, plugins: new Set() })
      return allow(token, plugins) ?? []
    },
    allow,
    disallow: (token, removed) =>
      change(token, (plugins) => {
        for (const plugin of removed) plugins.delete(plugin)
      }),
    remove: (token) => entries.delete(fingerprint(token)),
    list: () => [...entries.values()].map(({ token, plugins }) => ({ token, plugins: [...plugins] })),
    knows: (token) => find(token) !== undefined,
    allows: (token, plugin) => find(token)?.plugins.has(plugin) ?? false,
  }
}
