import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { textFrameHeader } from './text-frame.js'

/** @param payload a character per byte */
const textFrame = (payload: string) => textFrameHeader(payload.length) + payload

/** What a client that knows the protocol reads from these frames. */
async function read(frames: string[]): Promise<string[]> {
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(request.toString())![1]!
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const head = `HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
      socket.write(head + frames.join(''), 'latin1')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const texts: string[] = []
  await new Promise<void>((resolve, reject) => {
    client.on('error', reject)
    client.on('message', (data: Buffer, isBinary) => {
      assert.equal(isBinary, false)
      if (texts.push(data.toString()) === frames.length) resolve()
    })
  })
  client.terminate()
  server.close()
  return texts
}

test('frames of every form of length are what RFC 6455 says', async () => {
  assert.equal(textFrame('Hello'), '\x81\x05Hello')
  const texts = [0, 1, 125, 126, 127, 1023, 1024, 65_535, 65_536, 100_000].map((length) => 'x'.repeat(length))
  assert.deepEqual(await read(texts.map(textFrame)), texts)
})

test('what is not ASCII arrives as UTF-8', async () => {
  const text = 'grüße €😀'
  assert.deepEqual(await read([textFrame(Buffer.from(text).toString('latin1'))]), [text])
})
