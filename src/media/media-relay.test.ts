import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Router, type RouterEvents } from './forward/router.js'
import { openQuietIo } from './forward/testing/quiet-io.js'
import { MediaRelay } from './media-relay.js'

test('a worker that gets no port for the relay says in one line what it is for', () => {
  const io = openQuietIo()
  io.listen = () => {
    throw Object.assign(new Error('bind: no such address'), { code: 'EADDRNOTAVAIL' })
  }
  const failed = (_endpoint: number, error: unknown) => assert.fail(String(error))
  const events: RouterEvents = { media: () => {}, slowlink: () => {}, speakers: () => {}, sources: () => {}, failed }
  const relay = new MediaRelay(io, new Router(io, events, { maxPublisherBps: 1e6, random: () => 1 }), failed)
  assert.throws(() => relay.listen(), {
    message: 'workers cannot reach each other: no port of 127.0.0.1 is to be had (EADDRNOTAVAIL)',
  })
})
