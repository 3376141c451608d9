/** One figure of several servers as bars, with the least and the most of the runs, as SVG. */

import { figure, type Spread } from './spread.js'
import { COLOURS, documentOf, escaped, GREY, ticksTo, WIDTH } from './svg.js'

export interface Bar {
  readonly label: string
  /** Bars of the same group have the same colour. */
  readonly group: string
  readonly spread: Spread
}

export interface BarPanel {
  readonly title: string
  readonly bars: readonly Bar[]
  /** Where targets are, in the figure's unit. */
  readonly targets?: readonly number[]
}

const MARGIN = 16
const LABELS = 330
const RIGHT = 60
const TOP = 40
const TITLE = 24
const ROW = 24
const BAR = 14
const AXIS = 34

const round = (value: number) => Math.round(value * 10) / 10

/** Bars without a figure are left out. @returns an SVG document */
export function barChart(title: string, panels: readonly BarPanel[]): string {
  const measured = panels
    .map((panel) => ({ ...panel, bars: panel.bars.filter(({ spread }) => Number.isFinite(spread.median)) }))
    .filter(({ bars }) => bars.length > 0)
  const groups = [...new Set(measured.flatMap(({ bars }) => bars.map(({ group }) => group)))]
  const heights = measured.map(({ bars }) => TITLE + bars.length * ROW + AXIS)
  const height = TOP + heights.reduce((sum, each) => sum + each, 0)
  let top = TOP
  const drawnPanels = measured.map((panel, index) => {
    const from = top
    top += heights[index]!
    return drawn(panel, from, groups)
  })
  return documentOf(title, height, MARGIN, drawnPanels.flat())
}

function drawn({ title, bars, targets = [] }: BarPanel, top: number, groups: readonly string[]): string[] {
  const ticks = ticksTo(Math.max(...targets, ...bars.map(({ spread }) => spread.max)))
  const x = (value: number) => round(LABELS + (Math.max(0, value) / ticks.at(-1)!) * (WIDTH - LABELS - RIGHT))
  const [first, last] = [top + TITLE, top + TITLE + bars.length * ROW]
  const grid = ticks.map(
    (tick) =>
      `<path d="M${x(tick)} ${first}V${last}" stroke="#e5e7eb"/>` +
      `<text x="${x(tick)}" y="${last + 14}" text-anchor="middle">${tick.toLocaleString('en')}</text>`,
  )
  const rows = bars.map(({ label, group, spread: { median, min, max } }, index) => {
    const middle = first + index * ROW + ROW / 2
    const colour = COLOURS[groups.indexOf(group) % COLOURS.length]!
    return (
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>` +
      `<rect x="${LABELS}" y="${middle - BAR / 2}" width="${round(x(median) - LABELS)}" height="${BAR}" fill="${colour}"/>` +
      `<path d="M${x(min)} ${middle}H${x(max)}M${x(min)} ${middle - 4}v8M${x(max)} ${middle - 4}v8" stroke="#111827"/>` +
      `<text x="${x(max) + 6}" y="${middle + 4}">${figure(median)}</text>`
    )
  })
  const lines = targets.map(
    (target) => `<path d="M${x(target)} ${first}V${last}" stroke="${GREY}" stroke-width="1.5" stroke-dasharray="4 3"/>`,
  )
  return [`<text x="${MARGIN}" y="${top + 14}" font-weight="bold">${escaped(title)}</text>`, ...grid, ...rows, ...lines]
}
