/**
 * Runs inside a browser: the time of drawing, in the picture itself, so that whoever sees it knows how old it is. All
 * browsers of a machine have the same clock. A strip of black and white blocks survives encoders, and Gray code the
 * moment between two frames.
 */

const BITS = 16
/** Milliseconds per step: the clock starts again after nine minutes. */
const STEP_MS = 8
const PERIOD_MS = STEP_MS * 2 ** BITS
/** Pixels that are looked at per block, in a row. */
const LOOK = 4

/** Height of the strip, in pictures so high. */
const stripHeight = (height: number) => Math.ceil(height / 10)

export function drawClock(context: CanvasRenderingContext2D, width: number, height: number): void {
  const steps = Math.floor(Date.now() / STEP_MS) % 2 ** BITS
  const gray = steps ^ (steps >> 1)
  for (let bit = 0; bit < BITS; bit++) {
    context.fillStyle = (gray >> bit) & 1 ? '#fff' : '#000'
    context.fillRect((bit * width) / BITS, 0, Math.ceil(width / BITS), stripHeight(height))
  }
}

const looking = Object.assign(document.createElement('canvas'), { width: BITS * LOOK, height: 1 })

/** How old the picture is that a video shows, ms; undefined while it shows none. */
export function ageOf(video: HTMLVideoElement): number | undefined {
  const { videoWidth, videoHeight } = video
  if (videoWidth === 0) return undefined
  const context = looking.getContext('2d', { willReadFrequently: true })!
  context.drawImage(video, 0, stripHeight(videoHeight) * 0.4, videoWidth, 1, 0, 0, BITS * LOOK, 1)
  const { data } = context.getImageData(0, 0, BITS * LOOK, 1)
  let steps = 0
  for (let bit = BITS - 1, above = 0; bit >= 0; bit--) {
    const white = data[(bit * LOOK + LOOK / 2) * 4]! > 127 ? 1 : 0
    above ^= white
    steps |= above << bit
  }
  return (Date.now() - steps * STEP_MS) % PERIOD_MS
}
