// From target rows to sealed datagrams in the send queues.
#include <cstring>

#include "engine.h"
#include "engine_received.h"

namespace rostra {

namespace {
constexpr size_t kMaxTag = 16;
// SRTCP: tag and index word.
constexpr size_t kMaxTrailer = kMaxTag + kSrtcpIndexBytes;

// Marker and payload type, and the padding bit of the byte before them.
constexpr uint32_t kMarkerPtBits = 0x20ff;

bool inScratch(size_t offset, size_t length) { return offset <= kScratchBytes && length <= kScratchBytes - offset; }

//  0                   1                   2                   3
// | 2 |0|X| CC=0  |M|     PT      |       sequence number         |
// |                           timestamp                           |
// |                             SSRC                              |
void writeHeader(uint8_t* out, const uint32_t* target) {
  out[0] = static_cast<uint8_t>((target[target::extLength] > 0 ? 0x90 : 0x80) | (target[target::markerPt] >> 8));
  out[1] = static_cast<uint8_t>(target[target::markerPt]);
  write16(out + 2, static_cast<uint16_t>(target[target::extSeq]));
  write32(out + 4, target[target::timestamp]);
  write32(out + 8, target[target::ssrc]);
}
}  // namespace

Outcome Engine::fanout(const uint8_t* payload, size_t length, int count, int& queued) {
  queued = 0;
  Outcome outcome = Outcome::yes;
  for (badTarget_ = 0; badTarget_ < count; badTarget_++) {
    const uint32_t* row = slab_.targets + badTarget_ * target::stride;
    prefetch(badTarget_, count);
    if (sendRtp(row, payload, length, outcome)) queued++;
    if (outcome != Outcome::yes) return outcome;
  }
  return outcome;
}

// Transports lie anywhere: those of the next rows are fetched while this one's payload is sealed.
void Engine::prefetch(int row, int count) const {
  auto transport = [&](int at) { return slab_.targets[at * target::stride + target::transport]; };
  // Nobody fetched for the first rows.
  for (int at = row == 0 ? 0 : row + 3; at <= row + 3 && at < count; at++) transports_.prefetch(transport(at));
  if (row + 2 < count) transports_.prefetchParts(transport(row + 2));
  if (row + 1 < count) transports_.prefetchCipher(transport(row + 1));
}

bool Engine::sendRtp(const uint32_t* target, const uint8_t* payload, size_t length, Outcome& outcome) {
  // Copied once: JavaScript shares this memory.
  uint32_t extLength = target[target::extLength], extOffset = target[target::extOffset];
  uint32_t prefixLength = target[target::prefixLength], prefixOffset = target[target::prefixOffset];
  uint32_t skip = target[target::skip];
  if (!transports_.wellFormed(target[target::transport])) {
    outcome = Outcome::badId;
    return false;
  }
  if (skip > length || extLength % 4 != 0 || (target[target::markerPt] & ~kMarkerPtBits) != 0 || !inScratch(extOffset, extLength) ||
      !inScratch(prefixOffset, prefixLength)) {
    outcome = Outcome::badRange;
    return false;
  }
  Transport* transport = transports_.find(target[target::transport]);
  if (transport == nullptr) {
    slab_.add(Counter::staleId);
    return false;
  }
  if (!transport->protects() || !transport->selected.valid()) {
    slab_.add(Counter::sendNotConnected);
    return false;
  }
  SrtpCipher& cipher = *transport->sender;
  size_t headerLength = 12 + static_cast<size_t>(extLength);
  size_t total = headerLength + prefixLength + (length - skip) + tagBytes(cipher.profile());
  if (total > kMaxDatagram) {
    slab_.add(Counter::sendOversize);
    return false;
  }
  SendQueue& queue = *sockets_[transport->selected.socket].queue;
  uint8_t* out = queue.reserve(total);
  if (out == nullptr) return false;
  writeHeader(out, target);
  std::memcpy(out + 12, slab_.scratch + extOffset, extLength);
  size_t sealed = cipher.sealRtp(out, headerLength, {slab_.scratch + prefixOffset, prefixLength},
                                 {payload + skip, length - skip}, target[target::ssrc], target[target::extSeq]);
  if (sealed == 0) {
    slab_.add(Counter::sendError);
    return false;
  }
  queue.commit(sealed, transport->selected);
  return true;
}

Outcome Engine::rtcp(int64_t id, size_t offset, size_t length) {
  if (!inScratch(offset, length) || length < 8) return Outcome::badRange;
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  if (!transport->protects() || !transport->selected.valid()) {
    slab_.add(Counter::sendNotConnected);
    return Outcome::no;
  }
  size_t total = length + tagBytes(transport->sender->profile()) + kSrtcpIndexBytes;
  if (total > kMaxDatagram) {
    slab_.add(Counter::sendOversize);
    return Outcome::no;
  }
  SendQueue& queue = *sockets_[transport->selected.socket].queue;
  uint8_t* out = queue.reserve(length + kMaxTrailer);
  if (out == nullptr) return Outcome::no;
  std::memcpy(out, slab_.scratch + offset, length);
  // After 2^31 packets the keys are used up (RFC 3711 §9.2).
  size_t sealed = transport->rtcpIndex > 0x7fffffffu ? 0 : transport->sender->sealRtcp(out, length, transport->rtcpIndex);
  if (sealed == 0) {
    slab_.add(Counter::sendError);
    return Outcome::no;
  }
  transport->rtcpIndex++;
  queue.commit(sealed, transport->selected);
  return Outcome::yes;
}

Outcome Engine::reply(int64_t row, size_t offset, size_t length) {
  if (row < 0 || row >= deliveringRows_) return Outcome::badRow;
  return sendPlain(rowAddresses_[row], offset, length);
}

Outcome Engine::sendTo(const uint8_t* row, size_t offset, size_t length) {
  Address to;
  return addressOf(row, to) ? sendPlain(to, offset, length) : Outcome::badRow;
}

bool Engine::addressOf(const uint8_t* row, Address& to) const {
  std::memcpy(&to, row, sizeof to);
  if ((to.family != 4 && to.family != 6) || to.socket >= sockets_.size()) return false;
  if (to.family == 4) std::memset(to.ip + 4, 0, sizeof to.ip - 4);
  to.scope = 0;
  return true;
}

Outcome Engine::sendPlain(const Address& to, size_t offset, size_t length) {
  if (!inScratch(offset, length)) return Outcome::badRange;
  if (length == 0 || length > kMaxDatagram) {
    slab_.add(Counter::sendOversize);
    return Outcome::no;
  }
  return enqueue(to, slab_.scratch + offset, length) ? Outcome::yes : Outcome::no;
}

bool Engine::enqueue(const Address& to, const uint8_t* bytes, size_t length) {
  if (!to.valid() || to.socket >= sockets_.size() || length > kMaxDatagram) return false;
  SendQueue* queue = sockets_[to.socket].queue.get();
  uint8_t* out = queue != nullptr ? queue->reserve(length) : nullptr;
  if (out == nullptr) return false;
  std::memcpy(out, bytes, length);
  queue->commit(length, to);
  return true;
}

}  // namespace rostra
