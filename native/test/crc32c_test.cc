#include "../src/core/crc32c.h"

#include "side.h"

using namespace rostra;
using namespace check;

namespace {

using Way = uint32_t (*)(uint32_t, const uint8_t*, size_t);

uint32_t whole(Way way, const Buffer& bytes) { return ~way(~0u, bytes.data(), bytes.size()); }

// Bit by bit, as RFC 9260 appendix A defines it.
uint32_t plain(const uint8_t* bytes, size_t length) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
  }
  return ~crc;
}

Buffer counting(int from, int step) {
  Buffer bytes(32);
  for (size_t i = 0; i < 32; i++) bytes[i] = static_cast<uint8_t>(from + step * static_cast<int>(i));
  return bytes;
}


}  // namespace

// RFC 3720 appendix B.4.
TEST(crc32c_gives_the_vectors_of_rfc_3720) {
  struct Vector {
    Buffer bytes;
    uint32_t crc;
  } vectors[] = {
      {Buffer(32, 0), 0x8A9136AA},
      {Buffer(32, 0xFF), 0x62A8AB43},
      {counting(0, 1), 0x46DD794E},
      {counting(31, -1), 0x113FDB5C},
      {hex("01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018"
           "28000000 00000000 02000000 00000000"),
       0xD9963A56},
      {hex("313233343536373839"), 0xE3069283},
      {Buffer(), 0},
  };
  for (const Vector& vector : vectors) {
    CHECK_EQUAL(whole(crc32cByTable, vector.bytes), vector.crc);
    CHECK_EQUAL(crc32c(vector.bytes.data(), vector.bytes.size()), vector.crc);
    if (hasCrc32cInstruction()) CHECK_EQUAL(whole(crc32cByInstruction, vector.bytes), vector.crc);
  }
}

// Every length around a step, at every alignment, and in two goes.
TEST(crc32c_is_the_same_by_table_and_by_instruction) {
  Random random(7);
  for (size_t length = 0; length < 100; length++) {
    for (size_t offset = 0; offset < 8; offset++) {
      // Ends where the allocation ends: a read behind it is found.
      Buffer bytes = random.bytes(offset + length);
      const uint8_t* at = bytes.data() + offset;
      uint32_t expected = plain(at, length);
      size_t cut = length == 0 ? 0 : random.below(static_cast<uint32_t>(length) + 1);
      CHECK_EQUAL(~crc32cByTable(~0u, at, length), expected);
      CHECK_EQUAL(~crc32cByTable(crc32cByTable(~0u, at, cut), at + cut, length - cut), expected);
      if (!hasCrc32cInstruction()) continue;
      CHECK_EQUAL(~crc32cByInstruction(~0u, at, length), expected);
      CHECK_EQUAL(~crc32cByInstruction(crc32cByInstruction(~0u, at, cut), at + cut, length - cut), expected);
    }
  }
}

TEST(crc32c_of_an_sctp_packet_takes_its_own_field_as_zero) {
  for (size_t length = 0; length < 64; length++) {
    Buffer packet = Random(length).bytes(length), before = packet;
    CHECK_EQUAL(writeSctpChecksum(packet.data(), packet.size()), length >= kSctpHeaderBytes);
    CHECK_EQUAL(sctpChecksumHolds(packet.data(), packet.size()), length >= kSctpHeaderBytes);
    if (length < kSctpHeaderBytes) {
      CHECK_BYTES(packet, before);
      continue;
    }
    Buffer zeroed = packet;
    std::fill(zeroed.begin() + 8, zeroed.begin() + 12, 0);
    uint32_t crc = plain(zeroed.data(), zeroed.size());
    CHECK_EQUAL(packet[8] | packet[9] << 8 | packet[10] << 16 | static_cast<uint32_t>(packet[11]) << 24, crc);
    for (size_t at = 0; at < length; at++) {
      packet[at] ^= 0x10;
      CHECK(!sctpChecksumHolds(packet.data(), packet.size()));
      packet[at] ^= 0x10;
    }
  }
}
