/** docs/admin.md lists every request of the admin API, and no other. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { adminRequests } from './index.js'
import { unsupportedReasons } from './unsupported.js'

const page = readFileSync(new URL('../../../../docs/admin.md', import.meta.url), 'utf8')

/** Cells of the rows whose first one is in code style, in the section of that title. */
function rows(title: string): string[][] {
  const section = page.slice(page.indexOf(`## ${title}\n`)).split(/^## /m)[1]!
  return [...section.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, name, rest]) => [
    name!,
    ...rest!.split('|').map((cell) => cell.trim()),
  ])
}

const sorted = (names: Iterable<string>) => [...names].sort()

test('requests of every level, and their fields', () => {
  const titles = {
    server: 'Requests without session',
    session: 'Requests about a session',
    handle: 'Requests about a handle',
  }
  for (const [scope, title] of Object.entries(titles) as ['server', string][]) {
    const requests = adminRequests.get(scope)!
    const supported = [...requests.keys()].filter((name) => !(name in unsupportedReasons))
    const listed = rows(title)
    assert.deepEqual(sorted(listed.map(([name]) => name!)), sorted(supported), title)
    for (const [name, fields] of listed) {
      const documented = [...fields!.matchAll(/`(\w+)`/g)].map(([, field]) => field!)
      // What goes on to a part that takes no questions need not be said.
      const taken = (requests.get(name!)!.rules ?? []).map((rule) => rule.name)
      const shown = name!.startsWith('query_') ? taken.filter((field) => field !== 'request') : taken
      assert.deepEqual(documented, shown, name)
    }
  }
})

test('requests that are refused, with their reasons', () => {
  const listed = rows('Requests that are refused').map(([name, reason]) => [name, reason])
  assert.deepEqual(Object.fromEntries(listed), unsupportedReasons)
})
