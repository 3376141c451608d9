// From a readable socket to rows: read, sort, open, deliver.
#include <algorithm>
#include <cstring>
#include <ctime>

#include "crc32c.h"
#include "engine.h"
#include "engine_received.h"

namespace rostra {

namespace {
// Then the event loop gets its turn; a socket that still has packets wakes it again at once.
constexpr int kBatchesPerWakeUp = 4;

constexpr uint8_t kApplicationData = 23;

constexpr int64_t kMaxWaitedNs = 1'000'000'000;

// The clock of the kernel's times of arrival.
int64_t wallNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Decrypted DTLS records have slots of their own, one per row.
constexpr size_t recordOffset(int row) { return static_cast<size_t>(kMaxBatch + row) * kSlotBytes; }
}  // namespace

void Engine::receive(int socketIndex, int64_t nowMs) {
  if (TcpServer* tcp = sockets_[static_cast<size_t>(socketIndex)].tcp.get()) return receiveTcp(*tcp, nowMs);
  Received& r = *received_;
  for (int batch = 0; batch < kBatchesPerWakeUp && !closed_; batch++) {
    int fd = sockets_[static_cast<size_t>(socketIndex)].fd;
    if (fd < 0) return;
    int count = recvmmsg(fd, r.messages, kMaxBatch, MSG_DONTWAIT, nullptr);
    // An error is either nothing to read or an ICMP answer to something sent; neither ends a socket.
    if (count <= 0) return;
    uint32_t& told = sockets_[static_cast<size_t>(socketIndex)].overflown;
    uint32_t overflown = told;
    for (int i = 0; i < count; i++) r.readControl(i, overflown);
    slab_.add(Counter::rxOverflow, overflown - told);
    told = overflown;
    // The names that this reads stay as they are.
    r.rearm(count);
    readBatch(static_cast<uint8_t>(socketIndex), count, nowMs);
    if (count < kMaxBatch) return;
  }
}

void Engine::readBatch(uint8_t socketIndex, int count, int64_t nowMs) {
  Received& r = *received_;
  for (int i = 0; i < count; i++) {
    r.from[i] = addressFrom(r.names[i], socketIndex);
    r.lengths[i] = r.messages[i].msg_len;
    slab_.add(Counter::rxPackets);
    slab_.add(Counter::rxBytes, static_cast<double>(r.lengths[i]));
    // msg_len of a cut datagram is what was stored, one byte more than allowed.
    if ((r.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) r.lengths[i] = kMaxDatagram + 1;
  }
  takeBatch(count, nowMs);
}

// Slots 0…count-1 of what was received.
void Engine::takeBatch(int count, int64_t nowMs) {
  rows_ = 0;
  heldCount_ = 0;
  sawStun_ = false;
  for (int i = 0; i < count && !closed_; i++) sort(i, false, nowMs);
  deliver();
  // The callback may have allowed the addresses of packets that stood beside their STUN check.
  int held = heldCount_;
  if (!closed_ && !sawStun_) slab_.add(Counter::dropUnknownAddress, held);
  for (int i = 0; i < held && sawStun_ && !closed_; i++) sort(held_[i], true, nowMs);
  deliver();
  flush();
}

void Engine::sort(int slot, bool again, int64_t nowMs) {
  // Before the transport is looked up: making room may run the callback, which may free it.
  if (!room()) return;
  Received& r = *received_;
  uint8_t* bytes = slab_.rx + slotOffset(slot);
  size_t length = r.lengths[slot];
  if (length > kMaxDatagram || !r.from[slot].valid()) return slab_.add(Counter::dropOversize);
  PacketClass packetClass = classify(bytes, length);
  if (packetClass == PacketClass::unknown) return slab_.add(Counter::dropUnknownClass);
  if (length < shortest(packetClass)) return slab_.add(Counter::dropShort);

  int32_t index = addresses_.find(r.from[slot]);
  if (packetClass == PacketClass::stun) {
    sawStun_ = true;
    row(Kind::stun, slotOffset(slot), length, index < 0 ? -1 : transports_.at(index)->id, 0, r.from[slot]);
    return;
  }
  if (index < 0) {
    if (again) return slab_.add(Counter::dropUnknownAddress);
    held_[heldCount_++] = slot;
    return;
  }
  Transport& transport = *transports_.at(index);
  if (packetClass == PacketClass::dtls) return takeDtls(slot, transport, nowMs);
  if (!transport.protects()) return slab_.add(Counter::dropNotConnected);
  if (packetClass == PacketClass::rtp) return takeRtp(slot, transport);
  takeRtcp(slot, transport);
}

void Engine::takeRtp(int slot, Transport& transport) {
  size_t plain = 0;
  uint8_t* bytes = slab_.rx + slotOffset(slot);
  SrtpReceiver& receiver = *transport.receiver;
  uint16_t length = received_->lengths[slot];
  switch (transport.linked ? receiver.openLink(bytes, length, plain) : receiver.openRtp(bytes, length, plain)) {
    case OpenResult::malformed: return slab_.add(Counter::dropSrtpMalformed);
    case OpenResult::auth: return slab_.add(Counter::dropSrtpAuth);
    case OpenResult::replay: return slab_.add(Counter::dropSrtpReplay);
    case OpenResult::ssrcLimit: return slab_.add(Counter::dropSrtpSsrcLimit);
    case OpenResult::ok: break;
  }
  mediaRow(Kind::rtp, slot, plain, transport);
}

void Engine::takeRtcp(int slot, Transport& transport) {
  size_t plain = 0;
  uint8_t* bytes = slab_.rx + slotOffset(slot);
  switch (transport.receiver->openRtcp(bytes, received_->lengths[slot], plain)) {
    case OpenResult::malformed: return slab_.add(Counter::dropSrtcpMalformed);
    case OpenResult::auth: return slab_.add(Counter::dropSrtcpAuth);
    case OpenResult::replay: return slab_.add(Counter::dropSrtcpReplay);
    case OpenResult::ssrcLimit: return slab_.add(Counter::dropSrtpSsrcLimit);
    case OpenResult::ok: break;
  }
  mediaRow(Kind::rtcp, slot, plain, transport);
}

void Engine::takeDtls(int slot, Transport& transport, int64_t nowMs) {
  const Address& from = received_->from[slot];
  if (!transport.started) return slab_.add(Counter::dropDtlsNotStarted);
  DtlsSession& dtls = *transport.dtls;
  bool before = dtls.state() == DtlsSession::State::handshaking;
  if (before) transport.handshakeFrom = from;
  if (dtls.feed(slab_.rx + slotOffset(slot), received_->lengths[slot]) == DtlsSession::Fed::dropped) {
    return slab_.add(Counter::dropDtlsError);
  }
  if (before) {
    if (transport.role == DtlsRole::server) beginHandshake(transport, nowMs);
    if (dtls.state() == DtlsSession::State::handshaking) return;
    if (dtls.state() == DtlsSession::State::connected) onConnected(from, transport);
    if (dtls.state() == DtlsSession::State::closed) return reportClosed(from, transport);
  }
  takeRecords(slot, transport.id);
}

// Reads until the datagram is used up. `room` may run the callback, so the transport is looked up again
// around it.
void Engine::takeRecords(int slot, int32_t id) {
  const Address from = received_->from[slot];
  bool any = false;
  while (room()) {
    Transport* transport = transports_.find(static_cast<uint32_t>(id));
    if (transport == nullptr) return;
    size_t length = transport->dtls->read(slab_.rx + recordOffset(rows_), kSlotBytes);
    if (length == 0) {
      if (transport->dtls->state() == DtlsSession::State::closed) return reportClosed(from, *transport);
      break;
    }
    any = true;
    // Nothing but SCTP travels in there (RFC 8261).
    bool holds = sctpChecksumHolds(slab_.rx + recordOffset(rows_), length);
    row(Kind::data, recordOffset(rows_), length, id, holds ? 1 : 0, from);
  }
  // A record that OpenSSL took in silence: replayed, older than its window, or not authentic.
  if (!any && slab_.rx[slotOffset(slot)] == kApplicationData) slab_.add(Counter::dropDtlsError);
}

bool Engine::room() {
  if (rows_ == kMaxBatch) deliver();
  return !closed_;
}

void Engine::row(Kind kind, size_t offset, size_t length, int32_t transport, int32_t extra, const Address& from) {
  int32_t* at = slab_.meta + rows_ * meta::stride;
  at[meta::offset] = static_cast<int32_t>(offset);
  at[meta::length] = static_cast<int32_t>(length);
  at[meta::kind] = static_cast<int32_t>(kind);
  at[meta::transport] = transport;
  at[meta::extra] = extra;
  at[meta::socket] = from.socket;
  at[meta::waitedUs] = 0;
  rowArrivedNs_[rows_] = 0;
  rowAddresses_[rows_] = from;
  Address shown = from;
  shown.scope = 0;
  std::memcpy(slab_.addrs + static_cast<size_t>(rows_) * sizeof(Address), &shown, sizeof shown);
  rows_++;
}

void Engine::mediaRow(Kind kind, int slot, size_t length, const Transport& transport) {
  row(kind, slotOffset(slot), length, transport.id, 0, received_->from[slot]);
  rowArrivedNs_[rows_ - 1] = received_->arrivedNs[slot];
}

// Tells how long packets have waited in their socket, of now: opening others may have taken a while.
void Engine::stampRows() {
  int64_t nowNs = 0;
  for (int i = 0; i < rows_; i++) {
    if (rowArrivedNs_[i] == 0) continue;
    if (nowNs == 0) nowNs = wallNs();
    int64_t waitedNs = nowNs - rowArrivedNs_[i];
    // Who waited for longer is told to have waited as long: arrivals stay in order. When the wall clock was set meanwhile,
    // what the socket held seems to have waited for nothing, or for a second.
    slab_.meta[i * meta::stride + meta::waitedUs] =
        static_cast<int32_t>(std::clamp<int64_t>(waitedNs, 0, kMaxWaitedNs) / 1'000);
  }
}

void Engine::deliver() {
  if (rows_ == 0 || closed_) return;
  stampRows();
  deliveringRows_ = rows_;
  sink_.onBatch(rows_);
  deliveringRows_ = -1;
  rows_ = 0;
}

}  // namespace rostra
