/** What the pages list is what there is: neither more nor less. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { janusErrors } from '../../src/janus/errors.js'
import { eventually } from '../support/eventually.js'
import { JanusSocket } from '../support/janus-socket.js'
import { startServer } from '../support/server-process.js'

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

/** The words in code style of the first column of every table in a text. */
const firstColumn = (text: string) =>
  [...text.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, word]) => word!),
  )

const between = (text: string, from: string, to?: string) =>
  text.slice(text.indexOf(from), to === undefined ? undefined : text.indexOf(to))

test('every metric of a running server is on the page, and no other', async (t) => {
  const server = await startServer(['--workers', '1'])
  t.after(() => server.stop())
  const text = page('metrics.md')
  // A worker answers with its first totals once it runs.
  const metrics = await eventually('totals', async () => {
    const all = await server.metrics()
    return all.includes('name="rx_packets"') && all
  })
  const values = (pattern: RegExp) => new Set([...metrics.matchAll(pattern)].map(([, value]) => value!))
  const sorted = (names: Iterable<string>) => [...names].sort()

  const totals = firstColumn(between(text, '## Totals', '## Gauges'))
  assert.deepEqual(sorted(totals), sorted(values(/^rostra_media_total\{.*name="(\w+)"/gm)))
  const main = firstColumn(between(text, 'In the main process', 'In each worker'))
  assert.deepEqual(sorted(main), sorted(values(/^rostra_live\{worker="main",kind="(\w+)"/gm)))
  const worker = firstColumn(between(text, 'In each worker', '## Refused'))
  assert.deepEqual(sorted(worker), sorted(values(/^rostra_live\{worker="0",kind="(\w+)"/gm)))

  const refused = firstColumn(between(text, '## Refused'))
  assert.deepEqual(sorted(refused), sorted(values(/^rostra_refused_total\{reason="(\w+)"/gm)))

  const families = [...values(/^# TYPE (\w+) /gm)].filter((name) => !/^rostra_(process|nodejs)_/.test(name))
  const listed = firstColumn(between(text, '# Metrics', '## Totals')).filter((word) => /^rostra_\w+\w$/.test(word))
  assert.deepEqual(sorted(listed.filter((word) => !word.includes('…'))), sorted(families))
})

test('no label of a metric names a person, a room or a session', async (t) => {
  const server = await startServer(['--workers', '1'])
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(async () => {
    await janus.close()
    await server.stop()
  })
  await janus.create()
  const names = { room_id: 'a-room-of-somebody', user_id: 'somebody' }
  const handle = await janus.attach()
  assert.ok((await handle.message({ kind: 'join', ...names })).plugindata?.data.success)
  const metrics = await server.metrics()
  const labels = [...metrics.matchAll(/^rostra_(?!process_|nodejs_)\w+\{(.*)\} /gm)]
  const labelNames = new Set(labels.flatMap(([, text]) => [...text!.matchAll(/(\w+)="/g)].map(([, name]) => name!)))
  const known = ['worker', 'name', 'kind', 'reason', 'code', 'process', 'stat', 'direction', 'le', 'outcome']
  assert.ok(labelNames.has('kind'))
  assert.deepEqual(
    [...labelNames].filter((name) => !known.includes(name)),
    [],
  )
  for (const secret of [...Object.values(names), String(janus.sessionId), String(handle.id)]) {
    assert.ok(!metrics.includes(secret), secret)
  }
})

test('every error of the Janus API is on the page with its code', () => {
  const rows = [...page('errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)]
  assert.deepEqual(
    Object.fromEntries(rows.map(([, symbol, code]) => [symbol, Number(code)])),
    Object.fromEntries(Object.entries(janusErrors).map(([symbol, { code }]) => [symbol, code])),
  )
})
