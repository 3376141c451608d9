/** All header extensions in one table, their readers, and the block's reader and writer. */
import { absCaptureTime } from './abs-capture-time.js'
import { absSendTime } from './abs-send-time.js'
import { audioLevel } from './audio-level.js'
import { dependencyDescriptor } from './dependency-descriptor.js'
import type { Extension } from './extension.js'
import { mid } from './mid.js'
import { playoutDelay } from './playout-delay.js'
import { repairedRid } from './repaired-rid.js'
import { rid } from './rid.js'
import { transportCc } from './transport-cc.js'
import { videoOrientation } from './video-orientation.js'

export const extensions = {
  mid,
  rid,
  'repaired-rid': repairedRid,
  'audio-level': audioLevel,
  'abs-send-time': absSendTime,
  'abs-capture-time': absCaptureTime,
  'video-orientation': videoOrientation,
  'playout-delay': playoutDelay,
  'dependency-descriptor': dependencyDescriptor,
  'transport-cc': transportCc,
} as const satisfies Record<string, Extension>

/** The same names as in the control messages of the workers. */
export type RtpExtensionName = keyof typeof extensions

export * from './abs-capture-time.js'
export * from './abs-send-time.js'
export * from './audio-level.js'
export * from './dependency-descriptor.js'
export * from './dependency-structure.js'
export * from './elements.js'
export type { Extension } from './extension.js'
export * from './mid.js'
export * from './playout-delay.js'
export * from './transport-cc.js'
export * from './video-orientation.js'
export * from './writer.js'
