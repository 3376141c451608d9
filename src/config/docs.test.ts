/** docs/configuration.md says of every setting what the table says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { defaultText, settingKeys, settingName, settingOf, variableName } from './settings.js'

const docs = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

/** Rows `| flag | variable | default | meaning |`. */
const rows = docs
  .split('\n')
  .filter((line) => line.startsWith('| `--'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))

const unquote = (cell = '') => cell.replaceAll('`', '')

test('every setting has a row, in the order of the table, and nothing else has', () => {
  assert.deepEqual(
    rows.map(([flag]) => unquote(flag)),
    ['--config', ...settingKeys.map((key) => `--${settingName(key)}`)],
  )
})

for (const key of settingKeys)
  test(`--${settingName(key)}: variable and default are as documented`, () => {
    const row = rows.find(([flag]) => unquote(flag) === `--${settingName(key)}`)
    assert.equal(unquote(row?.[1]), variableName(key))
    assert.equal(unquote(row?.[2]), defaultText(key) ?? 'none')
    assert.ok(row?.[3], 'a meaning')
  })

test('what SIGHUP reloads is listed', () => {
  const list = /^SIGHUP reloads (.*)\.$/m.exec(docs)?.[1]?.split(', ').map(unquote)
  const reloading = settingKeys.filter((key) => settingOf(key).reloads).map((key) => `--${settingName(key)}`)
  assert.deepEqual(list?.sort(), reloading.sort())
})
