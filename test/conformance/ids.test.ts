/**
 * H-43: ids of others cannot be guessed. Whoever knows one may use it, as in Janus (J-014: replies go to who asks,
 * events to the owner), so knowing one is what has to be hard; `--api-secret` and tokens are for more than that.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStage } from '../support/call.js'
import { JanusSocket } from '../support/janus-socket.js'

const COUNT = 500

test('H-43 session and handle ids are random numbers of 53 bits, and others than those that exist find nothing', async (t) => {
  const { server, janus } = await openStage(t, ['--workers', '1'])
  const sessions: number[] = []
  const handles: number[] = []
  const own = janus.sessionId
  for (let index = 0; index < COUNT; index++) {
    janus.sessionId = 0
    sessions.push(await janus.create())
    handles.push((await janus.attach()).id)
  }
  for (const ids of [sessions, handles]) {
    assert.equal(new Set(ids).size, COUNT)
    assert.ok(ids.every((id) => Number.isSafeInteger(id) && id > 0))
    // Each bit is set in about half of them: 500 throws of a coin stay within 250 ± 100 (9 standard deviations).
    for (let bit = 0n; bit < 53n; bit++) {
      const set = ids.filter((id) => (BigInt(id) >> bit) & 1n).length
      assert.ok(set > 150 && set < 350, `bit ${bit} is set in ${set} of ${COUNT}`)
    }
  }
  const stranger = await JanusSocket.open(server.webSocketUrl)
  t.after(() => stranger.close())
  for (const near of [own - 1, own + 1, sessions[0]! ^ 1, handles[0]!]) {
    const reply = await stranger.request('attach', { session_id: Math.abs(near) || 1, plugin: 'janus.plugin.sfu' })
    assert.equal(reply.error?.code, 458)
  }
  // A handle belongs to its session: with another one, even of the same socket, it is not found.
  const reply = await janus.request('detach', { session_id: sessions[0], handle_id: handles[1] })
  assert.equal(reply.error?.code, 459)
})
