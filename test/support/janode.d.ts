/** As much of janode, which has no types, as the tests use. */
declare module 'janode' {
  import type { EventEmitter } from 'node:events'

  export interface JanodeHandle extends EventEmitter {
    readonly id: number
    message(body: object, jsep?: object): Promise<Record<string, unknown>>
    trickle(candidate: object): Promise<unknown>
    trickleComplete(): Promise<unknown>
    hangup(): Promise<unknown>
    detach(): Promise<unknown>
  }
  export interface JanodeSession extends EventEmitter {
    readonly id: number
    attach<H extends JanodeHandle>(descriptor: { id: string; Handle?: new (...args: never[]) => H }): Promise<H>
    destroy(): Promise<unknown>
  }
  export interface JanodeConnection extends EventEmitter {
    create(keepaliveS?: number): Promise<JanodeSession>
    getInfo(): Promise<Record<string, unknown>>
    listSessions(): Promise<{ sessions: number[] }>
    listHandles(sessionId: number): Promise<{ handles: number[] }>
    handleInfo(sessionId: number, handleId: number): Promise<{ info: Record<string, unknown> }>
    close(): Promise<void>
  }
  const Janode: {
    connect(config: {
      address: { url: string; apisecret?: string; token?: string }
      is_admin?: boolean
    }): Promise<JanodeConnection>
    readonly EVENT: Readonly<Record<string, string>>
    readonly Logger: { setLevel(level: string): void }
  }
  export default Janode
}
