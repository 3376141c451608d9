/** Errors of the store as mistakes of the setting that says where it is. */
import { ConfigError } from '../config/config-error.js'
import { StoreError } from '../sfu/blocks/store.js'

/** @throws ConfigError for a StoreError; others as they are */
export async function naming<T>(dataDir: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreError) throw new ConfigError(`--data-dir: ${dataDir}: ${error.message}`)
    throw error
  }
}
