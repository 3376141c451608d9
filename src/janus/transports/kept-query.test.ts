import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRest } from '../testing/rest-server.js'
import { keptQuery } from './kept-query.js'

const LONG = 'x'.repeat(12_000)

test('short parameters are kept as they are, long ones and more than sixteen are not', () => {
  const text = 'profile=upstream&a=b%26c&a=%C3%A4'
  assert.equal(keptQuery(text).toString(), text)
  assert.equal(keptQuery(`token=${LONG}&${text}&${LONG}=1`).toString(), text)
  const many = Array.from({ length: 1000 }, (_, index) => `p${index}=`).join('&')
  assert.equal(keptQuery(many).size, 16)
  assert.equal(keptQuery('').size, 0)
})

test('H-41 a handle that comes over HTTP keeps little of its URL', async (t) => {
  const { post, create, plugin, close } = await startRest()
  t.after(close)
  const session_id = await create()
  const attach = { janus: 'attach', transaction: 't', session_id, plugin: 'janus.plugin.fake' }
  await post(`?profile=upstream&x=${LONG}`, attach)
  assert.equal(plugin.handles[0]!.port.query.toString(), 'profile=upstream')
})
