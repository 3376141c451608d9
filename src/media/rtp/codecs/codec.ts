/**
 * What the forwarder asks about a payload `bytes[offset … offset + length)`. No question throws or reads
 * outside that range; a payload too short to tell answers false.
 */
export interface Codec {
  kind: 'audio' | 'video'
  /**
   * Whether decoding can begin with this packet: the first packet of a picture that needs no earlier one.
   * Always true for audio that is not empty.
   */
  isKeyframe(bytes: Uint8Array, offset: number, length: number): boolean
  /** Reads the picture size in a packet that `isKeyframe`, for codecs that are read no further. @returns whether it says one */
  readSize?(bytes: Uint8Array, offset: number, length: number, size: { width: number; height: number }): boolean
}
