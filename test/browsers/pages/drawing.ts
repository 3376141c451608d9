/** Runs inside a browser: a picture that is no camera, of any size. */

/** A video track of a drawing that changes with every frame, 15 of them a second. */
export function drawing(width: number, height: number): MediaStreamTrack {
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d')!
  let frame = 0
  const draw = () => {
    context.fillStyle = `hsl(${frame % 360} 80% 50%)`
    context.fillRect(0, 0, width, height)
    context.fillStyle = 'white'
    context.fillRect((frame * 7) % width, 0, width / 10, height)
    frame++
  }
  draw()
  const track = canvas.captureStream(15).getVideoTracks()[0]!
  const timer = setInterval(() => (track.readyState === 'live' ? draw() : clearInterval(timer)), 1000 / 15)
  return track
}
