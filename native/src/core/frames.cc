#include "frames.h"

#include <algorithm>
#include <cstring>

#include "packet.h"

namespace rostra {

Deframer::Step Deframer::next(const uint8_t*& at, size_t& left, uint8_t* out, size_t& length) {
  auto take = [&](size_t count) {
    const uint8_t* from = at;
    at += count;
    left -= count;
    return from;
  };
  size_t skipped = std::min(skip_, left);
  take(skipped);
  skip_ -= skipped;
  while (have_ < kFrameHeaderBytes) {
    if (left == 0) return Step::more;
    begun_[have_++] = *take(1);
  }
  size_t size = read16(begun_), end = kFrameHeaderBytes + size;
  if (size == 0 || size > kMaxDatagram) {
    have_ = 0;
    skip_ = size;
    return size == 0 ? Step::empty : Step::tooLong;
  }
  if (left == 0) return Step::more;
  length = size;
  if (have_ == kFrameHeaderBytes && left >= size) {
    std::memcpy(out, take(size), size);
    have_ = 0;
    return Step::frame;
  }
  size_t count = std::min(end - have_, left);
  std::memcpy(begun_ + have_, take(count), count);
  have_ += count;
  if (have_ < end) return Step::more;
  std::memcpy(out, begun_ + kFrameHeaderBytes, size);
  have_ = 0;
  return Step::frame;
}

}  // namespace rostra
