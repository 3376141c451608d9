/**
 * Runs inside a browser: end-to-end encryption of encoded frames in a worker (WebRTC Encoded Transform,
 * RTCRtpScriptTransform), AES-GCM with a key that the server never sees.
 */

export interface Lock {
  /** 16 bytes. */
  key: number[]
  /**
   * `payload` leaves the bytes in clear that the stacks of browsers look at, as most pages do: 10 of a VP8 key frame,
   * 3 of a delta frame, 1 of opus. `all` leaves none. It puts a zero in front, by which receiving stacks take every frame
   * for a key frame and pass it on to be decrypted (a one would make them wait forever); nothing else is there of one.
   */
  leaves: 'payload' | 'all'
}

/** Runs in the worker, from its text: what it needs is inside. */
function work(): void {
  type Frame = { type?: 'key' | 'delta'; data: ArrayBuffer; timestamp: number; getMetadata(): object }
  type Options = { key: number[]; leaves: 'payload' | 'all'; way: 'encrypt' | 'decrypt' }
  type Transformer = { options: Options; readable: ReadableStream<Frame>; writable: WritableStream<Frame> }
  const IV_BYTES = 12
  const clearBytes = ({ type }: Frame) => (type === undefined ? 1 : type === 'key' ? 10 : 3)

  async function transform({ options, readable, writable }: Transformer): Promise<void> {
    const { way, leaves } = options
    const key = await crypto.subtle.importKey('raw', new Uint8Array(options.key), 'AES-GCM', false, [way])
    let count = 0
    const front = leaves === 'all' ? Uint8Array.of(0) : new Uint8Array()
    const seal = async (clear: Uint8Array, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array[]> => {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      new DataView(iv.buffer).setUint32(0, count++)
      const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, data)
      return [front, clear, new Uint8Array(sealed), iv]
    }
    const open = async (clear: Uint8Array, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array[]> => {
      const iv = data.slice(data.length - IV_BYTES)
      const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, data.slice(front.length, -IV_BYTES))
      return [clear, new Uint8Array(opened)]
    }
    const frames = new TransformStream<Frame, Frame>({
      async transform(frame, controller) {
        const bytes = new Uint8Array(frame.data)
        // While nothing is said (DTX) frames of sound may be empty, and there is no byte to be left in clear.
        if (bytes.length === 0) return controller.enqueue(frame)
        const skip = leaves === 'all' ? 0 : Math.min(clearBytes(frame), bytes.length)
        try {
          const parts = await (way === 'encrypt' ? seal : open)(bytes.slice(0, skip), bytes.slice(skip))
          const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
          let at = 0
          for (const part of parts) {
            joined.set(part, at)
            at += part.length
          }
          frame.data = joined.buffer
          controller.enqueue(frame)
          postMessage('frame')
        } catch (error) {
          const { type = 'audio', timestamp } = frame
          const front = [...bytes.subarray(0, 24)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
          const metadata = JSON.stringify(frame.getMetadata())
          postMessage(`${way} ${type} frame ${timestamp} of ${bytes.length} bytes ${front} ${metadata}: ${error}`)
        }
      },
    })
    await readable.pipeThrough(frames).pipeTo(writable)
  }
  addEventListener('rtctransform', (event) => {
    void transform((event as unknown as { transformer: Transformer }).transformer)
  })
}

declare class RTCRtpScriptTransform {
  constructor(worker: Worker, options: object)
}

/** Frames that went through, and that could not be opened. */
export interface LockCounts {
  frames: number
  failed: number
  /** What is known of the first of them. */
  failures: string[]
}

export const noneLocked = (): LockCounts => ({ frames: 0, failed: 0, failures: [] })

const FAILURES_KEPT = 10

const script = `(${work})()`

function transformOf(lock: Lock, way: 'encrypt' | 'decrypt', counts: LockCounts): RTCRtpScriptTransform {
  const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
  worker.onmessage = ({ data }) => {
    if (data === 'frame') return void counts.frames++
    counts.failed++
    if (counts.failures.length < FAILURES_KEPT) counts.failures.push(data)
  }
  return new RTCRtpScriptTransform(worker, { ...lock, way })
}

type WithTransform = { transform: RTCRtpScriptTransform }

export function encrypts(sender: RTCRtpSender, lock: Lock, counts: LockCounts): void {
  ;(sender as unknown as WithTransform).transform = transformOf(lock, 'encrypt', counts)
}

export function decrypts(receiver: RTCRtpReceiver, lock: Lock, counts: LockCounts): void {
  ;(receiver as unknown as WithTransform).transform = transformOf(lock, 'decrypt', counts)
}
