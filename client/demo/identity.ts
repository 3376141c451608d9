/**
 * Who we are: the user id is `<name>#<random>`, so that names show everywhere without asking anybody, and two people of one name
 * do not meet. It lives as long as the tab, because blocks are remembered by user id and must survive a reload.
 */

const STORED_SUFFIX = 'rostra-suffix'
const SUFFIX = /^[0-9a-z]{6}$/
/** A page that is being reloaded gives its lock back within this time. */
const LOCK_WAIT_MS = 500

/** @returns the name without what a user id may not hold or what separates the random part */
export function cleanName(name: string): string {
  return name
    .replace(/[\p{Cc}#\s]+/gu, ' ')
    .trim()
    .slice(0, 40)
}

/** @returns the name in a user id; the whole id for ids that other software made */
export function displayName(user: string): string {
  const at = user.lastIndexOf('#')
  return at > 0 ? user.slice(0, at) : user
}

/** @returns our user id under that name, the same again after a reload, another one in a duplicated tab */
export async function makeUserId(name: string): Promise<string> {
  const stored = sessionStorage.getItem(STORED_SUFFIX)
  const suffix = stored !== null && SUFFIX.test(stored) && (await claim(stored)) ? stored : await newSuffix()
  sessionStorage.setItem(STORED_SUFFIX, suffix)
  return `${name}#${suffix}`
}

let claimed: string | undefined

async function newSuffix(): Promise<string> {
  const random = crypto.getRandomValues(new Uint32Array(1))[0]!
  const suffix = random.toString(36).padStart(6, '0').slice(-6)
  await claim(suffix)
  return suffix
}

/** Holds a lock as long as the page lives. @returns false if another tab (a duplicate of this one) has it */
function claim(suffix: string): Promise<boolean> {
  // Locks exist only on https and localhost; elsewhere a duplicated tab has to live with it.
  if (claimed === suffix || !navigator.locks) return Promise.resolve(true)
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      claimed = suffix
      resolve(true)
      return new Promise<never>(() => {})
    }
    const options = { signal: AbortSignal.timeout(LOCK_WAIT_MS) }
    navigator.locks.request(`rostra-user-${suffix}`, options, hold).catch(() => resolve(false))
  })
}

const BLOCKED = 'rostra-blocked'

/** @returns whom we blocked earlier in this tab; the server knows it too, but does not tell */
export function readBlocked(): Set<string> {
  const stored: unknown = JSON.parse(sessionStorage.getItem(BLOCKED) ?? '[]')
  return new Set(Array.isArray(stored) ? stored.filter((user) => typeof user === 'string') : [])
}

export function rememberBlocked(user: string, blocked: boolean): void {
  const all = readBlocked()
  if (blocked) all.add(user)
  else all.delete(user)
  sessionStorage.setItem(BLOCKED, JSON.stringify([...all]))
}
