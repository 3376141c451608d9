/** A capture as a file: written behind the packet loop's back, bounded, and never over something that is there. */
import { constants, createWriteStream, openSync } from 'node:fs'
import type { CaptureOptions } from '../control.js'
import type { CaptureSink } from './captures.js'
import { captureFormats } from './formats.js'

/** Bytes that wait for a slow disk; packets beyond are left out. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** For the owner only: what people said and showed is in it. */
const MODE = 0o600

/**
 * Makes the file, which must not exist yet.
 * @param ended called once when it ends by itself: it is full, or cannot be written
 * @throws the system's error (EEXIST, ENOENT, EACCES, …)
 */
export function openCaptureFile(options: CaptureOptions, ended: (why: string) => void): CaptureSink {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const fd = openSync(options.file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
  const format = captureFormats[options.format]
  const stream = createWriteStream('', { fd })
  const closed = new Promise<void>((resolve) => stream.once('close', resolve))
  let open = true
  let bytesLeft = options.maxBytes - format.header.length
  const end = (why: string) => {
    if (!open) return
    open = false
    stream.end()
    ended(why)
  }
  stream.on('error', (error) => end(error.message))
  if (format.header.length > 0) stream.write(format.header)
  return {
    write(incoming, bytes, offset, length) {
      if (!open || stream.writableLength > MAX_WAITING_BYTES) return false
      const kept = options.truncateBytes > 0 ? Math.min(length, options.truncateBytes) : length
      const atMs = performance.timeOrigin + performance.now()
      const record = format.record({ incoming, atMs, bytes, offset, length }, kept)
      if (record.length > bytesLeft) {
        end(`the file is full (${options.maxBytes} bytes)`)
        return false
      }
      bytesLeft -= record.length
      stream.write(record)
      return true
    },
    close() {
      open = false
      stream.end()
      return closed
    },
  }
}
