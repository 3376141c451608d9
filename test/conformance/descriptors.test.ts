/** H-66: a server that runs out of file descriptors goes on for those that it has. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../support/eventually.js'
import { JanusSocket } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

const OPEN_FILES = 256

test('H-66 out of file descriptors: who is there is served, blocks are kept, and later everybody may come again', async (t) => {
  const server = await startServer(['--workers', '1'], 0, { openFiles: OPEN_FILES })
  t.after(() => server.stop())
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(() => janus.close())
  await janus.create()
  const handle = await janus.attach()
  await handle.message({ kind: 'join', room_id: 'room', user_id: 'ann' })

  const crowd: Socket[] = []
  let turnedAway = 0
  for (let i = 0; i < OPEN_FILES + 50; i++) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {}).on('close', () => turnedAway++)
    crowd.push(socket)
  }
  await eventually('some are turned away', () => turnedAway > 0)
  assert.equal((await janus.request('keepalive')).janus, 'ack')
  assert.equal((await handle.message({ kind: 'block', whom: 'bob' })).plugindata?.data.success, true)
  assert.equal((await handle.message({ kind: 'data', body: 'here' })).plugindata?.data.success, true)

  for (const socket of crowd) socket.destroy()
  await Promise.all(crowd.filter(({ closed }) => !closed).map((socket) => once(socket, 'close')))
  await eventually('others may come', () =>
    fetch(server.url).then(
      ({ status }) => status === 200,
      () => false,
    ),
  )
})
