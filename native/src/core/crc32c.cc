#include "crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

namespace rostra {

namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;
constexpr size_t kChecksumAt = 8;
constexpr size_t kStep = 8;
using Tables = std::array<std::array<uint32_t, 256>, kStep>;

// tables[n][b]: what byte b leaves in the register after n more bytes of zero.
constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t zeros = 1; zeros < kStep; zeros++) {
    for (size_t byte = 0; byte < 256; byte++) {
      uint32_t before = tables[zeros - 1][byte];
      tables[zeros][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}
constexpr Tables kTables = makeTables();

using Update = uint32_t (*)(uint32_t, const uint8_t*, size_t);

Update update() {
  static const Update chosen = hasCrc32cInstruction() ? crc32cByInstruction : crc32cByTable;
  return chosen;
}

// `length` is the header's at least.
uint32_t sctpChecksum(const uint8_t* packet, size_t length) {
  static constexpr uint8_t kZeros[4] = {};
  Update go = update();
  uint32_t state = go(~0u, packet, kChecksumAt);
  state = go(state, kZeros, sizeof kZeros);
  return ~go(state, packet + kSctpHeaderBytes, length - kSctpHeaderBytes);
}

}  // namespace

uint32_t crc32cByTable(uint32_t state, const uint8_t* bytes, size_t length) {
  const uint8_t* end = bytes + length;
  for (; end - bytes >= static_cast<ptrdiff_t>(kStep); bytes += kStep) {
    uint32_t first = state ^ (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24);
    state = kTables[7][first & 0xff] ^ kTables[6][first >> 8 & 0xff] ^ kTables[5][first >> 16 & 0xff] ^
            kTables[4][first >> 24] ^ kTables[3][bytes[4]] ^ kTables[2][bytes[5]] ^ kTables[1][bytes[6]] ^
            kTables[0][bytes[7]];
  }
  for (; bytes != end; bytes++) state = kTables[0][(state ^ *bytes) & 0xff] ^ state >> 8;
  return state;
}

#if defined(__x86_64__)

bool hasCrc32cInstruction() { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) uint32_t crc32cByInstruction(uint32_t state, const uint8_t* bytes, size_t length) {
  const uint8_t* end = bytes + length;
  uint64_t wide = state;
  for (; end - bytes >= static_cast<ptrdiff_t>(kStep); bytes += kStep) {
    uint64_t eight;
    std::memcpy(&eight, bytes, sizeof eight);
    wide = _mm_crc32_u64(wide, eight);
  }
  state = static_cast<uint32_t>(wide);
  for (; bytes != end; bytes++) state = _mm_crc32_u8(state, *bytes);
  return state;
}

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

bool hasCrc32cInstruction() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

__attribute__((target("+crc"))) uint32_t crc32cByInstruction(uint32_t state, const uint8_t* bytes, size_t length) {
  const uint8_t* end = bytes + length;
  for (; end - bytes >= static_cast<ptrdiff_t>(kStep); bytes += kStep) {
    uint64_t eight;
    std::memcpy(&eight, bytes, sizeof eight);
    state = __crc32cd(state, eight);
  }
  for (; bytes != end; bytes++) state = __crc32cb(state, *bytes);
  return state;
}

#else

bool hasCrc32cInstruction() { return false; }

uint32_t crc32cByInstruction(uint32_t state, const uint8_t* bytes, size_t length) {
  return crc32cByTable(state, bytes, length);
}

#endif

uint32_t crc32c(const uint8_t* bytes, size_t length) { return ~update()(~0u, bytes, length); }

bool sctpChecksumHolds(const uint8_t* packet, size_t length) {
  if (length < kSctpHeaderBytes) return false;
  const uint8_t* at = packet + kChecksumAt;
  return sctpChecksum(packet, length) == (at[0] | static_cast<uint32_t>(at[1]) << 8 | static_cast<uint32_t>(at[2]) << 16 |
                                          static_cast<uint32_t>(at[3]) << 24);
}

bool writeSctpChecksum(uint8_t* packet, size_t length) {
  if (length < kSctpHeaderBytes) return false;
  uint32_t crc = sctpChecksum(packet, length);
  for (size_t i = 0; i < 4; i++) packet[kChecksumAt + i] = static_cast<uint8_t>(crc >> 8 * i);
  return true;
}

}  // namespace rostra
