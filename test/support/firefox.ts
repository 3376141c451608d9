/**
 * Debian's Firefox ESR with fake devices, driven by playwright-core over WebDriver BiDi: its pages are the same
 * objects as those of Chromium, so that tests are written once for both (`openPage` in chromium.ts opens them).
 */
import { existsSync } from 'node:fs'
import { type Browser, firefox } from 'playwright-core'

const known = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox']

const preferences = {
  // A camera and a microphone of its own (a coloured picture that changes, a tone), without a question.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // Pages without this permission gather candidates on the default route only, which reaches no loopback address.
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  // Pages of the tests are served without TLS.
  'media.devices.insecure.enabled': true,
  'media.getusermedia.insecure.enabled': true,
  // Machines without sound: audio contexts run all the same.
  'media.cubeb.force_mock_context': true,
  // The servers of tests are on loopback addresses.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Several pages share two cores: those in the background must go on as if they were seen, and none waits in reserve.
  'dom.timeout.enable_budget_timer_throttling': false,
  'dom.min_background_timeout_value': 4,
  'dom.suspend_inactive.enabled': false,
  'dom.ipc.processPrelaunch.enabled': false,
  'layers.acceleration.disabled': true,
  // Nothing that calls home; playwright-core switches off the rest (updates, telemetry, plugins such as OpenH264).
  'services.settings.server': 'data:,',
  'network.captive-portal-service.enabled': false,
  'browser.discovery.enabled': false,
  'toolkit.telemetry.enabled': false,
}

/** @param more further preferences, which win over these */
export async function launchFirefox(more: Record<string, string | number | boolean> = {}): Promise<Browser> {
  const executablePath = known.find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('Firefox is not installed (npm test installs it where it may)')
  return firefox.launch({
    // Firefox as it is shipped, not playwright's own build of it.
    channel: 'moz-firefox',
    executablePath,
    headless: true,
    firefoxUserPrefs: { ...preferences, ...more },
  })
}
