/** How a number of tiles fills a box: all of one size, as large as possible. */
export interface Layout {
  columns: number
  /** Pixels. */
  width: number
  height: number
}

/** Cameras film wide, phones upright; upright tiles would crop most pictures, so only upright boxes get them. */
const NARROWEST = { upright: 3 / 4, wide: 4 / 3 } as const
const WIDEST = 16 / 9
/** Smaller tiles show nothing; the box scrolls instead. */
const MIN_WIDTH = 140
const MIN_HEIGHT = 105

/**
 * @param count tiles, at least 1
 * @param gap pixels between tiles
 */
export function layOut(count: number, boxWidth: number, boxHeight: number, gap: number): Layout {
  const narrowest = boxHeight > boxWidth ? NARROWEST.upright : NARROWEST.wide
  let best: Layout = { columns: 1, width: 0, height: 0 }
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const cellWidth = (boxWidth - gap * (columns - 1)) / columns
    const cellHeight = (boxHeight - gap * (rows - 1)) / rows
    const width = Math.floor(Math.min(cellWidth, cellHeight * WIDEST))
    const height = Math.floor(Math.min(cellHeight, cellWidth / narrowest))
    if (width * height > best.width * best.height) best = { columns, width, height }
  }
  if (best.width >= MIN_WIDTH && best.height >= MIN_HEIGHT) return best
  return scrolling(boxWidth, gap)
}

function scrolling(boxWidth: number, gap: number): Layout {
  const columns = Math.max(1, Math.floor((boxWidth + gap) / (MIN_WIDTH + gap)))
  const width = Math.max(0, Math.floor((boxWidth - gap * (columns - 1)) / columns))
  return { columns, width, height: Math.max(MIN_HEIGHT, Math.floor((width * 3) / 4)) }
}
