/** Who may do what. Token auth is in `token-auth.ts`; `open` is what runs without it. */
import { type Refusal, refuse } from './errors.js'

/** What a joined connection was allowed. */
export interface Grant {
  /** The token says who the user is: a newer publisher of the same user replaces the older. */
  readonly hasIdentity: boolean
  /** It may hear who joins and leaves that room. */
  mayHearOf(roomId: string): boolean
}

export interface Auth {
  /** Nobody joins without a token. */
  readonly wantsToken: boolean
  /** What a connection may hear that has not joined yet. */
  readonly stranger: Grant
  join(token: string | undefined, roomId: string, userId: string): Promise<Grant | Refusal>
  /** @returns undefined when the token allows to kick users out of that room */
  kick(token: string | undefined, roomId: string): Promise<Refusal | undefined>
}

const everything: Grant = { hasIdentity: false, mayHearOf: () => true }

/** Everybody may join as anybody; nobody may kick. */
export const open: Auth = {
  wantsToken: false,
  stranger: everything,
  join: async () => everything,
  kick: async () => refuse('kick_not_permitted'),
}
