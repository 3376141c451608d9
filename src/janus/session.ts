/** One session: its handles, its owner and when its client last gave a sign of life. */
import type { Owner, ServerMessage } from './connection.js'
import type { Handle, HandleSession } from './handle.js'

export class Session implements HandleSession {
  readonly id: number
  readonly handles = new Map<number, Handle>()
  /** Address of its owner, or of the last one that it had. */
  address: string
  /** Replaces the gateway's timeout; 0 = never. */
  timeoutMs: number | undefined
  #owner: Owner | undefined
  #lastActivityMs: number
  readonly #expire: (session: Session) => void

  constructor(id: number, owner: Owner, nowMs: number, expire: (session: Session) => void) {
    this.id = id
    this.#owner = owner
    this.address = owner.address
    this.#lastActivityMs = nowMs
    this.#expire = expire
  }

  /** Gets the events; undefined while its transport is lost: events are dropped then, as in Janus. */
  get owner(): Owner | undefined {
    return this.#owner
  }

  set owner(owner: Owner | undefined) {
    this.#owner = owner
    this.address = owner?.address ?? this.address
  }

  /** A request came. */
  touch(nowMs: number): void {
    this.#lastActivityMs = nowMs
  }

  lastActivityMs(): number {
    return this.#lastActivityMs
  }

  event(message: ServerMessage): void {
    this.owner?.event(message)
  }

  removed(handle: Handle): void {
    this.handles.delete(handle.id)
  }

  /** Ends it as a timeout does. */
  expire(): void {
    this.#expire(this)
  }

  /** @param timeoutMs of the gateway, 0 = never @param reclaimMs how long a session may be without transport */
  isOverdue(nowMs: number, timeoutMs: number, reclaimMs: number): boolean {
    const idleMs = nowMs - this.#lastActivityMs
    const ownTimeoutMs = this.timeoutMs ?? timeoutMs
    return (ownTimeoutMs > 0 && idleMs >= ownTimeoutMs) || (!this.owner && idleMs >= reclaimMs)
  }

  /** Ends all handles, silently. */
  dispose(): void {
    const handles = [...this.handles.values()]
    this.handles.clear()
    for (const handle of handles) handle.dispose()
  }
}
