import { janusLevel } from './logging.js'
import type { AdminContext, AdminRequests } from './request.js'

const seconds = (ms: number) => Math.round(ms / 1000)

function status({ services: { core, logLevel, media } }: AdminContext) {
  const { noMediaTimer, slowlinkThreshold } = media.get()
  const { sessionMs, reclaimMs, candidatesMs } = core.timeouts
  return {
    token_auth: core.wantsToken,
    session_timeout: seconds(sessionMs),
    reclaim_session_timeout: seconds(reclaimMs),
    candidates_timeout: seconds(candidatesMs),
    log_level: janusLevel(logLevel.level),
    log_timestamps: true,
    log_colors: false,
    locking_debug: false,
    refcount_debug: false,
    libnice_debug: false,
    min_nack_queue: core.serverInfo()['min-nack-queue'],
    'nack-optimizations': core.serverInfo()['nack-optimizations'],
    no_media_timer: noMediaTimer,
    slowlink_threshold: slowlinkThreshold,
  }
}

/** What the server is, and how it is set. */
export const infoRequests = {
  info: {
    scope: 'server',
    open: true,
    run: ({ services }) => ({ janus: 'server_info', fields: services.core.serverInfo() }),
  },
  ping: { scope: 'server', open: true, run: () => ({ janus: 'pong' }) },
  get_status: { scope: 'server', run: (context) => ({ fields: { status: status(context) } }) },
  loops_info: {
    scope: 'server',
    run: async ({ services }) => ({ fields: { loops: await services.workers() } }),
  },
} satisfies AdminRequests
