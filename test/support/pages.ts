/** Serves the pages that run in browsers: blank documents with scripts from npm and from this project's tests. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const packages = new URL('../../../node_modules/', import.meta.url)

type File = () => { type: string; text: string }

const page =
  (title: string, ...scripts: string[]): File =>
  () => ({
    type: 'text/html',
    text: `<!doctype html><title>${title}</title><link rel="icon" href="data:,"><body>${scripts.join('')}`,
  })
const inline = (text: string) => `<script>${text}</script>`
const script = (path: string) => `<script src="${path}"></script>`
const module = (path: string) => `<script type="module" src="${path}"></script>`

/** From npm, unmodified. */
const packaged =
  (path: string): File =>
  () => ({ type: 'text/javascript', text: readFileSync(new URL(path, packages), 'utf8') })
/** Of this project's tests. */
const own =
  (name: string): File =>
  () => ({ type: 'text/javascript', text: readFileSync(new URL(`../browsers/pages/${name}`, import.meta.url), 'utf8') })

const files: Record<string, File> = {
  '/minijanus.html': page(
    'minijanus',
    inline('var module = { exports: {} }'),
    script('/minijanus.js'),
    module('/minijanus-client.js'),
  ),
  '/minijanus.js': packaged('minijanus/minijanus.js'),
  '/minijanus-client.js': own('minijanus-client.js'),
  // Clients of this project's own, for what those from npm do not do.
  '/caller.html': page('caller', module('/caller.js')),
  '/caller.js': own('caller.js'),
  '/drawing.js': own('drawing.js'),
  '/frame-lock.js': own('frame-lock.js'),
  '/tones.js': own('tones.js'),
  // networked-aframe, as far as its adapter looks at it.
  '/naf.html': page(
    'naf',
    inline('var NAF = { adapters: { register(name, Adapter) { this[name] = Adapter } } }'),
    script('/naf-janus-adapter.js'),
    module('/naf-client.js'),
  ),
  '/naf-janus-adapter.js': packaged('naf-janus-adapter/dist/naf-janus-adapter.min.js'),
  '/naf-client.js': own('naf-client.js'),
  '/aframe.html': page(
    'networked-aframe',
    script('/aframe.js'),
    script('/networked-aframe.js'),
    script('/naf-janus-adapter.js'),
    module('/aframe-client.js'),
  ),
  '/aframe.js': packaged('aframe/dist/aframe-master.min.js'),
  '/networked-aframe.js': packaged('networked-aframe/dist/networked-aframe.min.js'),
  '/aframe-client.js': own('aframe-client.js'),
  '/janus-js.html': page('janus.js', script('/adapter.js'), script('/janus.js'), module('/janus-js-client.js')),
  '/adapter.js': packaged('webrtc-adapter/out/adapter.js'),
  '/janus.js': packaged('janus-gateway/npm/src/janus.js'),
  '/janus-js-client.js': own('janus-js-client.js'),
  '/impaired.html': page('impaired links', module('/impaired-client.js')),
  '/impaired-client.js': own('impaired-client.js'),
  '/janus-api.js': own('janus-api.js'),
  '/clock-strip.js': own('clock-strip.js'),
  '/source.js': own('source.js'),
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
