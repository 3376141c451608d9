/** Cuts text into JSON documents: Janus clients may put several into one WebSocket message. */

/** Janus' JSON library allows 2048; no client comes near either. */
const DEPTH_MAX = 256
const NEAR_MAX = 20

export type JsonStep =
  /** A document; `length` is how many characters it took. */
  | { readonly kind: 'document'; readonly value: unknown; readonly length: number }
  /** The rest of the text is not JSON. */
  | ({ readonly kind: 'malformed' } & Malformed)
  | { readonly kind: 'end' }

/** Where and why text is not JSON, in the words of Janus' JSON library. Lines count from 1. */
export interface Malformed {
  readonly line: number
  readonly column: number
  readonly problem: string
}

const END = { kind: 'end' } as const

const isSpace = (code: number) => code === 0x20 || (code >= 0x09 && code <= 0x0a) || code === 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const isOpening = (code: number) => code === 0x5b || code === 0x7b
const isClosing = (code: number) => code === 0x5d || code === 0x7d

/** Reads documents one after the other, so that the caller can stop in between. Time is linear in the text. */
export class JsonDocuments {
  readonly #text: string
  #at = 0
  #any = false

  constructor(text: string) {
    this.#text = text
  }

  /** Reads text that has to be one document and nothing else. */
  static only(text: string): Exclude<JsonStep, typeof END> {
    const documents = new JsonDocuments(text)
    const first = documents.#document()
    if (first.kind !== 'document' || !documents.#more()) return first
    const near = tokenAt(text, documents.#at)
    return documents.#malformed(documents.#at + near.length, `end of file expected near '${near}'`)
  }

  /** @returns false when `next` will say that this is the end */
  hasNext(): boolean {
    return !this.#any || this.#more()
  }

  /** The next document. A text without any is malformed; after `malformed` comes `end`. */
  next(): JsonStep {
    return this.hasNext() ? this.#document() : END
  }

  #document(): Exclude<JsonStep, typeof END> {
    const text = this.#text
    if (!this.#more()) return this.#malformed(text.length, "'[' or '{' expected near end of file")
    const start = this.#at
    if (!isOpening(text.charCodeAt(start))) {
      const near = tokenAt(text, start)
      return this.#malformed(start + near.length, `'[' or '{' expected near '${near}'`)
    }
    const end = endOfDocument(text, start)
    if (end === 'too deep') return this.#malformed(start, 'maximum parsing depth reached')
    if (end === 'unfinished') return this.#malformed(text.length, 'premature end of input near end of file')
    this.#at = end
    this.#any = true
    try {
      return { kind: 'document', value: JSON.parse(text.slice(start, end)), length: end - start }
    } catch (error) {
      const position = start + Number(/at position (\d+)/.exec(String(error))?.[1] ?? 0)
      return this.#malformed(position, `invalid token near '${tokenAt(text, position)}'`)
    }
  }

  /** Goes past space. @returns whether anything follows */
  #more(): boolean {
    while (this.#at < this.#text.length && isSpace(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#at < this.#text.length
  }

  #malformed(position: number, problem: string): Extract<JsonStep, Malformed> {
    const before = this.#text.slice(0, position)
    const line = before.split('\n').length
    const column = position - (before.lastIndexOf('\n') + 1)
    this.#at = this.#text.length
    this.#any = true
    return { kind: 'malformed', line, column, problem }
  }
}

/** Index behind the bracket that closes the one at `start`. Kinds of brackets are left for the parser to match. */
function endOfDocument(text: string, start: number): number | 'too deep' | 'unfinished' {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) {
      inString = true
    } else if (isOpening(code)) {
      if (++depth > DEPTH_MAX) return 'too deep'
    } else if (isClosing(code) && --depth === 0) {
      return at + 1
    }
  }
  return 'unfinished'
}

function tokenAt(text: string, at: number): string {
  const word = /^[\w.+-]+/.exec(text.slice(at, at + NEAR_MAX))
  return word ? word[0] : text.slice(at, at + 1)
}
