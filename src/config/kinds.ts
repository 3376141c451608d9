/**
 * The kinds of values that settings have. Flags and variables are text, a TOML file has types: each kind takes both.
 */
import { isIP, isIPv6 } from 'node:net'
import { z } from 'zod'

const DECIMAL = /^-?\d+(\.\d+)?$/
const fromText = (value: unknown) => (typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value)

/** A whole number from `min` to `max`. */
export function integer(min = 0, max = Number.MAX_SAFE_INTEGER) {
  const upTo = max === Number.MAX_SAFE_INTEGER ? `, ${min} or more` : ` from ${min} to ${max}`
  const error = `expected a whole number${upTo}`
  return z.preprocess(fromText, z.number({ error }).int({ error }).min(min, { error }).max(max, { error }))
}

/** A port; 0 = any free one. */
export const port = integer(0, 65_535)

/** Longest time that a timer can wait. */
const SECONDS_MAX = 2_147_483

/** Seconds, with fractions. */
export function seconds(max = SECONDS_MAX) {
  const error = `expected seconds from 0 to ${max}`
  return z.preprocess(fromText, z.number({ error }).min(0, { error }).max(max, { error }))
}

export const text = z.string({ error: 'expected text' }).min(1, { error: 'expected some text' })

export const httpUrl = text.transform((value, context) => {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return new URL(value)
  context.addIssue({ code: 'custom', message: 'expected an http or https URL' })
  return z.NEVER
})

/** On or off. */
export const yesNo = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean({ error: 'expected true or false' }),
)

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` })
}

/** Several of the same: a flag may be repeated, a variable separates them by commas, a file has an array. */
export function list<T extends z.ZodType>(item: T) {
  const split = (value: unknown) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value)
  const flat = (value: unknown) => (Array.isArray(value) ? value.flatMap(split) : split(value))
  return z.preprocess(flat, z.array(item, { error: 'expected a list' }))
}

/** Some of these words, best first: at least one, each once. */
export function ranking<const T extends readonly [string, ...string[]]>(words: T) {
  return list(oneOf(words)).refine((ranked) => ranked.length > 0 && new Set(ranked).size === ranked.length, {
    error: `expected some of ${words.join(', ')}, each once`,
  })
}

/** A folder below another: a name, or several with slashes between them. */
export const subfolder = z
  .string({ error: 'expected text' })
  .regex(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*$/, { error: 'expected a name of a folder below --data-dir' })

/** One way to write an IPv6 address (RFC 5952), so that equal ones look equal. A zone (`fe80::1%eth0`) stays. */
function canonical(address: string): string {
  const [plain = '', zone] = address.split('%')
  if (!isIPv6(plain)) return address
  const { hostname } = new URL(`http://[${plain}]`)
  return zone === undefined ? hostname.slice(1, -1) : `${hostname.slice(1, -1)}%${zone}`
}

/** Why clients could never reach an address that a candidate tells them; undefined when they may. */
function whyUnreachable(announced: string): string | undefined {
  if (announced.includes('%')) return 'a candidate has no zone'
  if (/^(0\.0\.0\.0|::)$/.test(announced)) return 'it stands for all addresses of this host'
  if (/^fe[89ab]/.test(announced)) return 'link-local addresses need a zone, which a candidate does not have'
  if (announced.startsWith('::ffff:')) return 'write the IPv4 address that is in it'
  return undefined
}

/** `ADDRESS` or `LISTEN=ANNOUNCED`. */
export const rtcIp = z.string({ error: 'expected text' }).transform((text, context) => {
  const [address = '', announced = address, ...rest] = text.split('=')
  const wrong = (message: string) => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  if (!isIP(address) || !isIP(announced) || rest.length > 0) {
    return wrong(`"${text}" is not ADDRESS or LISTEN=ANNOUNCED (IP addresses)`)
  }
  const why = whyUnreachable(canonical(announced))
  if (why !== undefined) return wrong(`${announced} cannot be announced: ${why}`)
  return { address: canonical(address), announced: canonical(announced) }
})

/** `*`, or scheme and host of a page, like `https://example.com`. */
export const origin = z
  .string({ error: 'expected text' })
  .refine((text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text), {
    error: 'expected * or an origin like https://example.com, without a path',
  })

/** An address, or a network like `10.0.0.0/8`. */
export const network = z.string({ error: 'expected text' }).refine(
  (text) => {
    const [address = '', bits, ...rest] = text.split('/')
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv6(address) ? 128 : 32))
    return isIP(address) !== 0 && fits && rest.length === 0
  },
  { error: 'expected an address, or a network like 10.0.0.0/8' },
)
