/**
 * Everything that can be wrong with a client's message: stable code and its sentence. Where the original
 * plugin had words, they are kept. docs/messages.md explains each.
 */

export const errors = {
  invalid_message: 'The message is malformed.',
  unknown_kind: 'There is no such kind of message.',
  already_joined: 'Handles may only join once!',
  not_in_room: 'Cannot do that when not in a room.',
  room_full: 'Room is full.',
  server_full: 'Server is full.',
  nonexistent_publisher: "Can't subscribe to a nonexistent publisher.",
  media_on_publisher: 'A connection that publishes cannot subscribe to media; attach another handle for that.',
  offer_on_subscriber: 'A connection that subscribes to media gets its offers from the server and cannot offer.',
  unexpected_answer: 'There is no offer that this could answer.',
  invalid_sdp: 'The session description cannot be used.',
  too_many_peer_connections: 'This session, or this address, has as many PeerConnections as it may have.',
  too_many_listeners: 'This session, or this address, listens to as many notifications as it may.',
  no_media_worker: 'No media worker is running at the moment; try again.',
  block_self: 'Cannot block yourself.',
  too_many_blocks: 'You have blocked as many users as can be remembered.',
  storage_failed: 'The block list cannot be reached at the moment; nothing was changed.',
  body_too_large: 'The body is too long.',
  anonymous_join: 'Rejecting anonymous join!',
  join_not_permitted: 'Rejecting join without permission!',
  room_not_permitted: 'Rejecting join without permission!',
  identity_mismatch: 'Rejecting join without permission!',
  token_invalid: 'Rejecting join with invalid token!',
  token_algorithm: 'Rejecting join with invalid token!',
  token_expired: 'Rejecting join with invalid token!',
  token_not_yet_valid: 'Rejecting join with invalid token!',
  token_claim_invalid: 'Rejecting join with invalid token!',
  keys_unavailable: 'Tokens cannot be checked at the moment; try again.',
  kick_not_permitted: 'Rejecting kick without permission!',
  not_found: 'There is no such room or user.',
  connection_closed: 'The connection ended meanwhile.',
} as const

export type ErrorCode = keyof typeof errors

/** How often, by code. */
export type RefusalCounts = Record<ErrorCode, number>

/** 0 of each. */
export const noRefusals = () => Object.fromEntries(Object.keys(errors).map((code) => [code, 0])) as RefusalCounts

/** Why a message was turned down. A value, never thrown. */
export class Refusal {
  readonly code: ErrorCode
  readonly msg: string

  constructor(code: ErrorCode, msg: string = errors[code]) {
    this.code = code
    this.msg = msg
  }
}

/** @param msg one sentence for a person; the code's own sentence when absent */
export const refuse = (code: ErrorCode, msg?: string): Refusal => new Refusal(code, msg)

/** Body of a failed reply. */
export const failure = ({ code, msg }: Refusal) => ({ success: false as const, error: { msg, code } })
