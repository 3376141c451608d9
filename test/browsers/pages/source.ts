/** Runs inside a browser: a picture that keeps encoders busy, the same for every browser and every server. */

import { drawClock } from './clock-strip.js'

export interface PictureShape {
  width: number
  height: number
  framesPerSecond: number
}

const SPRITES = 6

export interface LivelyPicture {
  stream: MediaStream
  /** Pictures that were drawn so far: what a camera would have given. */
  drawn(): number
}

/**
 * Noise in slow motion with some faster things before it: it costs an encoder all the bits that it may spend, and
 * hardly any CPU to draw.
 */
export function livelyPicture({ width, height, framesPerSecond }: PictureShape): LivelyPicture {
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d', { alpha: false })!
  const noise = noisyTile(width, height)
  let frame = 0
  const draw = () => {
    frame++
    const x = (frame * 3) % width
    const y = (frame * 2) % height
    for (const dx of [0, width]) for (const dy of [0, height]) context.drawImage(noise, dx - x, dy - y)
    for (let sprite = 0; sprite < SPRITES; sprite++) {
      const angle = frame / (9 + 4 * sprite)
      context.fillStyle = `hsl(${(frame * 2 + sprite * 60) % 360} 80% 50%)`
      const size = height / 6
      const left = (width - size) * (0.5 + 0.5 * Math.sin(angle + sprite))
      const top = (height - size) * (0.5 + 0.5 * Math.cos(angle * 1.3 + sprite))
      context.fillRect(left, top, size, size)
    }
    drawClock(context, width, height)
  }
  draw()
  setInterval(draw, 1_000 / framesPerSecond)
  return { stream: canvas.captureStream(framesPerSecond), drawn: () => frame }
}

/** Coarse noise: single pixels would be blurred away before anything else. */
function noisyTile(width: number, height: number): HTMLCanvasElement {
  const grain = 4
  const small = Object.assign(document.createElement('canvas'), { width: width / grain, height: height / grain })
  const context = small.getContext('2d')!
  const pixels = context.createImageData(small.width, small.height)
  let state = 1
  for (let at = 0; at < pixels.data.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    pixels.data[at] = at % 4 === 3 ? 255 : 64 + ((state >>> 16) & 127)
  }
  context.putImageData(pixels, 0, 0)
  const tile = Object.assign(document.createElement('canvas'), { width, height })
  tile.getContext('2d')!.drawImage(small, 0, 0, width, height)
  return tile
}
