/** The signature of a POST of events: who has the secret can tell that it is ours, unchanged, and recent. */
import { createHmac } from 'node:crypto'

export const SIGNATURE_HEADER = 'Rostra-Signature'
export const DELIVERY_HEADER = 'Rostra-Delivery'

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA256 with the secret over `SECONDS.DELIVERY.BODY`. The time is part of what is signed, so
 * that an old POST cannot be sent again later; so is the delivery, by which one that comes twice is known.
 * @param delivery value of the `Rostra-Delivery` header @param seconds since 1970
 */
export function signatureOf(secret: string, delivery: string, body: string, seconds: number): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${delivery}.${body}`).digest('hex')
  return `t=${seconds},v1=${digest}`
}
