// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of SCTP (RFC 9260 §6.8, appendix A).
#pragma once

#include <cstddef>
#include <cstdint>

namespace rostra {

// The two ways to go on with a register over more bytes: eight tables (everywhere), and the instruction that SSE4.2 and
// ARMv8 have for it. `crc32cByInstruction` may run only where `hasCrc32cInstruction()`.
uint32_t crc32cByTable(uint32_t state, const uint8_t* bytes, size_t length);
uint32_t crc32cByInstruction(uint32_t state, const uint8_t* bytes, size_t length);
bool hasCrc32cInstruction();

// CRC-32C of `length` bytes, by the instruction if the CPU has it.
uint32_t crc32c(const uint8_t* bytes, size_t length);

//  0      2      4                  8            12
// +------+------+------------------+------------+--------
// | from |  to  | verification tag |  checksum  | chunks …
// +------+------+------------------+------------+--------
//
// The common header of SCTP. The checksum is that of the whole packet with zeros in its place, least byte first.
constexpr size_t kSctpHeaderBytes = 12;

// Whether it is a packet whose checksum is right; what is shorter than the header is none.
bool sctpChecksumHolds(const uint8_t* packet, size_t length);
// Puts it in. False, with nothing written, for what is shorter than the header.
bool writeSctpChecksum(uint8_t* packet, size_t length);

}  // namespace rostra
