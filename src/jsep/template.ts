/** A text that is the same each time but for some places, which are named in braces: `a=mid:{mid}`. */
export class Template {
  /** Text and names in turn, text first. */
  readonly #parts: readonly string[]

  /** @param text in which nothing else is in braces */
  constructor(text: string) {
    this.#parts = text.split(/\{([\w.]+)\}/)
  }

  /**
   * @param values by name, put in as they are, once for each place of the name
   * @throws Error when one is missing
   */
  fill(values: Readonly<Record<string, string>>): string {
    let text = this.#parts[0]!
    for (let index = 1; index < this.#parts.length; index += 2) {
      const name = this.#parts[index]!
      const value = values[name]
      if (value === undefined) throw new Error(`no value for ${name}`)
      text += value + this.#parts[index + 1]!
    }
    return text
  }
}
