/**
 * What was sent lately under which transport-wide number, so that feedback can be understood. A ring; the slot is the
 * number modulo its length.
 */

/** Two seconds at 10 Mbit/s of full packets: more than feedback is ever late. A power of two. */
export const SENT_WINDOW = 2048

/** What became of a packet. */
export const Fate = { unknown: 0, lost: 1, arrived: 2 } as const

/** Cluster of packets that belong to no probe. */
export const NO_CLUSTER = 0

export class SentPackets {
  // Made with the first packet: most connections have no numbers.
  #sentMs = new Float64Array(0)
  #bytes = new Uint16Array(0)
  #clusters = new Uint8Array(0)
  #fates = new Uint8Array(0)
  /** Bytes up to and with each packet. */
  #totals = new Float64Array(0)
  /** Packets recorded ever. */
  count = 0
  #totalBytes = 0
  #toldBytes = 0
  #newestSeq = 0
  #newestMs = Number.NEGATIVE_INFINITY

  /** When the last packet was sent. */
  get newestMs(): number {
    return this.#newestMs
  }

  /** Bytes that went out and that nothing is known of yet: those behind the newest packet whose fate is known. */
  get inFlightBytes(): number {
    return this.#totalBytes - this.#toldBytes
  }

  /**
   * One packet goes out. Numbers grow by 1 modulo 2^16.
   * @param bytes on the wire, at most 65,535 @param cluster of the probe that it belongs to, or `NO_CLUSTER`
   */
  record(seq: number, nowMs: number, bytes: number, cluster: number): void {
    if (this.count === 0) this.#begin()
    const slot = seq % SENT_WINDOW
    this.#sentMs[slot] = nowMs
    this.#bytes[slot] = bytes
    this.#clusters[slot] = cluster
    this.#fates[slot] = Fate.unknown
    this.#totals[slot] = this.#totalBytes += bytes
    this.#newestSeq = seq
    this.#newestMs = nowMs
    this.count++
  }

  /** @returns how far `seq` is behind the newest number, or −1 when it was never sent or is forgotten */
  age(seq: number): number {
    const age = (this.#newestSeq - seq) & 0xffff
    return age < Math.min(this.count, SENT_WINDOW) ? age : -1
  }

  // ---- of numbers with an age

  /** When it was sent. */
  sentMsOf(seq: number): number {
    return this.#sentMs[seq % SENT_WINDOW]!
  }

  /** Its bytes on the wire. */
  bytesOf(seq: number): number {
    return this.#bytes[seq % SENT_WINDOW]!
  }

  /** The probe that it belongs to, or `NO_CLUSTER`. */
  clusterOf(seq: number): number {
    return this.#clusters[seq % SENT_WINDOW]!
  }

  fateOf(seq: number): number {
    return this.#fates[seq % SENT_WINDOW]!
  }

  #begin(): void {
    this.#sentMs = new Float64Array(SENT_WINDOW)
    this.#bytes = new Uint16Array(SENT_WINDOW)
    this.#clusters = new Uint8Array(SENT_WINDOW)
    this.#fates = new Uint8Array(SENT_WINDOW)
    this.#totals = new Float64Array(SENT_WINDOW)
  }

  /** Feedback told what became of it. @param fate one of `Fate` */
  settle(seq: number, fate: number): void {
    const slot = seq % SENT_WINDOW
    this.#fates[slot] = fate
    this.#toldBytes = Math.max(this.#toldBytes, this.#totals[slot]!)
  }
}
