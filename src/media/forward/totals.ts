/** What the forwarder counts, and its reasons not to forward: hostile or late packets end here, as numbers. */

/** Reasons to drop. The first group is decided once per received packet, the second once per subscription. */
export const Drop = {
  none: 0,
  /** No RTP header, or a length in it that lies. */
  malformed: 1,
  /** Neither SSRC, mid nor payload type says which m-line it belongs to. */
  unknownStream: 2,
  /** A new SSRC beyond the number one peer may use. */
  ssrcLimit: 3,
  /** A payload type that was not negotiated on its m-line. */
  payloadType: 4,
  /** An SSRC that another one has replaced, or that replaces one too soon after others did. */
  inactiveSsrc: 5,
  duplicate: 6,
  /** Older than the history. */
  late: 7,
  /** A jump of the sequence number that the next packet has to confirm (RFC 3550 A.1), or one too many in a short time. */
  jump: 8,
  /** An RTX packet that carries nothing. */
  rtxEmpty: 9,

  /** Padding only: consumed. */
  padding: 10,
  /** The subscriber did not accept the codec. */
  codec: 11,
  /** Video waits for a keyframe. */
  awaitKeyframe: 12,
  /** From a time when nothing was forwarded to it, or left out before. */
  unmapped: 13,
  /** It belongs to a layer that the subscriber does not get. */
  layer: 14,
} as const

export const dropNames = [
  'drop_none',
  'drop_rtp_malformed',
  'drop_unknown_stream',
  'drop_ssrc_limit',
  'drop_payload_type',
  'drop_inactive_ssrc',
  'drop_duplicate',
  'drop_late',
  'drop_jump',
  'drop_rtx_empty',
  'drop_padding',
  'drop_codec',
  'drop_await_keyframe',
  'drop_unmapped',
  'drop_layer',
] as const

export type Totals = ReturnType<typeof newTotals>

export function newTotals() {
  return {
    /** RTP packets from publishers, RTX included, before any drop. */
    received_packets: 0,
    received_bytes: 0,
    /** Packets handed to the io for subscribers, retransmissions not included; bytes are payload bytes. */
    forwarded_packets: 0,
    forwarded_bytes: 0,
    drop_rtp_malformed: 0,
    /** Longer than what gets to another worker, and than what any Ethernet carries. */
    drop_rtp_oversize: 0,
    drop_unknown_stream: 0,
    drop_ssrc_limit: 0,
    drop_payload_type: 0,
    drop_inactive_ssrc: 0,
    drop_duplicate: 0,
    drop_late: 0,
    drop_jump: 0,
    drop_rtx_empty: 0,
    drop_padding: 0,
    drop_codec: 0,
    drop_await_keyframe: 0,
    drop_unmapped: 0,
    drop_layer: 0,
    /** Sound of speakers who are not among the loudest of their room. */
    drop_inaudible: 0,
    /** Video that waited for its turn to be sent until it was too late, or was no longer in the history. */
    drop_paced: 0,
    /** Dependency structures that came faster than they are read; the packet is sent on. */
    structures_refused: 0,
    drop_rtcp_malformed: 0,
    /** RTCP about an SSRC that the peer has nothing to do with. */
    drop_rtcp_unknown_ssrc: 0,
    /** Numbers that subscribers asked for. */
    nack_received: 0,
    /** Those among them that were never sent, or are forgotten. */
    nack_unknown: 0,
    /** Those among them that are no longer in the history. */
    nack_expired: 0,
    /** Those among them that were asked for too often, too soon or too many at once, or that cannot be sent again. */
    nack_refused: 0,
    /** Numbers asked of publishers, retries included. */
    nack_sent: 0,
    /** Holes that no publisher filled in time. */
    nack_given_up: 0,
    rtx_received: 0,
    rtx_sent: 0,
    /** Retransmissions as the same packet again, for subscribers without RTX. */
    resent_packets: 0,
    pli_received: 0,
    fir_received: 0,
    /** Keyframe requests of subscribers and of our own, before the throttle. */
    keyframe_requests: 0,
    pli_sent: 0,
    keyframes_received: 0,
    sr_received: 0,
    sr_sent: 0,
    rr_received: 0,
    rr_sent: 0,
    remb_received: 0,
    /** Transport-wide feedback of subscribers, and what it says of packets that were never sent or are known already. */
    transport_cc_received: 0,
    transport_cc_unknown: 0,
    transport_cc_refused: 0,
    transport_cc_repeated: 0,
    /** Packets of padding, to find out what a link holds. */
    padding_sent: 0,
    /** Probes that were not sent, since the RTX stream has used all its numbers. */
    padding_refused: 0,
    remb_sent: 0,
    /** Transport-wide feedback packets. */
    transport_cc_sent: 0,
    /** Packets that went to other workers, once for each; repeated, what those had lost. */
    relay_sent: 0,
    relay_repeated: 0,
    /** Packets of publishers that came from other workers. */
    relay_received: 0,
    /** M-lines beyond those that one peer may have, each time they were negotiated. */
    lines_refused: 0,
    /** Times a stream went on under another SSRC or with other numbers. */
    stream_restarts: 0,
  }
}

/** Counts a drop by its reason. */
export function countDrop(totals: Totals, reason: number): void {
  if (reason > Drop.none) totals[dropNames[reason] as 'drop_late']++
}
