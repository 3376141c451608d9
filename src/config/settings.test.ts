import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { readConfig } from './config.js'
import { settingKeys, settingOf } from './settings.js'

test('flags and defaults that scripts depend on stay as they are', () => {
  const { host, port, tlsCert, tlsKey, rtcPort, rtcIp, workers, dataDir, profile, ...others } = readConfig({}, {})
  assert.deepEqual([host, port, tlsCert, tlsKey, rtcPort], ['0.0.0.0', 8188, undefined, undefined, 40_000])
  assert.deepEqual([rtcIp, workers, dataDir, profile], [[], availableParallelism(), './rostra-data', 'documented'])
  const { adminHost, adminPort, adminSecret, authKey, maxRoomSize, maxCcu, sessionTimeout, logLevel } = others
  assert.deepEqual([adminHost, adminPort, adminSecret, authKey], ['127.0.0.1', 7088, undefined, undefined])
  assert.deepEqual([maxRoomSize, maxCcu, sessionTimeout, logLevel], [0, 0, 60, 'info'])
})

test('no secret has a default', () => {
  const secrets = settingKeys.filter((key) => settingOf(key).secret)
  assert.ok(secrets.includes('adminSecret'))
  for (const key of secrets) assert.equal(settingOf(key).type.parse(undefined), undefined, key)
})

test('every setting that is named like a secret is one', () => {
  for (const key of settingKeys) if (/secret|password/i.test(key)) assert.ok(settingOf(key).secret, key)
})
