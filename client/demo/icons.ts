/** Outlines on a grid of 24 by 24, drawn with a stroke of the current colour. */
const outlines = {
  mic: ['M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z', 'M5 11v1a7 7 0 0 0 14 0v-1', 'M12 19v3'],
  'mic-off': [
    'M9 9v3a3 3 0 0 0 5 2.2M15 10V6a3 3 0 0 0-5.7-1.3',
    'M5 11v1a7 7 0 0 0 11.3 5.5M19 11v1a7 7 0 0 1-.5 2.6',
    'M12 19v3',
    'M3 3l18 18',
  ],
  camera: ['M4 6h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2z', 'M15 11l7-4v10l-7-4'],
  'camera-off': [
    'M8 6h5a2 2 0 0 1 2 2v4M15 15v1a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2',
    'M15 11l7-4v10l-5-2.8',
    'M3 3l18 18',
  ],
  screen: [
    'M4 5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z',
    'M8 20h8M12 16v4',
    'M12 13V8.5M9.5 10.5L12 8l2.5 2.5',
  ],
  chat: ['M21 12a8 8 0 0 1-8 8H4l2-3.5A8 8 0 1 1 21 12z', 'M9 10h8M9 14h5'],
  leave: [
    'M3 14.5c0-1 .4-2 1.2-2.6a13 13 0 0 1 15.6 0c.8.6 1.2 1.6 1.2 2.6v1.5a1 1 0 0 1-1.3 1l-3.2-1a1 1 0 0 1-.7-.9l-.1-2a12 12 0 0 0-7.4 0l-.1 2a1 1 0 0 1-.7.9l-3.2 1A1 1 0 0 1 3 16z',
  ],
  link: [
    'M10 14a4 4 0 0 0 5.7 0l3.5-3.5a4 4 0 0 0-5.7-5.7L12 6.3',
    'M14 10a4 4 0 0 0-5.7 0l-3.5 3.5a4 4 0 0 0 5.7 5.7l1.5-1.5',
  ],
  send: ['M21 3L10 14', 'M21 3l-7 18-4-7-7-4z'],
  close: ['M6 6l12 12M18 6L6 18'],
  block: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z', 'M5.7 5.7l12.6 12.6'],
  speaker: ['M4 9v6h4l5 4V5L8 9z', 'M16.5 8.5a5 5 0 0 1 0 7M19 6a8.5 8.5 0 0 1 0 12'],
} as const

export type IconName = keyof typeof outlines

const SVG = 'http://www.w3.org/2000/svg'

/** @returns a decorative icon; whatever it means must also stand in words beside it or in a label */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  for (const outline of outlines[name]) {
    const path = document.createElementNS(SVG, 'path')
    path.setAttribute('d', outline)
    svg.append(path)
  }
  return svg
}

/** Puts icons into all elements of the page that ask for one with `data-icon`. */
export function placeIcons(): void {
  for (const place of document.querySelectorAll<HTMLElement>('[data-icon]')) {
    place.replaceWith(icon(place.dataset.icon as IconName))
  }
}
