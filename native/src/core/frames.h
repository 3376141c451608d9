// Datagrams within a byte stream: the framing of RFC 4571 §2, which ICE uses over TCP (RFC 6544 §3).
#pragma once

#include <cstddef>
#include <cstdint>

#include "slab.h"

namespace rostra {

//  0                   1
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
// +-------------------------------+------------------
// |          length (BE)          | a datagram of that length …
// +-------------------------------+------------------
constexpr size_t kFrameHeaderBytes = 2;

// Cuts what arrives on one connection into frames, wherever the pieces were cut. Holds at most one frame.
class Deframer {
 public:
  // `frame`: the next one is complete. `empty`: it has no bytes. `tooLong`: it is longer than kMaxDatagram and will be
  // skipped. `more`: the input is used up.
  enum class Step { frame, empty, tooLong, more };

  // Takes from `at` (`left` bytes, both moved on) up to the end of the next frame. `out` has room for kMaxDatagram
  // bytes; `length` is set with `frame` only.
  Step next(const uint8_t*& at, size_t& left, uint8_t* out, size_t& length);

 private:
  // Header and beginning of a frame whose end has not come yet.
  uint8_t begun_[kFrameHeaderBytes + kMaxDatagram];
  size_t have_ = 0;
  // Bytes of a frame that is too long, still to come.
  size_t skip_ = 0;
};

}  // namespace rostra
