import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { JanusClient } from './janus-client.js'
import type { LoadOptions } from './options.js'
import { Stamps } from './stamp.js'
import { Tally } from './tally.js'
import { LoadUser } from './user.js'

type Request = { janus: string; transaction: string }

/** @param answer what is sent back, as it is */
async function withServer(answer: (request: Request) => string, use: (url: string) => Promise<void>): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'janus-protocol' })
  server.on('connection', (socket: WebSocket) => {
    socket.on('message', (text) => socket.send(answer(JSON.parse(String(text)) as Request)))
  })
  await once(server, 'listening')
  try {
    await use(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    for (const client of server.clients) client.terminate()
    await new Promise((resolve) => server.close(resolve))
  }
}

const success = ({ transaction }: Request) => JSON.stringify({ janus: 'success', transaction, data: { id: 7 } })

for (const frame of ['{"janus":', 'null', '5']) {
  test(`a server that sends ${frame} loses the connection, and the reason is told`, async () => {
    await withServer(
      (request) => (request.janus === 'create' ? success(request) : frame),
      async (url) => {
        const client = await JanusClient.open(url)
        const lost = new Promise<string>((resolve) => {
          client.onLost = resolve
        })
        await assert.rejects(
          client.attach('x', () => {}),
          /no message of the Janus API/,
        )
        assert.match(await lost, /no message of the Janus API/)
      },
    )
    await withServer(
      () => frame,
      (url) => assert.rejects(JanusClient.open(url), /no message of the Janus API/),
    )
  })
}

function user(url: string, tally: Tally): LoadUser {
  const context = {
    options: { url } as LoadOptions,
    stamps: new Stamps(),
    tally,
    peers: () => assert.fail('nobody is to come in any more'),
    measuring: () => false,
  }
  return new LoadUser(context, { name: 'load-1', users: new Map() }, 0)
}

test('a user who is stopped while it connects does not wait for the server', async () => {
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const tally = new Tally()
  const someone = user(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, tally)
  const accepted = once(server, 'connection')
  const started = someone.start()
  const [socket] = await accepted
  const closed = once(socket, 'close')
  socket.resume()
  await someone.stop()
  await started
  await closed
  server.close()
  assert.equal(tally.failures, 0)
})

test('a user who is stopped while its session is made leaves', async () => {
  const asked: string[] = []
  const tally = new Tally()
  let someone: LoadUser | undefined
  const answer = (request: Request) => {
    asked.push(request.janus)
    void someone!.stop()
    return success(request)
  }
  await withServer(answer, async (url) => {
    someone = user(url, tally)
    await someone.start()
  })
  assert.equal(asked[0], 'create')
  assert.ok(!asked.includes('attach'))
  assert.deepEqual([tally.failures, tally.joined], [0, 0])
})
