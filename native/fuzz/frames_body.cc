// Framing: however the bytes of a stream are cut into reads, the same frames come out, none longer than a datagram.
//
// The first byte seeds the cuts, the rest is the stream.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../src/core/frames.h"

void fuzz_frames(const uint8_t* bytes, size_t length);

namespace {

using Frames = std::vector<std::vector<uint8_t>>;

// Reads of 1 to `most` bytes, from memory of exactly their size.
Frames cut(const uint8_t* bytes, size_t length, size_t most, uint32_t seed) {
  using namespace rostra;
  Deframer deframer;
  Frames frames;
  for (size_t from = 0; from < length;) {
    seed = seed * 1664525 + 1013904223;
    size_t count = 1 + (seed >> 8) % most;
    if (count > length - from) count = length - from;
    std::vector<uint8_t> read(bytes + from, bytes + from + count);
    from += count;
    const uint8_t* at = read.data();
    size_t left = read.size();
    for (;;) {
      std::vector<uint8_t> out(kMaxDatagram);
      size_t frame = 0, before = left;
      Deframer::Step step = deframer.next(at, left, out.data(), frame);
      if (at + left != read.data() + read.size() || left > before) std::abort();
      if (step == Deframer::Step::more) break;
      if (step == Deframer::Step::frame && (frame == 0 || frame > kMaxDatagram)) std::abort();
      if (step == Deframer::Step::frame) out.resize(frame);
      // What is no frame is told apart by its size, which no frame has.
      if (step == Deframer::Step::empty) out.clear();
      if (step == Deframer::Step::tooLong) out.resize(kMaxDatagram + 1);
      frames.push_back(out);
    }
    if (left != 0) std::abort();
  }
  return frames;
}

}  // namespace

void fuzz_frames(const uint8_t* bytes, size_t length) {
  if (length == 0) return;
  uint32_t seed = bytes[0];
  const Frames whole = cut(bytes + 1, length - 1, length, seed);
  if (whole != cut(bytes + 1, length - 1, 1, seed)) std::abort();
  if (whole != cut(bytes + 1, length - 1, 7, seed)) std::abort();
}
