/** One scenario under both profiles: what clients get differs in the four rows of docs/messages.md and in nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JanusSocket, type JanusTestHandle } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

type Data = Record<string, unknown>

/** What every connection got, in order: `who: what`. */
class Recording {
  readonly lines: string[] = []
  readonly #handles = new Map<string, JanusTestHandle>()
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async send(who: string, body: Data): Promise<void> {
    const handle = this.#handles.get(who) ?? (await this.#open(who))
    const reply = (await handle.message(body)).plugindata!.data
    const { users } = (reply.response ?? {}) as { users?: Record<string, string[]> }
    if (users) for (const user of Object.values(users)[0]!) this.lines.push(`${who}: lists ${user}`)
    else this.lines.push(`${who}: ${JSON.stringify(reply)}`)
    await this.#settle()
  }

  async detach(who: string): Promise<void> {
    await this.#handles.get(who)!.request('detach')
    await this.#settle()
    await this.#handles.get(who)!.janus.close()
    this.#handles.delete(who)
  }

  async close(): Promise<void> {
    for (const { janus } of this.#handles.values()) await janus.close()
  }

  async #open(who: string): Promise<JanusTestHandle> {
    const janus = await JanusSocket.open(this.#url)
    janus.socket.on('message', (text) => {
      const { transaction, plugindata } = JSON.parse(String(text)) as {
        transaction?: string
        plugindata?: { data: Data }
      }
      if (transaction !== undefined || !plugindata) return
      const { event, user_id, by, ...rest } = plugindata.data
      this.lines.push(`${who}: ${event} ${user_id ?? by ?? JSON.stringify(rest)}`)
    })
    await janus.create()
    const handle = await janus.attach()
    this.#handles.set(who, handle)
    return handle
  }

  /** Whatever the step before sent to anybody has come. */
  async #settle(): Promise<void> {
    await Promise.all([...this.#handles.values()].map(({ janus }) => janus.request('keepalive')))
  }
}

async function scenario(profile: string): Promise<string[]> {
  const server = await startServer(['--workers', '1', '--profile', profile])
  const record = new Recording(server.webSocketUrl)
  const join = (user_id: string, subscribe: object, room_id = 'room') => ({ kind: 'join', room_id, user_id, subscribe })
  try {
    await record.send('dee', join('dee', { notifications: true, data: true }, 'another room'))
    await record.send('ann', join('ann', { notifications: true, data: true }))
    await record.send('listener', join('listener', { notifications: true }))
    await record.send('bob', join('bob', { notifications: true, data: true }))
    await record.send("bob's second", join('bob', {}))
    await record.send("bob's viewer", join('bob', { media: 'ann', notifications: true }))
    await record.send('ann', { kind: 'block', whom: 'bob' })
    await record.send('ann', { kind: 'data', body: 'unheard' })
    await record.send('ann', { kind: 'unblock', whom: 'bob' })
    await record.send('ann', { kind: 'data', body: 'heard' })
    await record.send('ann', { kind: 'data', body: 'heard by bob', whom: 'bob' })
    await record.send('ann', join('ann', {}))
    await record.send('bob', { kind: 'subscribe', media: 'nobody' })
    await record.detach('listener')
    await record.detach("bob's second")
    await record.detach("bob's viewer")
    await record.detach('bob')
    // What those who are left hear of each other's closing is not part of it: that comes as it comes.
    return [...record.lines]
  } finally {
    await record.close()
    await server.stop()
  }
}

/** Lines that only one of them has; the others have to be the same, in the same order. */
const only = (lines: readonly string[], others: readonly string[]) => lines.filter((line) => !others.includes(line))

test('the profiles differ in four rows, and in nothing else', async () => {
  const [documented, upstream] = await Promise.all([scenario('documented'), scenario('upstream')])

  const yourself = ['dee: lists dee', 'ann: lists ann', 'listener: lists listener', 'bob: lists bob']
  const listeners = [
    'ann: join listener',
    'bob: lists listener',
    "bob's second: lists listener",
    "bob's viewer: lists listener",
    'ann: leave listener',
    'bob: leave listener',
    "bob's viewer: leave listener",
  ]
  const otherRooms = ['dee: join ann', 'dee: join listener', 'dee: join bob', 'dee: leave listener', 'dee: leave bob']
  const toldOfBlocks = {
    documented: ["bob's second: blocked ann", "bob's second: unblocked ann"],
    upstream: ["bob's viewer: blocked ann", "bob's viewer: unblocked ann"],
  }
  assert.deepEqual(
    only(documented, upstream).sort(),
    [...yourself, ...listeners, ...otherRooms, ...toldOfBlocks.documented].sort(),
  )
  assert.deepEqual(only(upstream, documented).sort(), toldOfBlocks.upstream.sort())

  const common = documented.filter((line) => upstream.includes(line))
  assert.deepEqual(byConnection(common), byConnection(upstream.filter((line) => documented.includes(line))))
  for (const line of [
    'bob: blocked ann',
    'bob: data {"body":"heard","from":"ann"}',
    'ann: leave bob',
    'ann: join bob',
  ]) {
    assert.ok(common.includes(line), line)
  }
  assert.ok(!common.some((line) => line.includes('unheard')))
})

/** The order between connections is nobody's business. */
function byConnection(lines: readonly string[]): Record<string, string[]> {
  const result: Record<string, string[]> = {}
  for (const line of lines) (result[line.split(':')[0]!] ??= []).push(line)
  return result
}
