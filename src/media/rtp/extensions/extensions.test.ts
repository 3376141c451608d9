import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { extensions as negotiated } from '../../../jsep/extensions.js'
import type { ExtensionName } from '../../control.js'
import * as x from './index.js'

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const sameNames: Same<x.RtpExtensionName, ExtensionName> = true

test('the table names what the control messages name, each URI once', () => {
  assert.ok(sameNames)
  const uris = Object.values(x.extensions).map((extension) => extension.uri)
  assert.equal(new Set(uris).size, uris.length)
})

test('the URIs are the ones that SDP negotiates', () => {
  for (const [name, { uri }] of Object.entries(x.extensions)) assert.equal(negotiated[name as ExtensionName].uri, uri)
})

test('what says something about one connection only is never copied', () => {
  const of = (kind: x.Extension['onForward']) =>
    Object.entries(x.extensions)
      .filter(([, extension]) => extension.onForward === kind)
      .map(([name]) => name)
  assert.deepEqual(of('write'), ['mid', 'abs-send-time', 'transport-cc'])
  assert.deepEqual(of('drop'), ['rid', 'repaired-rid'])
})

test('mid and rid: text', () => {
  const bytes = hex('ff 617564696f ff')
  const audio = new TextEncoder().encode('audio')
  assert.equal(x.readText(bytes, 1, 5), 'audio')
  assert.equal(x.readText(bytes, 1, 0), '')
  assert.equal(x.sameText(bytes, 1, 5, audio), true)
  assert.equal(x.sameText(bytes, 1, 4, audio), false)
  assert.equal(x.sameText(bytes, 0, 5, audio), false)
})

test('audio level', () => {
  for (const [byte, voice, level] of [
    ['97', true, 23],
    ['7f', false, 127],
    ['80', true, 0],
  ] as const) {
    assert.equal(x.readVoice(hex(byte), 0), voice)
    assert.equal(x.readAudioLevel(hex(byte), 0), level)
  }
})

test('abs-send-time: 6.18 fixed-point seconds, wrapping at 64', () => {
  const out = new Uint8Array(3)
  for (const [nowMs, bytes] of [
    [0, '000000'],
    [1000, '040000'],
    [500.5, '020083'],
    [63_999.999, 'ffffff'],
    [64_000, '000000'],
    [129_000, '040000'],
  ] as const) {
    x.writeAbsSendTime(out, 0, nowMs)
    assert.equal(toHex(out), bytes, `${nowMs}`)
    assert.ok(Math.abs(x.readAbsSendTimeMs(out, 0) - (nowMs % 64_000)) < 0.004)
  }
})

test('video orientation', () => {
  for (const [byte, degrees] of [
    ['00', 0],
    ['01', 90],
    ['0e', 180],
    ['0b', 270],
  ] as const) {
    assert.equal(x.readRotation(hex(byte), 0), degrees)
  }
})

test('playout delay', () => {
  const out = new Uint8Array(3)
  x.writePlayoutDelay(out, 0, 100, 4009)
  assert.equal(toHex(out), '00a190')
  assert.equal(x.readMinPlayoutDelayMs(out, 0), 100)
  assert.equal(x.readMaxPlayoutDelayMs(out, 0), 4000)
  x.writePlayoutDelay(out, 0, 0, 1e6)
  assert.equal(toHex(out), '000fff')
})

test('transport-wide sequence number', () => {
  const out = new Uint8Array(2)
  x.writeTransportSeq(out, 0, 0x1_fffe)
  assert.equal(x.readTransportSeq(out, 0), 0xfffe)
})

test('dependency descriptor: the mandatory fields', () => {
  const view = x.newDependencyView()
  //                              S,E,template frame  first bit: structure
  assert.ok(x.readDependency(hex('c3           0102   80'), 0, 4, view))
  assert.deepEqual(view, {
    startOfFrame: true,
    endOfFrame: true,
    templateId: 3,
    frameNumber: 0x102,
    hasStructure: true,
  })
  assert.ok(x.readDependency(hex('7f ffff 80'), 0, 3, view))
  assert.deepEqual(view, {
    startOfFrame: false,
    endOfFrame: true,
    templateId: 63,
    frameNumber: 0xffff,
    hasStructure: false,
  })
  assert.equal(x.readDependency(hex('c3 0102'), 0, 2, view), false)
})
