import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress, roomLink, serverAddress } from '../demo/address.js'
import { cleanName, displayName } from '../demo/identity.js'
import { layOut } from '../demo/layout.js'

for (const [count, width, height] of [
  [1, 900, 640],
  [2, 900, 640],
  [7, 900, 640],
  [2, 374, 690],
  [5, 374, 690],
  [16, 1_900, 900],
] as const) {
  test(`${count} tiles fit ${width} × ${height}`, () => {
    const layout = layOut(count, width, height, 12)
    const rows = Math.ceil(count / layout.columns)
    assert.ok(layout.columns * layout.width + (layout.columns - 1) * 12 <= width)
    assert.ok(rows * layout.height + (rows - 1) * 12 <= height)
    const ratio = layout.width / layout.height
    assert.ok(ratio <= 16 / 9 + 0.02 && ratio >= (height > width ? 3 / 4 : 4 / 3) - 0.02, `ratio ${ratio}`)
  })
}

test('one tile on a wide screen is as large as the screen allows', () => {
  assert.deepEqual(layOut(1, 1_600, 900, 12), { columns: 1, width: 1_600, height: 900 })
})

test('too many for the screen keep a size at which they show something', () => {
  const layout = layOut(60, 374, 690, 8)
  assert.equal(layout.columns, 2)
  assert.ok(layout.width >= 140 && layout.height >= 105)
})

test('a box without size makes no negative tiles', () => {
  const { width, height } = layOut(3, 0, 0, 12)
  assert.ok(width >= 0 && height >= 0)
})

test('the address is read', () => {
  assert.deepEqual(readAddress(new URL('http://h/?room=r%201&name=Ada&autojoin=1#token=t.k')), {
    room: 'r 1',
    name: 'Ada',
    autojoin: true,
    token: 't.k',
  })
  assert.deepEqual(readAddress(new URL('http://h/?autojoin=0')), {
    room: '',
    name: '',
    autojoin: false,
    token: undefined,
  })
})

test('links carry the room and nothing of ours', () => {
  const url = new URL('https://h:8188/?room=old&name=Ada&autojoin=1#token=t')
  assert.equal(roomLink(url, 'tea & cake'), 'https://h:8188/?room=tea+%26+cake')
  assert.equal(serverAddress(url), 'wss://h:8188/')
  assert.equal(serverAddress(new URL('http://localhost:8188/x')), 'ws://localhost:8188/')
})

test('names lose what a user id cannot hold, and come back out of it', () => {
  assert.equal(cleanName('  Ada\u0000 #1\n Lovelace\u0085 '), 'Ada 1 Lovelace')
  assert.equal(cleanName('###'), '')
  assert.equal(cleanName('x'.repeat(99)).length, 40)
  assert.equal(displayName('Ada Lovelace#x1y2z3'), 'Ada Lovelace')
  assert.equal(displayName('8231-naf'), '8231-naf')
  assert.equal(displayName('#x1'), '#x1')
})
