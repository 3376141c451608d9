/**
 * Events that many handles get. Their messages differ in whom they are for; the rest is turned into bytes once,
 * and so is whom a handle is.
 */

/**
 * JSON as the bytes of its UTF-8, one character each ("binary string"): sockets write that without another copy.
 * @param value what JSON can say
 */
export function jsonBytes(value: unknown): string {
  const text = JSON.stringify(value)
  const isAscii = Buffer.byteLength(text) === text.length
  return isAscii ? text : Buffer.from(text).toString('latin1')
}

/** `plugindata.data` of an event that a plugin pushes to many of its handles. Must not change once it is pushed. */
export class SharedData {
  readonly data: Readonly<Record<string, unknown>>
  #plugindata: { readonly plugin: string; readonly data: object } | undefined
  #rest: string | undefined

  constructor(data: Readonly<Record<string, unknown>>) {
    this.data = data
  }

  /** @param plugin package name of the plugin, which is the same each time */
  plugindata(plugin: string): object {
    return (this.#plugindata ??= { plugin, data: this.data })
  }

  /** The end of a message that it is in: `plugindata` as bytes, and the last brace. */
  rest(plugin: string): string {
    return (this.#rest ??= `${jsonBytes(this.plugindata(plugin))}}`)
  }
}

/** Whom the events of one handle are for. */
export interface Addressee {
  readonly session_id: number
  readonly sender: number
  readonly opaque_id?: string
}

/** What all shared events of one handle begin with. */
export class EventHead {
  readonly addressee: Addressee
  readonly plugin: string
  #bytes: string | undefined

  constructor(addressee: Addressee, plugin: string) {
    this.addressee = addressee
    this.plugin = plugin
  }

  get bytes(): string {
    return (this.#bytes ??= `${jsonBytes({ janus: 'event', ...this.addressee }).slice(0, -1)},"plugindata":`)
  }
}

/** A message like any other to `JSON.stringify`; who writes many takes `head` and `rest`. */
export class SharedEvent {
  [key: string]: unknown
  readonly janus = 'event'
  readonly session_id: number
  readonly sender: number
  readonly #head: EventHead
  readonly #data: SharedData

  constructor(head: EventHead, data: SharedData) {
    const { session_id, sender, opaque_id } = head.addressee
    this.#head = head
    this.#data = data
    this.session_id = session_id
    this.sender = sender
    if (opaque_id !== undefined) this.opaque_id = opaque_id
    this.plugindata = data.plugindata(head.plugin)
  }

  /** First bytes of the JSON, the same for all events of the handle. */
  get head(): string {
    return this.#head.bytes
  }

  /** The others, the same for all handles. */
  get rest(): string {
    return this.#data.rest(this.#head.plugin)
  }
}
