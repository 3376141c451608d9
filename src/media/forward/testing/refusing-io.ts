import { type MediaIo, Target } from '../../io/io.js'

/** Makes the io refuse rows for one transport as the addon does: those before are sent, and the error names the row. */
export function refuseRows(io: MediaIo, transport: number): void {
  const fanout = io.fanout.bind(io)
  io.fanout = (source, offset, length, headerLength, count) => {
    for (let row = 0; row < count; row++) {
      if (io.targets[row * Target.stride + Target.transport] !== transport) continue
      if (row > 0) fanout(source, offset, length, headerLength, row)
      throw Object.assign(new RangeError('made up'), { row })
    }
    return fanout(source, offset, length, headerLength, count)
  }
}
