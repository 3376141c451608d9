/** Captures of one handle: `start_pcap` and `start_text2pcap`, and what ends them. */
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../errors.js'
import type { FieldRule } from '../fields.js'
import type { CaptureOutcome, CaptureRequest } from '../handle-info.js'
import type { AdminHandleContext, AdminOutcome, AdminRequests } from './request.js'

type Format = CaptureRequest['format']

const rules: readonly FieldRule[] = [
  { name: 'folder', type: 'a string' },
  { name: 'filename', type: 'a string' },
  { name: 'truncate', type: 'a positive integer' },
]

/** One name in a path: nothing that is hidden, and nothing that leads up. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const DEPTH_MAX = 8
/** What people said and showed is for the owner's eyes only. */
const MODE = 0o700

/**
 * A file in a folder below `base`, which is made if need be.
 * @returns undefined when folder or name lead elsewhere, or are no names
 * @throws the system's error when the folder cannot be made
 */
export async function captureFile(base: string, folder: string, name: string): Promise<string | undefined> {
  const names = folder === '' ? [] : folder.split('/')
  if (names.length > DEPTH_MAX || ![...names, name].every((part) => NAME.test(part))) return undefined
  await mkdir(base, { recursive: true, mode: MODE })
  let at = base
  for (const part of names) {
    at = join(at, part)
    await mkdir(at, { mode: MODE }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    // A link may lead anywhere.
    if (!(await lstat(at)).isDirectory()) return undefined
  }
  return join(at, name)
}

async function start(context: AdminHandleContext, format: Format): Promise<AdminOutcome> {
  const { services, message, handle } = context
  const { captures } = services
  if (!captures) return failure('UNKNOWN', 'Captures are off: the server was started without --capture-dir')
  const folder = (message.folder as string | undefined) ?? ''
  const byDefault = `handle-${handle.id}-${Date.now()}.${format === 'pcap' ? 'pcap' : 'txt'}`
  let file: string | undefined
  try {
    file = await captureFile(captures.folder, folder, (message.filename as string | undefined) ?? byDefault)
  } catch (error) {
    return failure('UNKNOWN', `Cannot make the folder (${(error as NodeJS.ErrnoException).code})`)
  }
  if (file === undefined) {
    return failure('UNKNOWN', 'folder and filename have to be plain names below the capture folder')
  }
  const truncateBytes = (message.truncate as number | undefined) ?? 0
  const outcome = await handle.capture({ file, format, truncateBytes, maxBytes: captures.maxBytes })
  if (outcome !== 'started') return refusal(outcome, format)
  services.log.warn({ handle: handle.id, file }, 'an operator captures the packets of a handle')
  return { fields: { file } }
}

async function stop({ handle }: AdminHandleContext, format: Format): Promise<AdminOutcome> {
  const outcome = await handle.capture(null)
  return outcome === 'stopped' ? {} : refusal(outcome, format)
}

function refusal(outcome: CaptureOutcome, format: Format): AdminOutcome {
  if (typeof outcome === 'object') return failure('UNKNOWN', `Cannot capture: ${outcome.problem}`)
  if (outcome === 'already started') return failure('UNKNOWN', `${format} already started`)
  if (outcome === 'nothing') return failure('UNKNOWN', 'There is no PeerConnection to capture')
  return failure('UNKNOWN', 'Capture not started')
}

export const captureRequests = {
  start_pcap: { scope: 'handle', rules, run: (context) => start(context, 'pcap') },
  start_text2pcap: { scope: 'handle', rules, run: (context) => start(context, 'text2pcap') },
  stop_pcap: { scope: 'handle', run: (context) => stop(context, 'pcap') },
  stop_text2pcap: { scope: 'handle', run: (context) => stop(context, 'text2pcap') },
} satisfies AdminRequests
