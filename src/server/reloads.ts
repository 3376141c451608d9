/** SIGHUP: new settings for a running server, all of them or none. */
import { type Config, type SettingKey, settingKeys, settingName, settingOf } from '../config/settings.js'

/**
 * Makes ready for new settings.
 * @param before those in force: what an operator has changed by other means stays when the setting did not change
 * @returns puts them in force, without fail
 * @throws ConfigError: they cannot be used
 */
export type Reload = (next: Config, before: Config) => () => void

export interface Reloaded {
  /** Settings that changed and are in force, like `max-ccu`. */
  readonly changed: readonly string[]
  /** Settings that changed and need a restart. */
  readonly needRestart: readonly string[]
}

export class Reloads {
  #config: Config
  readonly #parts: Reload[] = []

  constructor(config: Config) {
    this.#config = config
  }

  add(part: Reload): void {
    this.#parts.push(part)
  }

  /** @throws ConfigError when something cannot be used: nothing has changed then */
  apply(config: Config): Reloaded {
    const steps = this.#parts.map((part) => part(config, this.#config))
    for (const step of steps) step()
    const differing = settingKeys.filter((key) => differs(this.#config, config, key))
    const names = (reloads: boolean) => differing.filter((key) => (settingOf(key).reloads ?? false) === reloads)
    // A setting that needs a restart stays what it was, and is told again next time.
    const kept = Object.fromEntries(names(false).map((key) => [key, this.#config[key]]))
    this.#config = { ...config, ...kept }
    return { changed: names(true).map(settingName), needRestart: names(false).map(settingName) }
  }
}

const differs = (before: Config, after: Config, key: SettingKey) =>
  JSON.stringify(before[key]) !== JSON.stringify(after[key])
