// What a datagram is, and where an RTP header ends. Reads bytes, changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rostra {

enum class PacketClass { empty, stun, dtls, rtp, rtcp, unknown };

// By the first byte (RFC 7983 §7), RTP and RTCP by the second (RFC 5761 §4). Says nothing about length.
//
//   0…3 STUN     20…63 DTLS     128…191 RTP or RTCP; second byte without its top bit 64…95 means RTCP
PacketClass classify(const uint8_t* bytes, size_t length);

// Shortest packet of a class that can be anything at all: STUN header, DTLS record header, RTP header,
// RTCP header with SSRC.
size_t shortest(PacketClass packetClass);

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
// |                           timestamp                           |
// |                             SSRC                              |
// |                 CSRC, 4 bytes each, CC times                  |
// |      extension profile        |      length in words          |  if X
//
// RFC 3550 §5.1. Returns the header's length, extension included, or 0 when the version is not 2 or the
// header does not fit in `length`.
size_t rtpHeaderLength(const uint8_t* packet, size_t length);

inline uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
inline uint32_t read32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | at[3];
}
inline void write16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline void write32(uint8_t* at, uint32_t value) {
  write16(at, static_cast<uint16_t>(value >> 16));
  write16(at + 2, static_cast<uint16_t>(value));
}

}  // namespace rostra
