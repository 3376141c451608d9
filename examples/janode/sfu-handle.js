/**
 * janus.plugin.sfu for janode: give this descriptor to `session.attach`. Every method resolves with the reply's data and
 * its `jsep`, if there is one, and rejects with an Error that has the stable `code` of the failure.
 */
import Handle from 'janode/handle'

export const EVENT = {
  /** `{ user_id, room_id }` */
  JOIN: 'sfu_join',
  /** `{ user_id, room_id }` */
  LEAVE: 'sfu_leave',
  /** `{ by }` */
  BLOCKED: 'sfu_blocked',
  /** `{ by }` */
  UNBLOCKED: 'sfu_unblocked',
  /** `{ body, from }` */
  DATA: 'sfu_data',
  /** `{ jsep }`: an offer, to be answered by `answer`. */
  OFFER: 'sfu_offer',
}

class SfuHandle extends Handle {
  /** Called by janode for every `event`. A truthy result says that it was ours. */
  handleMessage({ plugindata, transaction, jsep }) {
    const data = plugindata?.data
    if (!data) return null
    if (this.ownsTransaction(transaction)) this.#reply(transaction, data, jsep)
    else if (data.event) this.emit(`sfu_${data.event}`, data)
    else if (jsep) this.emit(EVENT.OFFER, { jsep })
    return data
  }

  #reply(transaction, data, jsep) {
    if (data.success) {
      this.closeTransactionWithSuccess(transaction, { ...data.response, ...(jsep && { jsep }) })
    } else {
      const { msg, code } = data.error
      this.closeTransactionWithError(transaction, Object.assign(new Error(msg), { code }))
    }
  }

  /** @returns `{ users: { [room_id]: user ids } }`, and `jsep` when it subscribed to somebody who publishes */
  join({ room_id, user_id, subscribe, token }) {
    return this.message({ kind: 'join', room_id, user_id, subscribe, token })
  }

  /** `media`, `data` and `notifications`; those that are not given stay as they are. */
  subscribe(what) {
    return this.message({ kind: 'subscribe', ...what })
  }

  /** @returns `{ jsep }`, the answer */
  publish(jsep) {
    return this.message({}, jsep)
  }

  answer(jsep) {
    return this.message({}, jsep)
  }

  data(body, whom) {
    return this.message({ kind: 'data', body, whom })
  }

  block(whom) {
    return this.message({ kind: 'block', whom })
  }

  unblock(whom) {
    return this.message({ kind: 'unblock', whom })
  }

  kick({ room_id, user_id, token }) {
    return this.message({ kind: 'kick', room_id, user_id, token })
  }
}

export default { id: 'janus.plugin.sfu', Handle: SfuHandle, EVENT }
