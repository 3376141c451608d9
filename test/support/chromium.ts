/** Debian's Chromium with fake devices, driven by playwright-core. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const known = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Several pages share two cores: those in the background must go on as if they were seen.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
]

/** @param more further command-line switches, e.g. a clip instead of the fake camera */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  const executablePath = known.find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('Chromium is not installed (npm test installs it where it may)')
  return chromium.launch({ executablePath, headless: true, args: [...args, ...more] })
}

/** A page of its own (own storage), with its console and errors collected. */
export async function openPage(
  browser: Browser,
  url: string,
): Promise<Page & { problems: string[]; warnings: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1024, height: 720 } })
  const page = Object.assign(await context.newPage(), { problems: [] as string[], warnings: [] as string[] })
  page.on('pageerror', (error) => page.problems.push(error.stack ?? error.message))
  page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()))
  page.on('console', (message) => message.type() === 'warning' && page.warnings.push(message.text()))
  await page.goto(url)
  return page
}
