#include "packet.h"

namespace rostra {

PacketClass classify(const uint8_t* bytes, size_t length) {
  if (length == 0) return PacketClass::empty;
  uint8_t first = bytes[0];
  if (first < 4) return PacketClass::stun;
  if (first >= 20 && first < 64) return PacketClass::dtls;
  if (first < 128 || first >= 192) return PacketClass::unknown;
  if (length < 2) return PacketClass::rtp;
  uint8_t type = bytes[1] & 0x7f;
  return type >= 64 && type < 96 ? PacketClass::rtcp : PacketClass::rtp;
}

size_t shortest(PacketClass packetClass) {
  switch (packetClass) {
    case PacketClass::stun: return 20;
    case PacketClass::dtls: return 13;
    case PacketClass::rtp: return 12;
    case PacketClass::rtcp: return 8;
    default: return 1;
  }
}

size_t rtpHeaderLength(const uint8_t* packet, size_t length) {
  if (length < 12 || packet[0] >> 6 != 2) return 0;
  size_t end = 12 + 4 * static_cast<size_t>(packet[0] & 0x0f);
  if (end > length) return 0;
  if ((packet[0] & 0x10) == 0) return end;
  if (end + 4 > length) return 0;
  end += 4 + 4 * static_cast<size_t>(read16(packet + end + 2));
  return end > length ? 0 : end;
}

}  // namespace rostra
