/** Runs inside a browser: sound that can be told apart again. */

const context = new AudioContext()

/** A stereo track with one tone on each side, or with nothing but zeros. */
export function tones(sides: { leftHz: number; rightHz: number } | 'silence'): MediaStreamTrack {
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 2, channelCountMode: 'explicit' })
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 })
  merger.connect(destination)
  const silent = sides === 'silence'
  for (const [side, frequency] of (silent ? [1, 1] : [sides.leftHz, sides.rightHz]).entries()) {
    const tone = new OscillatorNode(context, { frequency })
    tone.connect(new GainNode(context, { gain: silent ? 0 : 0.4 })).connect(merger, 0, side)
    tone.start()
  }
  return destination.stream.getAudioTracks()[0]!
}

/** A microphone behind a knob that is turned to nothing at first. */
export function behindKnob(microphone: MediaStreamTrack): { track: MediaStreamTrack; turn(to: 'up' | 'down'): void } {
  const knob = new GainNode(context, { gain: 0 })
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 })
  context
    .createMediaStreamSource(new MediaStream([microphone]))
    .connect(knob)
    .connect(destination)
  return {
    track: destination.stream.getAudioTracks()[0]!,
    turn: (to) => void (knob.gain.value = to === 'up' ? 1 : 0),
  }
}

const FFT_SIZE = 4096
const AUDIBLE_DB = -60

/** Loudest frequency of each side, in Hz; 0 = nothing is heard there. */
export async function loudest(track: MediaStreamTrack): Promise<{ leftHz: number; rightHz: number }> {
  const source = context.createMediaStreamSource(new MediaStream([track]))
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 })
  const sides = [0, 1].map((side) => {
    const analyser = new AnalyserNode(context, { fftSize: FFT_SIZE })
    splitter.connect(analyser, side)
    return analyser
  })
  source.connect(splitter)
  // What is heard so far belongs to the time before.
  await new Promise((resolve) => setTimeout(resolve, (2000 * FFT_SIZE) / context.sampleRate))
  const [leftHz, rightHz] = sides.map((analyser) => {
    const levels = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(levels)
    const loudestLevel = Math.max(...levels)
    if (!(loudestLevel > AUDIBLE_DB)) return 0
    return (levels.indexOf(loudestLevel) * context.sampleRate) / FFT_SIZE
  })
  source.disconnect()
  return { leftHz: leftHz!, rightHz: rightHz! }
}
