import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Addr } from '../io/io.js'
import { Seen, Transactions } from './transactions.js'

const REMEMBERED = 512

const here = new Uint8Array(Addr.stride).fill(1)
const there = new Uint8Array(Addr.stride).fill(2)

function id(index: number): Uint8Array {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(8, index)
  return bytes
}

test('a check is known again, and from elsewhere, until 512 others have come', () => {
  const transactions = new Transactions()
  for (let index = 0; index < 3 * REMEMBERED; index++) {
    assert.equal(transactions.see(id(index), 0, here, 0), Seen.first)
    const oldest = Math.max(0, index - REMEMBERED + 1)
    assert.equal(transactions.see(id(oldest), 0, here, 0), Seen.again)
    assert.equal(transactions.see(id(index), 0, there, 0), Seen.elsewhere)
  }
  assert.equal(transactions.see(id(2 * REMEMBERED - 1), 0, here, 0), Seen.first)
})

test('a connection whose client has checked a few times takes no room for hundreds, and none before', () => {
  const transactions = new Transactions()
  assert.equal(transactions.byteLength, 0)
  for (let index = 0; index < 32; index++) transactions.see(id(index), 0, here, 0)
  assert.equal(transactions.byteLength, 32 * 8)
  for (let index = 32; index < 3 * REMEMBERED; index++) transactions.see(id(index), 0, here, 0)
  assert.equal(transactions.byteLength, REMEMBERED * 8)
})
