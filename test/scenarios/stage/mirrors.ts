/** The main process' part in the relay of media between the workers of a stage: who is mirrored where. */
import type { Command, EndpointId, Report } from '../../../src/media/control.js'
import type { Client } from './client.js'
import type { Stage, StageWorker } from './stage.js'

interface Mirror {
  readonly id: EndpointId
  readonly publisher: Client
  readonly worker: StageWorker
}

export class StageMirrors {
  readonly #stage: Stage
  readonly #mirrors: Mirror[] = []
  /** What publishers were last told, by endpoint: a mirror that comes later is told it too. */
  readonly #told = new Map<EndpointId, Map<Command['kind'], Command>>()
  #linked = false

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** The number by which `worker` knows the publisher: its own, or that of its mirror, which is opened if there is none. */
  of(publisher: Client, worker: StageWorker): EndpointId {
    if (publisher.worker === worker) return publisher.id
    const known = this.#mirrors.find((mirror) => mirror.publisher === publisher && mirror.worker === worker)
    return (known ?? this.#open(publisher, worker)).id
  }

  /** `endpoint` was told something that its mirrors have to know. */
  follow(endpoint: EndpointId, command: Command): void {
    if (command.kind !== 'setReceiveStreams' && command.kind !== 'place') return
    const told = this.#told.get(endpoint) ?? new Map<Command['kind'], Command>()
    this.#told.set(endpoint, told.set(command.kind, command))
    for (const mirror of this.#mirrors) if (mirror.publisher.id === endpoint) this.#tell(mirror, command)
  }

  reported(report: Report): void {
    if (report.kind !== 'sources') return
    const { endpoint, sources } = report
    for (const { id, publisher, worker } of this.#mirrors) {
      if (publisher.id === endpoint) worker.command({ kind: 'sources', endpoint: id, sources })
    }
  }

  /** Nobody on that worker gets the publisher any more. */
  close(publisher: Client, worker: StageWorker): void {
    const at = this.#mirrors.findIndex((mirror) => mirror.publisher === publisher && mirror.worker === worker)
    const [mirror] = this.#mirrors.splice(at, 1)
    publisher.worker.command({ kind: 'unpass', mirror: mirror!.id })
    worker.command({ kind: 'close', endpoint: mirror!.id })
  }

  /** New keys for the links between all workers. @param between what happens while only one end of a link has them */
  link(between = () => {}): void {
    this.#linked = true
    const { workers, net } = this.#stage
    for (const [a, first] of workers.entries()) {
      for (const [b, second] of workers.entries()) {
        if (b <= a) continue
        const [there, back] = [0, 1].map(() => Uint8Array.from({ length: 28 }, () => net.random() & 0xff))
        const keys = (local: Uint8Array, remote: Uint8Array) => Uint8Array.from([...local, ...remote])
        first.command({ kind: 'link', worker: b, port: second.relayPort, keys: keys(there!, back!) })
        between()
        second.command({ kind: 'link', worker: a, port: first.relayPort, keys: keys(back!, there!) })
      }
    }
  }

  #open(publisher: Client, worker: StageWorker): Mirror {
    if (!this.#linked) this.link()
    const { workers } = this.#stage
    const mirror = { id: this.#stage.nextId(), publisher, worker }
    this.#mirrors.push(mirror)
    worker.command({ kind: 'mirror', endpoint: mirror.id, from: workers.indexOf(publisher.worker) })
    for (const command of this.#told.get(publisher.id)?.values() ?? []) this.#tell(mirror, command)
    const to = workers.indexOf(worker)
    publisher.worker.command({ kind: 'pass', endpoint: publisher.id, mirror: mirror.id, to })
    return mirror
  }

  #tell({ id, worker }: Mirror, command: Command): void {
    if (command.kind === 'setReceiveStreams') worker.command({ ...command, endpoint: id })
    if (command.kind === 'place') worker.command({ ...command, endpoint: id, relaysData: false, receivesData: false })
  }
}
