import type { CaptureOutcome, CaptureRequest, HandleFigures, HandleInfo } from '../handle-info.js'
import type {
  HandlePort,
  NegotiationState,
  Plugin,
  PluginHandle,
  PluginReply,
  PluginRequest,
  TrickleCandidate,
} from '../plugin.js'

/** Records what the core calls; messages are answered at once, or when the test says so. */
export class FakeHandle implements PluginHandle {
  readonly port: HandlePort
  /** Names of the calls, in order. */
  readonly calls: string[] = []
  readonly requests: PluginRequest[] = []
  readonly candidates: (TrickleCandidate | null)[] = []
  state: NegotiationState = 'none'
  awaitsAnswer = false
  /** Replaces the echo. */
  respond: (request: PluginRequest) => Promise<PluginReply> | PluginReply = ({ body }) => ({ data: { echo: body } })

  constructor(port: HandlePort) {
    this.port = port
  }

  negotiation(): NegotiationState {
    return this.state
  }

  expectsAnswer(): boolean {
    return this.awaitsAnswer
  }

  /** An offer makes a PeerConnection, as if it connected at once; an answer completes one. */
  async message(request: PluginRequest): Promise<PluginReply> {
    this.calls.push('message')
    this.requests.push(request)
    const reply = await this.respond(request)
    if (!request.jsep) return reply
    const isNew = this.state !== 'stable'
    this.state = 'stable'
    this.awaitsAnswer = false
    if (isNew) setImmediate(() => this.port.webrtcup())
    return request.jsep.type === 'offer' ? { ...reply, jsep: { type: 'answer', sdp: 'v=0\r\nanswer' } } : reply
  }

  trickle(candidates: readonly (TrickleCandidate | null)[]): void {
    this.calls.push('trickle')
    this.candidates.push(...candidates)
  }

  hangup(reason: string): void {
    this.calls.push('hangup')
    if (this.state === 'none') return
    this.state = 'none'
    this.port.hangup(reason)
  }

  /** What `info` answers. */
  known: HandleInfo = { specific: { fake: true } }
  info(): Promise<HandleInfo> {
    return Promise.resolve(this.known)
  }

  readonly captures: CaptureRequest[] = []
  capturing = false
  async capture(capture: CaptureRequest | null): Promise<CaptureOutcome> {
    if (capture === null && !this.capturing) return 'not started'
    if (capture !== null && this.capturing) return 'already started'
    this.capturing = capture !== null
    if (capture) this.captures.push(capture)
    return capture ? 'started' : 'stopped'
  }

  detached(): void {
    this.calls.push('detached')
  }
}

export class FakePlugin implements Plugin {
  readonly packageName = 'janus.plugin.fake'
  readonly name = 'Fake plugin'
  readonly author = 'tests'
  readonly description = 'Echoes'
  readonly version = 7
  readonly versionString = '0.0.7'
  ackHint: string | undefined = 'Processing.'
  readonly handles: FakeHandle[] = []

  /** What `figures` answers. */
  passed: () => Promise<HandleFigures[]> = () => Promise.resolve([])
  figures(): Promise<HandleFigures[]> {
    return this.passed()
  }

  attach(port: HandlePort): PluginHandle {
    const handle = new FakeHandle(port)
    this.handles.push(handle)
    return handle
  }
}
