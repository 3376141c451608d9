/** Louder than this part of full scale is not told apart. */
const FULL = 0.3

/** A bar that shows how loud a local microphone is, so that people see that it works before they join. */
export class LevelMeter {
  readonly #element: HTMLElement
  #context: AudioContext | undefined
  #track: MediaStreamTrack | undefined
  #frame = 0

  /** @param element its width is set through the custom property `--level`, 0–1 */
  constructor(element: HTMLElement) {
    this.#element = element
  }

  start(track: MediaStreamTrack): void {
    if (track === this.#track) return
    this.stop()
    this.#track = track
    const context = new AudioContext()
    this.#context = context
    const analyser = context.createAnalyser()
    analyser.fftSize = 1024
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    // Without a click or key press before it, the browser may keep the context suspended; the first one wakes it.
    if (context.state === 'suspended') addEventListener('pointerdown', () => void context.resume(), { once: true })
    const samples = new Float32Array(analyser.fftSize)
    const draw = (): void => {
      analyser.getFloatTimeDomainData(samples)
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
      this.#show(Math.min(1, Math.sqrt(power) / FULL))
      this.#frame = requestAnimationFrame(draw)
    }
    draw()
  }

  stop(): void {
    cancelAnimationFrame(this.#frame)
    void this.#context?.close()
    this.#context = undefined
    this.#track = undefined
    this.#show(0)
  }

  #show(level: number): void {
    this.#element.style.setProperty('--level', level.toFixed(2))
  }
}
