/**
 * Which frames of one encoding a subscription gets: those of one decode target. It changes to another target where a picture
 * begins and that target is *intact*: every frame of it was sent since it could be begun. Going down is mostly possible at
 * once; going up waits for a switching point, or for a keyframe.
 */
import { EVERY, WHOLE } from './layer-targets.js'
import type { Packet } from './packet.js'

export class LayerFilter {
  /** The target that is sent; `WHOLE` = all packets. */
  current = WHOLE
  /** The target to change to. */
  desired = WHOLE
  /** The desired target is the highest that there is: once it is reached, all packets are sent. */
  #whole = true
  /** Targets are numbered by layers, so that those between the present and the desired one are steps towards it. */
  #stepped = true
  #intact = EVERY
  /** RTP timestamp of the picture at hand; −1 before the first one. */
  #timestamp = -1

  /**
   * Changes the desired target.
   * @returns whether it can be reached without another keyframe, as far as is known
   */
  aim(target: number, whole: boolean, stepped: boolean): boolean {
    this.desired = target
    this.#whole = whole
    this.#stepped = stepped
    return target === WHOLE || this.current === target || this.#has(target)
  }

  /** `packet`, of a keyframe, is sent as the first one: all targets begin. One that does not need it waits for the next picture. */
  begin({ layered, present, view }: Packet): void {
    this.#intact = EVERY
    this.#timestamp = view.timestamp
    const needed = !layered || ((present >>> this.desired) & 1) === 1
    this.current = this.#whole || !needed ? WHOLE : this.desired
  }

  /** Whether `packet`, the newest so far, is sent. Only for packets whose layers are known. */
  admit(packet: Packet): boolean {
    const { present } = packet
    if (packet.startsFrame) {
      // A frame that depends on lower layers only is the first of its own target, if the one below it is intact.
      this.#intact |= packet.begins === EVERY ? EVERY : packet.begins & (this.#intact << 1)
      if (packet.view.timestamp !== this.#timestamp) this.#change()
      this.#timestamp = packet.view.timestamp
    }
    const { current } = this
    const sent = current === WHOLE || ((present >>> current) & 1) === 1
    if (packet.startsFrame) this.#intact = sent ? this.#intact | packet.continues : this.#intact & ~present
    return sent
  }

  #has(target: number): boolean {
    return ((this.#intact >>> target) & 1) === 1
  }

  #change(): void {
    const { current, desired } = this
    if (current === desired || (current === WHOLE && this.#whole)) return
    let target = desired
    if (desired === WHOLE) return
    if (!this.#has(target)) {
      if (!this.#stepped || current === WHOLE) return
      while (target > current && !this.#has(target)) target--
      if (target <= current) return
    }
    this.current = target
    // Frames that no target above needs may have been left out: with a descriptor they stay out until a keyframe.
    if (target !== desired || !this.#whole || !this.#stepped) return
    this.current = WHOLE
    this.#intact = EVERY
  }
}
