/** What rostra knows about one header extension. */
export interface Extension {
  /** As `a=extmap` names it. */
  uri: string
  /** Longest element that is carried on; a longer one is left out. */
  maxBytes: number
  /**
   * What the forwarder does with it: `copy` the publisher's bytes under the subscriber's id, `drop` it, since it
   * says something about the publisher's connection only, or `write` a value of ours.
   */
  onForward: 'copy' | 'drop' | 'write'
}
