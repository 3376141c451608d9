/** Panels of lines for SVG plots. */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly points: readonly Point[]
  readonly colour: string
  readonly dash?: string
  readonly step?: boolean
  /** Each point has a dot. */
  readonly dots?: boolean
}

export interface Panel {
  readonly title: string
  readonly max: number
  readonly ticks: readonly number[]
  readonly lines: readonly Line[]
}

/** Where something stands on the x axis. */
export interface XAxis {
  /** 0 … 1. */
  at(value: number): number
  readonly ticks: readonly { readonly value: number; readonly text: string }[]
}

export const WIDTH = 860
export const LEFT = 62
export const TOP = 64
const LEGEND_LINE = 20
const RIGHT = 16
const PANEL = 150
const GAP = 44
export const COLOURS = ['#0b62c4', '#c2410c', '#15803d', '#7e22ce']
export const GREY = '#6b7280'

export const escaped = (text: string) => text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`)
const round = (value: number) => Math.round(value * 10) / 10

/** Round numbers from 0 to at least `most`, about four of them. */
export function ticksTo(most: number): number[] {
  const rough = most > 0 ? most / 4 : 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10)
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}

/** @param least that the y axis reaches at any rate */
export function panelOf(title: string, lines: readonly Line[], least = 0): Panel {
  const most = Math.max(least, ...lines.flatMap(({ points }) => points.map(({ y }) => y)))
  const ticks = ticksTo(most)
  return { title, lines, ticks, max: ticks.at(-1)! }
}

export function linearAxis(end: number, unit: string): XAxis {
  const ticks = ticksTo(end).filter((value) => value <= end)
  return { at: (value) => value / end, ticks: ticks.map((value) => ({ value, text: `${value}${unit}` })) }
}

/** Nearer ticks than this, as a share of the axis, would run into each other. */
const TICK_ROOM = 0.1

/** For values of very different size, which are the ticks themselves, as far as there is room. @param values ascending */
export function logarithmicAxis(values: readonly number[], unit: string): XAxis {
  const [low, high] = [Math.log(values[0]!), Math.log(values.at(-1)!)]
  const at = (value: number) => (high === low ? 0.5 : 0.02 + (0.96 * (Math.log(value) - low)) / (high - low))
  let last = Number.NEGATIVE_INFINITY
  const shown = values.filter((value) => {
    const fits = at(value) - last >= TICK_ROOM
    if (fits) last = at(value)
    return fits
  })
  return { at, ticks: shown.map((value) => ({ value, text: `${value.toLocaleString('en')}${unit}` })) }
}

export interface LegendEntry {
  readonly text: string
  readonly colour: string
  readonly dash?: string
}

/** @returns an SVG document */
export function svgOf(title: string, legend: readonly LegendEntry[], panels: readonly Panel[], x: XAxis): string {
  const { lines, drawn: entries } = legendText(legend)
  const top = TOP + (lines - 1) * LEGEND_LINE
  const drawnPanels = panels.flatMap((panel, index) => drawn(panel, top + index * (PANEL + GAP), x))
  return documentOf(title, top + panels.length * (PANEL + GAP), LEFT, [...entries, ...drawnPanels])
}

/** White ground and the title; @param titleX where the title begins @returns an SVG document */
export function documentOf(title: string, height: number, titleX: number, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#111827">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${titleX}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...content,
    '</svg>',
    '',
  ].join('\n')
}

/** Entries side by side, in as many lines as they need. */
function legendText(entries: readonly LegendEntry[]): { lines: number; drawn: string[] } {
  let [x, line] = [LEFT, 0]
  const drawn = entries.map(({ text, colour, dash }) => {
    const width = 40 + text.length * 6.6
    if (x > LEFT && x + width > WIDTH) [x, line] = [LEFT, line + 1]
    const [from, y] = [round(x), 38 + line * LEGEND_LINE]
    x += width
    const dashes = dash ? ` stroke-dasharray="${dash}"` : ''
    return (
      `<path d="M${from} ${y}h22" stroke="${colour}" stroke-width="2.5"${dashes}/>` +
      `<text x="${from + 27}" y="${y + 4}">${escaped(text)}</text>`
    )
  })
  return { lines: line + 1, drawn }
}

function drawn({ title, max, ticks, lines }: Panel, top: number, axis: XAxis): string[] {
  const x = (value: number) => round(LEFT + axis.at(value) * (WIDTH - LEFT - RIGHT))
  const y = (value: number) => round(top + PANEL - (Math.min(value, max) / max) * PANEL)
  const grid = ticks.map(
    (tick) =>
      `<path d="M${LEFT} ${y(tick)}H${WIDTH - RIGHT}" stroke="#e5e7eb"/>` +
      `<text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
  )
  const below = axis.ticks.map(
    ({ value, text }) => `<text x="${x(value)}" y="${top + PANEL + 16}" text-anchor="middle">${text}</text>`,
  )
  const paths = lines
    .filter(({ points }) => points.length > 1)
    .map(({ points, colour, dash, step }) => {
      const [head, ...rest] = points
      const path = rest
        .map((point) => (step ? `H${x(point.x)}V${y(point.y)}` : `L${x(point.x)} ${y(point.y)}`))
        .join('')
      const dashes = dash ? ` stroke-dasharray="${dash}"` : ''
      return `<path d="M${x(head!.x)} ${y(head!.y)}${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`
    })
  const dots = lines
    .filter((line) => line.dots)
    .flatMap(({ points, colour }) =>
      points.map((point) => `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3" fill="${colour}"/>`),
    )
  return [
    `<text x="${LEFT}" y="${top - 6}" font-weight="bold">${escaped(title)}</text>`,
    ...grid,
    ...below,
    ...paths,
    ...dots,
  ]
}
