/** A configuration for Janus of the distribution: WebSocket, videoroom, and textroom if asked for. */
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['/usr/lib', '/usr/local/lib', '/opt/janus/lib']

export interface JanusConfig {
  webSocket: { ip: string; port: number }
  /** First and last UDP port of media. */
  rtpPorts: [number, number]
  /** Lines of the videoroom's configuration. */
  rooms: string
  /** Lines of the textroom's configuration; without any it is off. */
  textRooms?: string
  /** Threads that all handles share; 0 = one for each handle. */
  eventLoops?: number
  /** Further lines. */
  nat?: string
}

/** Whether there is a `janus` in the path. */
export const hasJanus = () => !spawnSync('janus', ['--version'], { stdio: 'ignore' }).error

/** Writes the files; `janus --configs-folder=folder` takes them. */
export function writeJanusConfig(
  folder: string,
  { webSocket, rtpPorts, rooms, textRooms, eventLoops = 0, nat = '' }: JanusConfig,
): void {
  const { ip, port } = webSocket
  const others = (kind: string, wanted: readonly string[]) =>
    FOLDERS.flatMap((folder) => librariesOf(folder, kind)).filter((name) => !wanted.includes(name))
  const plugins = ['libjanus_videoroom.so', ...(textRooms === undefined ? [] : ['libjanus_textroom.so'])]
  const general = [
    `general: { log_to_stdout = false; server_name = "bench"; session_timeout = 0; event_loops = ${eventLoops} }`,
    `media: { rtp_port_range = "${rtpPorts.join('-')}" }`,
    `nat: { ${nat} }`,
    `plugins: { disable = "${others('plugins', plugins).join(',')}" }`,
    `transports: { disable = "${others('transports', ['libjanus_websockets.so']).join(',')}" }`,
    'events: { broadcast = false }',
    '',
  ]
  writeFileSync(join(folder, 'janus.jcfg'), general.join('\n'))
  writeFileSync(
    join(folder, 'janus.transport.websockets.jcfg'),
    `general: { json = "compact"; ws = true; ws_port = ${port}; ws_ip = "${ip}"; wss = false }\n`,
  )
  writeFileSync(join(folder, 'janus.plugin.videoroom.jcfg'), rooms)
  if (textRooms !== undefined) writeFileSync(join(folder, 'janus.plugin.textroom.jcfg'), textRooms)
}

function librariesOf(lib: string, kind: string): string[] {
  const list = (folder: string) => {
    try {
      return readdirSync(folder)
    } catch {
      return []
    }
  }
  const folders = [lib, ...list(lib).map((sub) => join(lib, sub))].map((each) => join(each, 'janus', kind))
  return folders.flatMap(list).filter((name) => name.endsWith('.so'))
}
