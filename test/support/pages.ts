/** Serves the pages that run in Chromium: blank documents with scripts from npm and from this project's tests. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

const require = createRequire(import.meta.url)

const files: Record<string, () => { type: string; text: string }> = {
  '/minijanus.html': () => ({
    type: 'text/html',
    text: `<!doctype html><title>minijanus</title><link rel="icon" href="data:,">
      <script>var module = { exports: {} }</script>
      <script src="/minijanus.js"></script><script type="module" src="/minijanus-client.js"></script>`,
  }),
  // networked-aframe, as far as its adapter looks at it.
  '/naf.html': () => ({
    type: 'text/html',
    text: `<!doctype html><title>naf</title><link rel="icon" href="data:,"><body>
      <script>var NAF = { adapters: { register(name, Adapter) { this[name] = Adapter } } }</script>
      <script src="/naf-janus-adapter.js"></script><script type="module" src="/naf-client.js"></script>`,
  }),
  '/naf-janus-adapter.js': () => ({
    type: 'text/javascript',
    text: readFileSync(require.resolve('naf-janus-adapter/dist/naf-janus-adapter.min.js'), 'utf8'),
  }),
  '/naf-client.js': () => ({
    type: 'text/javascript',
    text: readFileSync(new URL('../browsers/pages/naf-client.js', import.meta.url), 'utf8'),
  }),
  '/minijanus.js': () => ({
    type: 'text/javascript',
    text: readFileSync(require.resolve('minijanus/minijanus.js'), 'utf8'),
  }),
  '/minijanus-client.js': () => ({
    type: 'text/javascript',
    text: readFileSync(new URL('../browsers/pages/minijanus-client.js', import.meta.url), 'utf8'),
  }),
}

export async function servePages(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const file = files[new URL(request.url ?? '/', 'http://page').pathname]?.()
    if (!file) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': file.type, 'cache-control': 'no-store' }).end(file.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
