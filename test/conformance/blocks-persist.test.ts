/** H-64: blocks outlive the server, however it ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { exportBlocks } from '../../src/sfu/blocks/embedded/upkeep.js'
import { JanusSocket, type JanusTestHandle } from '../support/janus-socket.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-persist-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const start = (dataDir: string) => startServer(['--workers', '1', '--log-level', 'info', '--data-dir', dataDir])

async function enter(janus: JanusSocket, user_id: string): Promise<JanusTestHandle> {
  const handle = await janus.attach()
  const body = { kind: 'join', room_id: 'room', user_id, subscribe: { data: true, notifications: true } }
  const reply = await handle.message(body)
  assert.equal(reply.plugindata?.data.success, true, JSON.stringify(reply))
  return handle
}

async function stored(dataDir: string): Promise<Set<string>> {
  const blocks = new Set<string>()
  await exportBlocks(dataDir, undefined, ({ blocker, blocked }) => void blocks.add(`${blocker}>${blocked}`))
  return blocks
}

const OWNERS = 8
const BLOCKS = 60

/** Sends blocks of several users at once and kills the server once `killAfter` of them were acknowledged. */
async function blockAndKill(server: ServerProcess, round: number, killAfter: number) {
  const janus = await JanusSocket.open(server.webSocketUrl)
  janus.socket.on('error', () => {})
  await janus.create()
  const sent = new Set<string>()
  const acknowledged = new Set<string>()
  const handles = new Map<string, JanusTestHandle>()
  for (let owner = 0; owner < OWNERS; owner++) handles.set(`o${owner}`, await enter(janus, `o${owner}`))
  await new Promise<void>((resolve) => {
    let killing: Promise<unknown> | undefined
    janus.socket.on('message', (text) => {
      const { transaction, plugindata } = JSON.parse(String(text))
      if (!transaction?.includes('>') || plugindata?.data.success !== true) return
      acknowledged.add(transaction)
      if (acknowledged.size >= killAfter && !killing) resolve((killing = server.stop('SIGKILL')).then(() => {}))
    })
    for (let index = 0; index < BLOCKS; index++) {
      for (const [owner, { id: handle_id }] of handles) {
        const whom = `r${round}-${index}`
        const transaction = `${owner}>${whom}`
        sent.add(transaction)
        const body = { kind: 'block', whom }
        janus.socket.send(
          JSON.stringify({ janus: 'message', transaction, session_id: janus.sessionId, handle_id, body }),
        )
      }
    }
  })
  return { sent, acknowledged }
}

test('H-64 kill −9 while blocks are written: the store opens, and every acknowledged block is there', async () => {
  const dataDir = join(folder, 'kill')
  const acknowledged = new Set<string>()
  const sent = new Set<string>()
  for (const [round, killAfter] of [1, 17, 90, 200, 333].entries()) {
    const result = await blockAndKill(await start(dataDir), round, killAfter)
    assert.ok(result.acknowledged.size >= killAfter && result.acknowledged.size < OWNERS * BLOCKS)
    for (const block of result.sent) sent.add(block)
    for (const block of result.acknowledged) acknowledged.add(block)
    const blocks = await stored(dataDir)
    for (const block of acknowledged) assert.ok(blocks.has(block), `round ${round}: ${block} is lost`)
    for (const block of blocks) assert.ok(sent.has(block), `round ${round}: ${block} was never sent`)
  }
})

test('H-64 after a restart a block is in force before the join is answered; an unblock outlives the next one', async (t) => {
  const dataDir = join(folder, 'restart')
  const first = await start(dataDir)
  const before = await JanusSocket.open(first.webSocketUrl)
  await before.create()
  const blocker = await enter(before, 'ann')
  assert.equal((await blocker.message({ kind: 'block', whom: 'bob' })).plugindata?.data.success, true)
  await before.close()
  await first.stop('SIGKILL')

  const second = await start(dataDir)
  t.after(() => second.stop())
  const janus = await JanusSocket.open(second.webSocketUrl)
  await janus.create()
  const [ann, bob, eve] = [await enter(janus, 'ann'), await enter(janus, 'bob'), await enter(janus, 'eve')]
  const heard = eve.next('event')
  await bob.message({ kind: 'data', body: 'hello' })
  assert.equal((await heard).plugindata?.data.body, 'hello')
  assert.deepEqual([ann.events('data'), eve.events('data').length], [[], 1])

  await ann.message({ kind: 'unblock', whom: 'bob' })
  await janus.close()
  await second.stop('SIGKILL')
  assert.deepEqual(await stored(dataDir), new Set())
})
