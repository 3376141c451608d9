/** Settings that cannot be used: one line per mistake, each names its setting. The program prints it and exits with 1. */
export class ConfigError extends Error {
  /** At least one. */
  readonly mistakes: readonly string[]

  constructor(first: string, ...more: readonly string[]) {
    super(more.length === 0 ? first : `${first} (and ${more.length} more: \`rostra check-config\` lists them)`)
    this.mistakes = [first, ...more]
  }
}
