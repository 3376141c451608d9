/**
 * Things that are due at a time each, the earliest first: a binary heap in which every item knows its place, so
 * that an item has one entry however often its time changes. O(log n) for a change, O(1) to see that nothing is due.
 */
export interface Due {
  /** When it is due; set by the heap. */
  dueMs: number
  /** Its place in the heap, −1 when it is in none; set by the heap. */
  heapIndex: number
}

/** An item's fields before it is in a heap. */
export const newDue = (): Due => ({ dueMs: Number.POSITIVE_INFINITY, heapIndex: -1 })

export class DeadlineHeap<T extends Due> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** When the earliest item is due, or Infinity. */
  get earliestMs(): number {
    return this.#items[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Puts `item` in, or moves it. Infinity takes it out. */
  set(item: T, dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) return this.remove(item)
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length
      this.#items.push(item)
    }
    item.dueMs = dueMs
    this.#settle(item)
  }

  /** Takes `item` out; twice is harmless. */
  remove(item: T): void {
    const at = item.heapIndex
    if (at < 0) return
    item.heapIndex = -1
    item.dueMs = Number.POSITIVE_INFINITY
    const last = this.#items.pop()!
    if (last === item) return
    this.#put(last, at)
    this.#settle(last)
  }

  /** Takes out the earliest item if it is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#items[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  #put(item: T, at: number): void {
    this.#items[at] = item
    item.heapIndex = at
  }

  /** Moves an item up or down to where it belongs. */
  #settle(item: T): void {
    let at = item.heapIndex
    while (at > 0) {
      const parent = this.#items[(at - 1) >> 1]!
      if (parent.dueMs <= item.dueMs) break
      this.#put(parent, at)
      at = (at - 1) >> 1
    }
    for (;;) {
      const child = this.#earlierChild(at)
      if (child === undefined || child.dueMs >= item.dueMs) break
      const below = child.heapIndex
      this.#put(child, at)
      at = below
    }
    this.#put(item, at)
  }

  #earlierChild(at: number): T | undefined {
    const left = this.#items[2 * at + 1]
    const right = this.#items[2 * at + 2]
    return left !== undefined && right !== undefined && right.dueMs < left.dueMs ? right : left
  }
}
