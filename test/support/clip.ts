/** Makes a short clip for Chromium's fake camera: left half red, right half blue, with a white bar that walks. */
import { writeFileSync } from 'node:fs'

const WIDTH = 320
const HEIGHT = 240
const FRAMES = 30
// BT.601, studio range.
const red = { y: 81, u: 90, v: 240 }
const blue = { y: 41, u: 240, v: 110 }
const WHITE_Y = 235

/** Writes YUV4MPEG2 (4:2:0), the format that `--use-file-for-fake-video-capture` reads. */
export function writeClip(file: string): void {
  const parts: Buffer[] = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F15:1 Ip A1:1 C420jpeg\n`)]
  for (let frame = 0; frame < FRAMES; frame++) parts.push(Buffer.from('FRAME\n'), picture(frame))
  writeFileSync(file, Buffer.concat(parts))
}

function picture(frame: number): Buffer {
  const luma = Buffer.alloc(WIDTH * HEIGHT)
  const u = Buffer.alloc((WIDTH / 2) * (HEIGHT / 2))
  const v = Buffer.alloc(u.length)
  const bar = Math.floor((frame / FRAMES) * HEIGHT)
  for (let row = 0; row < HEIGHT; row++)
    for (let column = 0; column < WIDTH; column++) {
      const colour = column < WIDTH / 2 ? red : blue
      luma[row * WIDTH + column] = row === bar ? WHITE_Y : colour.y
      const chroma = (row >> 1) * (WIDTH / 2) + (column >> 1)
      u[chroma] = colour.u
      v[chroma] = colour.v
    }
  return Buffer.concat([luma, u, v])
}
