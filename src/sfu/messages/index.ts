/** Every kind of message, by the `kind` that clients write. */
import { type BlockBody, type BlockReply, block } from './block.js'
import { type DataBody, type DataReply, data } from './data.js'
import { type JoinBody, type JoinReply, join } from './join.js'
import { type KickBody, type KickReply, kick } from './kick.js'
import type { AnyMessage } from './message.js'
import { type SubscribeBody, type SubscribeReply, subscribe } from './subscribe.js'
import { type UnblockBody, type UnblockReply, unblock } from './unblock.js'

export const messages = { join, subscribe, block, unblock, data, kick } satisfies Record<string, AnyMessage>

export type MessageKind = keyof typeof messages

/** What clients send, by kind. */
export interface Bodies {
  join: JoinBody
  subscribe: SubscribeBody
  block: BlockBody
  unblock: UnblockBody
  data: DataBody
  kick: KickBody
}

/** `response` of a successful reply, by kind. */
export interface Replies {
  join: JoinReply
  subscribe: SubscribeReply
  block: BlockReply
  unblock: UnblockReply
  data: DataReply
  kick: KickReply
}
