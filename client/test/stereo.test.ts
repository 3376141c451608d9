import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerStereo } from '../src/stereo.js'

const description = (...mlines: string[][]) => ['v=0', 's=-', ...mlines.flat()].map((line) => `${line}\r\n`).join('')
const audio = (mid: string, pt: number, fmtp: string) => [
  'm=audio 9 UDP/TLS/RTP/SAVPF 63',
  `a=mid:${mid}`,
  `a=rtpmap:${pt} opus/48000/2`,
  `a=fmtp:${pt} ${fmtp}`,
  `a=rtpmap:63 red/48000/2`,
  `a=fmtp:63 ${pt}/${pt}`,
]
const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1', 'a=rtpmap:96 VP8/90000']

test('stereo is taken on the m-lines that send it, and nothing else changes', () => {
  const offer = description(audio('0', 111, 'minptime=10;sprop-stereo=1'), video, audio('3', 111, 'minptime=10'))
  const answer = description(audio('0', 111, 'minptime=10'), video, audio('3', 111, 'minptime=10'))
  const expected = description(audio('0', 111, 'stereo=1;minptime=10'), video, audio('3', 111, 'minptime=10'))
  assert.equal(answerStereo(answer, offer), expected)
})

test('who takes stereo already, or says that it does not, is left alone', () => {
  const offer = description(audio('0', 111, 'sprop-stereo=1'))
  for (const fmtp of ['stereo=1;minptime=10', 'minptime=10;stereo=0']) {
    const answer = description(audio('0', 111, fmtp))
    assert.equal(answerStereo(answer, offer), answer)
  }
})

test('payload types are those of the answer', () => {
  const offer = description(audio('0', 111, 'minptime=10;sprop-stereo=1'))
  const answer = description(audio('0', 109, 'maxplaybackrate=48000'))
  assert.match(answerStereo(answer, offer), /^a=fmtp:109 stereo=1;maxplaybackrate=48000\r$/m)
})
