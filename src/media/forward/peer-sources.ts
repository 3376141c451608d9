/** Which SSRC of one peer belongs to which encoding of which m-line, as SDP says, as packets show, or as another worker says. */
import type { MirroredSource, ReceiveStream } from '../control.js'
import { elementLength, findElement, readText, sameText } from '../rtp/extensions/index.js'
import type { RtpView } from '../rtp/packet.js'
import type { ForwardContext } from './context.js'
import type { Encoding, EncodingSource } from './encoding.js'
import type { Publication } from './publication.js'
import { SsrcTable } from './ssrc-table.js'
import { Drop } from './totals.js'

export class PeerSources {
  readonly #context: ForwardContext
  readonly #publications: readonly Publication[]
  readonly #table = new SsrcTable<Encoding>()

  /** @param publications of the peer, as they come and go */
  constructor(context: ForwardContext, publications: readonly Publication[]) {
    this.#context = context
    this.#publications = publications
  }

  /** What is known of this SSRC. */
  find(ssrc: number): EncodingSource | undefined {
    return this.#table.find(ssrc)
  }

  /** Forgets all sources of an encoding. */
  remove(encoding: Encoding): void {
    this.#table.remove(encoding)
  }

  /** SSRCs of the SDP. Those that it does not mention any more may return only in silence. */
  announce(publication: Publication, stream: ReceiveStream, nowMs: number): void {
    if (stream.ssrcs.length === 0) return
    const listed = new Set(stream.ssrcs.flatMap(({ ssrc, rtxSsrc }) => [ssrc, rtxSsrc]))
    for (const encoding of publication.encodings) {
      this.#table.forEach(encoding, (source) => {
        if (!listed.has(source.ssrc)) source.replaced = true
      })
    }
    for (const [index, { ssrc, rtxSsrc }] of stream.ssrcs.entries()) {
      const name = encodingName(stream, index)
      const known = this.#table.find(ssrc)?.stream
      const encoding = known?.line === publication ? known : publication.encodingOf(name, false, nowMs)
      if (encoding === null) continue
      this.#add(encoding, ssrc, -1)
      if (rtxSsrc !== undefined) this.#add(encoding, rtxSsrc, ssrc)
    }
  }

  #add(stream: Encoding, ssrc: number, repairs: number): void {
    const known = this.#table.find(ssrc)
    const rtx = repairs >= 0
    if (known?.stream === stream && known.rtx === rtx && known.repairs === repairs) known.replaced = false
    else this.#table.add({ ssrc, stream, rtx, repairs, replaced: false, lastMs: Number.NEGATIVE_INFINITY })
  }

  /**
   * A new SSRC: its m-line is known by mid (RFC 9143 §9.2), else by a payload type that only one has; its encoding by rid,
   * or by that which a repair is for (RFC 8852).
   */
  learn(nowMs: number, view: RtpView): EncodingSource | number {
    const { rx } = this.#context.io
    const publication = this.#byMid(rx, view) ?? this.#byPayloadType(view.pt)
    if (publication === null) return -Drop.unknownStream
    const rtx = publication.types.apt[view.pt]! >= 0
    if (!rtx && publication.types.codec[view.pt]! < 0) return -Drop.payloadType
    const { extensions } = publication.stream
    const rid = textOf(rx, view, (rtx ? extensions['repaired-rid'] : extensions.rid) ?? 0)
    const stream = publication.encodingOf(rid, rtx, nowMs)
    if (stream === null) return -Drop.unknownStream
    const source = { ssrc: view.ssrc, stream, rtx, repairs: -1, replaced: false, lastMs: nowMs }
    if (!this.#table.add(source)) return -Drop.ssrcLimit
    return source
  }

  #byMid(bytes: Uint8Array, view: RtpView): Publication | null {
    for (const publication of this.#publications) {
      const id = publication.stream.extensions.mid
      const at = id === undefined ? -1 : findElement(bytes, view, id)
      if (at >= 0 && sameText(bytes, at, elementLength(bytes, view, at), publication.midBytes)) return publication
    }
    return null
  }

  #byPayloadType(pt: number): Publication | null {
    let found: Publication | null = null
    for (const publication of this.#publications) {
      if (publication.types.codec[pt]! < 0 && publication.types.apt[pt]! < 0) continue
      if (found !== null) return null
      found = publication
    }
    return found
  }

  // ---- for mirrors

  /** All that are known. */
  list(): MirroredSource[] {
    const sources: MirroredSource[] = []
    for (const { mid, encodings } of this.#publications) {
      for (const encoding of encodings) {
        this.#table.forEach(encoding, ({ ssrc, rtx, repairs, replaced }) => {
          sources.push({ mid, rid: encoding.rid, ssrc, rtx, repairs, replaced })
        })
      }
    }
    return sources
  }

  /** Takes over, on a mirror, what `list` said where the publisher lives. */
  set(sources: readonly MirroredSource[], nowMs: number): void {
    const listed = new Set(sources.map(({ ssrc }) => ssrc))
    this.#table.keep(({ ssrc }) => listed.has(ssrc))
    for (const { mid, rid, ...said } of sources) {
      const publication = this.#publications.find((one) => one.mid === mid)
      const known = this.#table.find(said.ssrc)
      if (publication === undefined) continue
      // An encoding that was the only one gets its name with the second one.
      if (known?.stream.line === publication) known.stream.rid = rid
      const stream = publication.encodingNamed(rid, nowMs)
      if (stream === null) continue
      if (known?.stream === stream && known.rtx === said.rtx) {
        known.repairs = said.repairs
        known.replaced = said.replaced
      } else this.#table.add({ ...said, stream, lastMs: nowMs })
    }
  }
}

/** What the encoding of the SSRC at `index` is called: by rid if it has one; several SSRCs are simulcast (SIM groups). */
function encodingName({ ssrcs, encodings = [] }: ReceiveStream, index: number): string {
  if (ssrcs.length === 1) return ''
  const rid = (encodings.find(({ ssrc }) => ssrc === ssrcs[index]!.ssrc) ?? encodings[index])?.rid
  return rid || `#${index}`
}

function textOf(bytes: Uint8Array, view: RtpView, id: number): string {
  const at = id === 0 ? -1 : findElement(bytes, view, id)
  return at < 0 ? '' : readText(bytes, at, Math.min(16, elementLength(bytes, view, at)))
}
