import { readU16 } from '../big-endian.js'
import type { Extension } from './extension.js'

/**
 * Dependency descriptor (AV1 RTP specification, appendix A.8.1): its mandatory fields, which need no template.
 *
 * ```
 *  0 1 2 3 4 5 6 7 0               1
 * +-+-+-----------+---------------+---------------+
 * |S|E| template  |        frame number           |    S, E: first, last packet of the frame
 * +-+-+-----------+---------------+---------------+    longer than 3 bytes: the extended fields follow, and
 *                                                      the first bit of them says that a structure is there
 * ```
 */
export const dependencyDescriptor = {
  uri: 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  maxBytes: 255,
  onForward: 'copy',
} as const satisfies Extension

export interface DependencyView {
  startOfFrame: boolean
  endOfFrame: boolean
  /** 0–63. */
  templateId: number
  /** 16 bits. */
  frameNumber: number
  /** A template structure is attached, as on the first packet of each keyframe. */
  hasStructure: boolean
}

export function newDependencyView(): DependencyView {
  return { startOfFrame: false, endOfFrame: false, templateId: 0, frameNumber: 0, hasStructure: false }
}

/** Whether a template structure is attached, sound or not. */
export function hasStructure(bytes: Uint8Array, offset: number, length: number): boolean {
  return length > 3 && (bytes[offset + 3]! & 0x80) !== 0
}

/** @returns false when the element is shorter than its mandatory fields */
export function readDependency(bytes: Uint8Array, offset: number, length: number, view: DependencyView): boolean {
  if (length < 3) return false
  const first = bytes[offset]!
  view.startOfFrame = (first & 0x80) !== 0
  view.endOfFrame = (first & 0x40) !== 0
  view.templateId = first & 0x3f
  view.frameNumber = readU16(bytes, offset + 1)
  view.hasStructure = hasStructure(bytes, offset, length)
  return true
}
