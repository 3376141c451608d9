/** Checks of request fields, with the texts and the order of Janus. */
import { type Failure, failure } from './errors.js'

export type JsonObject = Readonly<Record<string, unknown>>

/** Words that error texts use for types. "Positive" includes 0, as in Janus. */
type FieldType = 'a string' | 'a boolean' | 'an object' | 'an array' | 'an integer' | 'a positive integer'

export interface FieldRule {
  readonly name: string
  readonly type: FieldType
  readonly required?: boolean
}

/** How a failed check is worded. */
export interface FieldWords {
  missing(name: string): string
  wrongType(name: string, type: string): string
}

const requestWords: FieldWords = {
  missing: (name) => `Missing mandatory element (${name})`,
  wrongType: (name, type) => `Invalid element type (${name} should be ${type})`,
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON integers that survive a double; larger ones would be other ids after parsing. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

export function isPositiveInteger(value: unknown): value is number {
  return isInteger(value) && value >= 0
}

const is: Record<FieldType, (value: unknown) => boolean> = {
  'a string': (value) => typeof value === 'string',
  'a boolean': (value) => typeof value === 'boolean',
  'an object': isJsonObject,
  'an array': Array.isArray,
  'an integer': isInteger,
  'a positive integer': isPositiveInteger,
}

/** @returns the first broken rule. `null` counts as present, so it has the wrong type. */
export function checkFields(
  object: JsonObject,
  rules: readonly FieldRule[],
  words = requestWords,
): Failure | undefined {
  for (const { name, type, required } of rules) {
    const value = object[name]
    if (value === undefined) {
      if (required) return failure('MISSING_MANDATORY_ELEMENT', words.missing(name))
    } else if (!is[type](value)) {
      return failure('INVALID_ELEMENT_TYPE', words.wrongType(name, type))
    }
  }
  return undefined
}
