/** Files of a folder over HTTP: the demo page. */
import { type FileHandle, open, realpath } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream'
import type { Route } from './http.js'

export interface StaticFilesOptions {
  /** Path it appears at: `/`, or like `/sdk`. */
  readonly base: string
  readonly directory: string
  readonly contentSecurityPolicy?: string
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ts': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.woff2': 'font/woff2',
}

/** Scripts and styles only from files of ours; sockets to any server, so that the page can try others. */
const DEFAULT_POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Refuses everything that is not a plain name: empty, hidden, `.` and `..`, separators, control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL would end the path for the system
const plainName = /^[^./\\\u0000-\u001f][^/\\\u0000-\u001f]*$/

export function createStaticFiles(options: StaticFilesOptions): Route {
  const { base, directory } = options
  const headers = {
    'content-security-policy': options.contentSecurityPolicy ?? DEFAULT_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
  const serve = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      request.resume()
      response.writeHead(405, { ...headers, allow: 'GET, HEAD', connection: 'close' }).end()
      return
    }
    const names = namesOf(url.pathname.slice(base === '/' ? 1 : base.length + 1))
    const found = names && (await openWithin(directory, names))
    if (found) await send(request, response, found, headers)
    // Every browser asks for it; a page without one is no error.
    else if (url.pathname === '/favicon.ico') response.writeHead(204, headers).end()
    else response.writeHead(404, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n')
  }
  return {
    base,
    handle(request, response, url) {
      serve(request, response, url).catch(() => {
        if (!response.headersSent) response.writeHead(500, headers).end()
        else response.destroy()
      })
    },
  }
}

/** @returns the names of a decoded path, `index.html` for a path that ends with a slash; undefined if one is not plain */
function namesOf(path: string): string[] | undefined {
  const encoded = path === '' || path.endsWith('/') ? `${path}index.html` : path
  try {
    const names = encoded.split('/').map(decodeURIComponent)
    return names.every((name) => plainName.test(name)) ? names : undefined
  } catch {
    return undefined
  }
}

interface Found {
  readonly file: FileHandle
  readonly name: string
  readonly size: number
  readonly modified: Date
}

/** Opens a regular file in `directory`; also a link must not lead out of it. */
async function openWithin(directory: string, names: readonly string[]): Promise<Found | undefined> {
  let file: FileHandle | undefined
  try {
    const root = await realpath(directory)
    const path = await realpath(join(root, ...names))
    if (!path.startsWith(root + sep)) return undefined
    file = await open(path, 'r')
    const stat = await file.stat()
    if (stat.isFile()) return { file, name: path, size: stat.size, modified: stat.mtime }
  } catch {
    // Not there, or not to be read: both are 404.
  }
  await file?.close()
  return undefined
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { file, name, size, modified }: Found,
  common: Record<string, string>,
): Promise<void> {
  const etag = `W/"${size.toString(36)}-${modified.getTime().toString(36)}"`
  const headers = { ...common, etag, 'last-modified': modified.toUTCString(), 'cache-control': 'no-cache' }
  if (isFresh(request.headers, etag, modified)) {
    await file.close()
    response.writeHead(304, headers).end()
    return
  }
  const type = contentTypes[extname(name).toLowerCase()] ?? 'application/octet-stream'
  response.writeHead(200, { ...headers, 'content-type': type, 'content-length': size })
  if (request.method === 'HEAD' || size === 0) {
    await file.close()
    response.end()
    return
  }
  // Not more than announced, should the file grow meanwhile. The stream closes the file.
  pipeline(file.createReadStream({ end: size - 1 }), response, () => {})
}

/** RFC 9110 §13.2.2: `If-None-Match` counts before `If-Modified-Since`. */
function isFresh(headers: IncomingHttpHeaders, etag: string, modified: Date): boolean {
  const known = headers['if-none-match']
  if (known !== undefined) return known.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*')
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return Math.floor(modified.getTime() / 1000) * 1000 <= since
}
