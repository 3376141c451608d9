/**
 * Who uses a store: one server at a time, because a server remembers the blocks of present users. The claim is a fact in
 * the store itself, taken in a transaction, so two that start at once cannot both get it; it ends with its process,
 * however that ends. A process of another container is not seen.
 */
import { readFileSync } from 'node:fs'
import { StoreError } from '../store.js'
import { committed, type StoreFile } from './file.js'

interface Claimant {
  readonly pid: number
  /** Start of the process, and of the system: process ids come back. */
  readonly start: string
}

/** @returns undefined when there is no such process */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in parentheses, may hold anything; start time is the 22nd field (proc(5)).
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${ticks}`
  } catch {
    return undefined
  }
}

const ofThisProcess = (): Claimant => ({ pid: process.pid, start: startOf(process.pid) ?? '' })

function isClaimant(value: unknown): value is Claimant {
  return typeof value === 'object' && value !== null && 'pid' in value && 'start' in value
}

/** @throws StoreError naming the process that has it */
export function claim({ facts }: StoreFile): void {
  facts.transactionSync(() => {
    const holder = facts.get('claimant')
    if (isClaimant(holder) && startOf(holder.pid) === holder.start) {
      throw new StoreError(`it is in use by process ${holder.pid}`)
    }
    facts.put('claimant', ofThisProcess())
  })
}

export async function giveUpClaim({ facts }: StoreFile): Promise<void> {
  await committed(facts.remove('claimant'))
}
