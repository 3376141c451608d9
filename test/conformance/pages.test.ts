/** The pages for people name what there is: flags, files and headings. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { settingKeys, settingName } from '../../src/config/settings.js'
import { loadFlagKeys, loadFlagName } from '../../src/load/flags.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

function pages(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : pages(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
const all = [...top, ...pages('docs'), ...pages('examples')]
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')

/** What GitHub makes of the headings. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Flags that are no settings: of commands. */
const commandFlags = ['--config', '--help', '--user', ...loadFlagKeys.map(loadFlagName)]
const flags = new Set([...commandFlags, ...settingKeys.map((key) => `--${settingName(key)}`)])

/** Blocks of code that are for a shell and run this program, and words in code style; benches have flags of their own. */
const codeOf = (text: string) => [
  ...[...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
    block!.split('\n').filter((line) => /npm start|rostra /.test(line)),
  ),
  ...[...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code!)
    .filter((code) => !code.startsWith('npm run bench')),
]

for (const path of all.filter((path) => !path.startsWith('docs/adr'))) {
  test(`${path}: flags exist`, () => {
    const named = codeOf(textOf(path)).flatMap((code) => code.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])
    assert.deepEqual(
      [...new Set(named)].filter((flag) => !flags.has(flag)),
      [],
    )
  })
}

for (const path of all)
  test(`${path}: links lead somewhere`, () => {
    const links = [...textOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false
      const [file, anchor] = link.split('#')
      const target = file ? relative(root, join(root, dirname(path), file)) : path
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !anchorsOf(textOf(target)).includes(anchor)
    })
    assert.deepEqual(broken, [])
  })

test('the pages that are looked at are there', () => assert.ok(all.length > 20, `${all.length} pages`))
