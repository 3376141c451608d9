/** Kicks with a token against the program: who is told what, in which order. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { JanusSocket } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

test('a moderator who kicks himself gets the reply, then detached; the other of the room hears leave', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const folder = mkdtempSync(join(tmpdir(), 'rostra-kick-'))
  writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const server = await startServer(['--workers', '1', '--auth-key', join(folder, 'key.pem')])
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(async () => {
    await janus.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const claims = { join_hub: true, kick_users: true }
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS512' }).setExpirationTime('1h').sign(privateKey)
  await janus.create()
  const [moderator, other] = [await janus.attach(), await janus.attach()]
  for (const [handle, user_id] of [
    [moderator, 'mod'],
    [other, 'bob'],
  ] as const) {
    const reply = await handle.message({
      kind: 'join',
      room_id: 'room',
      user_id,
      token,
      subscribe: { notifications: true },
    })
    assert.equal(reply.plugindata?.data.success, true, JSON.stringify(reply))
  }
  const detached = moderator.next('detached')
  const reply = await moderator.message({ kind: 'kick', room_id: 'room', user_id: 'mod', token })
  assert.deepEqual(reply.plugindata?.data, { success: true, response: {} })
  await detached
  assert.deepEqual(other.events('leave'), [{ event: 'leave', user_id: 'mod', room_id: 'room' }])
  const { error } = await moderator.request('message', { body: {} })
  assert.equal(error!.code, 459)
})
