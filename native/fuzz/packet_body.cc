// Demultiplexing and the RTP header: no read past the end, and a header never longer than its packet.
#include <cstdlib>

#include "../src/core/packet.h"

void fuzz_packet(const uint8_t* bytes, size_t length);

void fuzz_packet(const uint8_t* bytes, size_t length) {
  using namespace rostra;
  PacketClass packetClass = classify(bytes, length);
  if ((packetClass == PacketClass::empty) != (length == 0)) std::abort();
  size_t header = rtpHeaderLength(bytes, length);
  if (header > length || (header != 0 && header < 12)) std::abort();
}
