import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventHead, jsonBytes, SharedData, SharedEvent } from './shared-event.js'

const text = (bytes: string) => Buffer.from(bytes, 'latin1').toString()
/** Lone surrogates, which have no UTF-8, become what Node writes for them. */
const written = (value: unknown) => Buffer.from(JSON.stringify(value)).toString()

test('bytes are the UTF-8 of what JSON.stringify says', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.equal(text(jsonBytes(value)), written(value))))
})

test('head and rest are the event as JSON.stringify writes it', () => {
  const addressee = fc.record(
    { session_id: fc.maxSafeNat(), sender: fc.maxSafeNat(), opaque_id: fc.string({ unit: 'grapheme' }) },
    { requiredKeys: ['session_id', 'sender'] },
  )
  const object = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(addressee, object, (to, data) => {
      const event = new SharedEvent(new EventHead(to, 'janus.plugin.fake'), new SharedData(data))
      assert.equal(text(event.head + event.rest), written(event))
      assert.deepEqual(JSON.parse(written(event)), {
        janus: 'event',
        ...to,
        plugindata: { plugin: 'janus.plugin.fake', data: JSON.parse(JSON.stringify(data)) },
      })
    }),
  )
})

test('what is shared is written once, whoever gets it', () => {
  let reads = 0
  const data = {
    get body() {
      reads++
      return 'ü'
    },
  }
  const shared = new SharedData(data)
  for (const sender of [1, 2, 3]) {
    const event = new SharedEvent(new EventHead({ session_id: 7, sender }, 'janus.plugin.fake'), shared)
    assert.match(text(event.rest), /"body":"ü"/)
    assert.match(event.head, new RegExp(`"sender":${sender},`))
  }
  assert.equal(reads, 1)
})
