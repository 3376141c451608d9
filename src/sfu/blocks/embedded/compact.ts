/** A smaller file in the place of the old one. */
import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { giveUpClaim } from './claim.js'
import { FILE_MODE, openFile, type StoreFile, storePath, syncFile, unfinishedName, unfinishedPath } from './file.js'

/**
 * Puts a copy without unused pages, which may still hold what was deleted, in the file's place. Who has the file open
 * keeps the old one: only who holds the claim may call this, and has to close the file then.
 */
export async function compact(folder: string, { environment }: StoreFile): Promise<void> {
  const path = storePath(folder)
  removeUnfinished(folder)
  const unfinished = unfinishedPath(path)
  await environment.backup(unfinished, true)
  const copy = openFile(unfinished)
  await giveUpClaim(copy)
  await copy.environment.close()
  rmSync(`${unfinished}-lock`, { force: true })
  chmodSync(unfinished, FILE_MODE)
  syncFile(unfinished)
  renameSync(unfinished, path)
  // Belongs to the old file; whoever opens the new one makes another.
  rmSync(`${path}-lock`, { force: true })
  syncFile(folder)
}

/** Also what other processes left behind when they were killed. */
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) if (unfinishedName.test(name)) rmSync(join(folder, name), { force: true })
}
