/**
 * Loads the native addon: the `MediaIo` with real sockets. Nobody else may load it.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type IoOptions, type MediaIo, type OnBatch, type OpenIo, SrtpProfile } from './io.js'

/** Pure SRTP transforms of the addon, for comparing it with `reference/srtp.ts`. Not used by the packet loop. */
export interface SrtpSeam {
  /**
   * Seals a plain packet. `index` is ROC << 16 | seq for RTP (48 bits), the SRTCP index (31 bits) for RTCP.
   * `salt` has 12 bytes for GCM, 14 for AES-CM. Null when the packet is malformed.
   */
  srtpProtect(
    profile: number,
    key: Uint8Array,
    salt: Uint8Array,
    kind: 'rtp' | 'rtcp',
    packet: Uint8Array,
    index: number,
  ): Uint8Array | null
  /** The reverse; null when the tag is wrong. */
  srtpUnprotect(
    profile: number,
    key: Uint8Array,
    salt: Uint8Array,
    kind: 'rtp' | 'rtcp',
    packet: Uint8Array,
    index: number,
  ): Uint8Array | null
  /** RFC 3711 §4.3: `length` (1–32) bytes of the session key with `label`. */
  srtpDerive(key: Uint8Array, salt: Uint8Array, label: number, length: number): Uint8Array
}

interface Addon extends SrtpSeam {
  pinThread(index: number): number
  Io: new (
    maxTransports: number,
    handshakeTimeoutMs: number,
    firstProfile: number,
    secondProfile: number,
    onBatch: OnBatch,
  ) => MediaIo
}

const require = createRequire(import.meta.url)

/** The folder `native/` of this package: it is above this file, at a depth that depends on the build. */
function nativeFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const native = join(at, 'native')
    if (existsSync(join(native, 'prebuilds')) || existsSync(join(native, 'build'))) return native
  }
  throw new Error('the native addon is not built: run "npm run build" (it needs make and a C++20 compiler)')
}

function loadAddon(): Addon {
  const load = require('node-gyp-build') as (folder: string) => Addon
  return load(nativeFolder())
}

let loaded: Addon | undefined

/** Loaded at first use, so that what only imports types or parts of this module needs no addon. */
function addon(): Addon {
  loaded ??= loadAddon()
  return loaded
}

/**
 * Keeps the calling thread on the `index`-th of the CPUs that it may use, counted around.
 * @returns the number of the CPU
 * @throws Error when the system refuses
 */
export const pinThread = (index: number): number => addon().pinThread(index)

export const srtpSeam = (): SrtpSeam => addon()

/**
 * Opens an io with no socket yet; see `MediaIo.listen`.
 * @throws RangeError for options out of range, Error when the addon cannot be loaded or OpenSSL refuses
 */
export const openNativeIo: OpenIo = (options: IoOptions, onBatch: OnBatch): MediaIo => {
  const profiles = options.srtpProfiles ?? [SrtpProfile.aeadAes128Gcm, SrtpProfile.aes128CmSha1_80]
  const [first, second] = profiles
  if (profiles.length > 2 || (first !== undefined && first === second)) {
    throw new RangeError('srtpProfiles must name at most two different profiles')
  }
  return new (addon().Io)(
    options.maxTransports ?? 4096,
    options.handshakeTimeoutMs ?? 15_000,
    first ?? SrtpProfile.none,
    second ?? SrtpProfile.none,
    onBatch,
  )
}
