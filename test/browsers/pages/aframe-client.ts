/**
 * Runs inside Chromium: an A-Frame scene with networked-aframe and naf-janus-adapter, each as npm has it. What an
 * application has to do itself is in `enter`.
 */

interface Adapter {
  readonly availableOccupants: string[]
  setClientId(id: string): void
  setJoinToken(token: string): void
  setPeerConnectionConfig(config: RTCConfiguration): void
  setLocalMediaStream(stream: MediaStream): Promise<void>
  syncOccupants(wanted: string[]): void
  block(id: string): Promise<void>
  unblock(id: string): Promise<void>
  kick(id: string, token: string): Promise<void>
}

declare const NAF: {
  connection: { adapter: Adapter }
  utils: { getNetworkOwner(entity: Element): string }
}

declare const AFRAME: { THREE: { AudioAnalyser: new (sound: object, size: number) => Analyser } }

interface Analyser {
  getAverageFrequency(): number
}

interface Entity extends Element {
  readonly object3D: { readonly position: { x: number; z: number } }
  readonly components: {
    readonly 'networked-scene'?: { connect(): Promise<unknown> }
    readonly 'networked-audio-source'?: { readonly sound: object | null }
  }
}

const scene = (url: string, room: string) => `
  <a-scene embedded vr-mode-ui="enabled: false" renderer="antialias: false" style="width: 64px; height: 48px"
    networked-scene="adapter: janus; serverURL: ${url}; room: ${room}; connectOnLoad: false">
    <a-assets>
      <template id="avatar"><a-entity networked-audio-source><a-box color="#5985ff"></a-box></a-entity></template>
    </a-assets>
    <a-entity id="rig" networked="template: #avatar; attachTemplateToLocal: false" position="0 0 0">
      <a-entity camera position="0 1.6 0"></a-entity>
    </a-entity>
  </a-scene>`

export class AframePage {
  /** What the page's events said. */
  readonly told: string[] = []
  readonly #analysers = new Map<object, Analyser>()

  async enter(url: string, room: string, id: string, token: string): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    document.body.insertAdjacentHTML('beforeend', scene(url, room))
    const element = document.querySelector('a-scene') as Element as Entity
    await new Promise((resolve) => element.addEventListener('loaded', resolve, { once: true }))
    element.addEventListener('adapter-ready', (event) => {
      const adapter = (event as CustomEvent<Adapter>).detail
      adapter.setClientId(id)
      adapter.setJoinToken(token)
      adapter.setPeerConnectionConfig({})
      void adapter.setLocalMediaStream(stream)
    })
    // The adapter connects only to whom it was asked for: here to everybody, as its own list says from then on.
    document.body.addEventListener('connected', () => this.adapter.syncOccupants(this.adapter.availableOccupants))
    for (const name of ['clientConnected', 'clientDisconnected', 'blocked', 'unblocked', 'kicked']) {
      document.body.addEventListener(name, (event) => {
        this.told.push(`${name} ${(event as CustomEvent<{ clientId: string }>).detail.clientId}`)
      })
    }
    await element.components['networked-scene']!.connect()
  }

  get adapter(): Adapter {
    return NAF.connection.adapter
  }

  move(x: number, z: number): void {
    document.querySelector('#rig')!.setAttribute('position', `${x} 0 ${z}`)
  }

  /** Where somebody's avatar is in this page; undefined when it is not there. */
  seen(id: string): { x: number; z: number } | undefined {
    const { x, z } = this.#entity(id)?.object3D.position ?? {}
    return x === undefined || z === undefined ? undefined : { x, z }
  }

  /**
   * How loud somebody's avatar gets within a second and a half (the fake microphone beeps once a second), from 0 to 255;
   * undefined when there is no sound to listen to. networked-aframe plays through Web Audio: an analyser hears it there.
   */
  async loudness(id: string): Promise<number | undefined> {
    const sound = this.#entity(id)?.components['networked-audio-source']?.sound
    if (!sound) return undefined
    const analyser = this.#analysers.get(sound) ?? new AFRAME.THREE.AudioAnalyser(sound, 64)
    this.#analysers.set(sound, analyser)
    let loudest = 0
    for (const endMs = performance.now() + 1_500; performance.now() < endMs; ) {
      loudest = Math.max(loudest, analyser.getAverageFrequency())
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return loudest
  }

  #entity(id: string): Entity | undefined {
    const others = [...document.querySelectorAll('[networked]')].filter((entity) => entity.id !== 'rig')
    return others.find((entity) => NAF.utils.getNetworkOwner(entity) === id) as Entity | undefined
  }
}

declare global {
  var Aframe: typeof AframePage
}
globalThis.Aframe = AframePage
