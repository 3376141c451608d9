/**
 * A WebSocket client (RFC 6455) that costs as little as it can: thousands of them share one core with nothing but
 * each other, and should not be what is measured. It trusts its server.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

const TEXT = 0x81
const PING = 0x89
const PONG = 0x8a
const CLOSE = 0x88
const MASKED = 0x80

/** Shared by all sockets: what is read is looked at before the next read. */
const readBuffer = Buffer.allocUnsafe(256 * 1024)

export interface FrameSocketEvents {
  open(): void
  /** One text message, `start` to `end` of `bytes`; valid during the call only. */
  text(bytes: Buffer, start: number, end: number): void
  closed(why: string): void
}

export class FrameSocket {
  readonly #socket: Socket
  readonly #events: FrameSocketEvents
  #rest: Buffer | undefined
  #upgraded = false

  /** @param localAddress so that servers that count sockets by address see many */
  constructor(url: URL, localAddress: string, events: FrameSocketEvents) {
    this.#events = events
    const callback = (length: number) => {
      this.#received(readBuffer.subarray(0, length))
      return true
    }
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      localAddress,
      noDelay: true,
      onread: { buffer: readBuffer, callback },
    })
    this.#socket.once('connect', () => this.#socket.write(handshake(url)))
    this.#socket.on('error', (error) => events.closed(error.message))
    this.#socket.on('end', () => events.closed('ended by the server'))
  }

  /** @param text ASCII */
  send(text: string): void {
    this.#write(TEXT, text)
  }

  end(): void {
    this.#socket.destroy()
  }

  #write(opcode: number, text: string): void {
    const long = text.length > 125
    const frame = Buffer.allocUnsafe(text.length + (long ? 8 : 6))
    frame[0] = opcode
    frame[1] = MASKED | (long ? 126 : text.length)
    if (long) frame.writeUInt16BE(text.length, 2)
    // A mask of zeros is a mask.
    frame.fill(0, long ? 4 : 2, long ? 8 : 6)
    frame.write(text, long ? 8 : 6, 'latin1')
    this.#socket.write(frame)
  }

  #received(chunk: Buffer): void {
    let bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    if (!this.#upgraded) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#rest = Buffer.from(bytes)
        return
      }
      const status = bytes.toString('latin1', 0, bytes.indexOf('\r\n'))
      if (!status.startsWith('HTTP/1.1 101')) return this.#events.closed(status)
      this.#upgraded = true
      this.#events.open()
      bytes = bytes.subarray(end + 4)
    }
    const used = this.#frames(bytes)
    this.#rest = used < bytes.length ? Buffer.from(bytes.subarray(used)) : undefined
  }

  /** @returns how many bytes were whole frames */
  #frames(bytes: Buffer): number {
    let at = 0
    while (at + 2 <= bytes.length) {
      let length = bytes[at + 1]!
      let start = at + 2
      if (length === 126) {
        if (at + 4 > bytes.length) break
        length = bytes.readUInt16BE(start)
        start += 2
      } else if (length === 127) {
        if (at + 10 > bytes.length) break
        length = Number(bytes.readBigUInt64BE(start))
        start += 8
      }
      const end = start + length
      if (end > bytes.length) break
      if (bytes[at] === TEXT) this.#events.text(bytes, start, end)
      else if (bytes[at] === PING) this.#write(PONG, bytes.toString('latin1', start, end))
      else if (bytes[at] === CLOSE) this.#events.closed('closed by the server')
      at = end
    }
    return at
  }
}

function handshake(url: URL): string {
  return (
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
    'Sec-WebSocket-Protocol: janus-protocol\r\n\r\n'
  )
}
