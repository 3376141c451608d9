/** A figure of several servers against one that was varied, as SVG. */
import { COLOURS, GREY, logarithmicAxis, panelOf, svgOf } from './svg.js'

export interface ChartSeries {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface ChartPanel {
  readonly title: string
  readonly series: readonly ChartSeries[]
}

/** One colour for a name throughout; the floor is grey. */
function colourOf(name: string, names: readonly string[]): string {
  const [first] = names
  if (name === 'floor program') return GREY
  const others = first === 'floor program' ? names.slice(1) : names
  return COLOURS[others.indexOf(name) % COLOURS.length]!
}

/** @param unit of x, after each tick @returns an SVG document */
export function chart(title: string, panels: readonly ChartPanel[], unit: string): string {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))]
  const xs = new Set(panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ x }) => x))))
  const drawn = panels.map(({ title, series }) =>
    panelOf(
      title,
      series.map(({ name, points }) => ({ points, colour: colourOf(name, names), dots: true })),
    ),
  )
  const legend = names.map((name) => ({ text: name, colour: colourOf(name, names) }))
  return svgOf(
    title,
    legend,
    drawn,
    logarithmicAxis(
      [...xs].sort((a, b) => a - b),
      unit,
    ),
  )
}
