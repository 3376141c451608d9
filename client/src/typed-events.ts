/** An `EventTarget` whose event names and `detail` types are known: `Events` maps a name to its detail. */
export class TypedEventTarget<Events extends object> extends EventTarget {
  /**
   * Listens to one kind of event.
   * @param options `once`, and `signal` to stop listening
   * @returns a function that stops listening
   */
  on<K extends keyof Events & string>(
    type: K,
    listener: (detail: Events[K]) => void,
    options: { once?: boolean; signal?: AbortSignal } = {},
  ): () => void {
    const unwrap = (event: Event): void => listener((event as CustomEvent<Events[K]>).detail)
    this.addEventListener(type, unwrap, options)
    return () => this.removeEventListener(type, unwrap)
  }

  protected emit<K extends keyof Events & string>(type: K, detail: Events[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
