// One peer's transport, and the table of all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "address.h"
#include "dtls.h"
#include "srtp_cipher.h"
#include "srtp_receiver.h"

namespace rostra {

constexpr int kMaxAddresses = 8;

// What sending a packet needs stands first, in one cache line.
struct alignas(64) Transport {
  int32_t id = -1;
  uint32_t rtcpIndex = 0;
  // Where everything is sent; family 0 until `select`.
  Address selected;
  std::unique_ptr<SrtpCipher> sender;
  std::unique_ptr<DtlsSession> dtls;
  std::unique_ptr<SrtpReceiver> receiver;

  // Addresses from which an ICE check passed, oldest first; empty ones at the end.
  Address addresses[kMaxAddresses];
  int addressCount = 0;
  // Where a handshake packet was last accepted from: answers go there while nothing is selected.
  Address handshakeFrom;

  bool started = false;
  DtlsRole role = DtlsRole::server;
  // 0 while the handshake has not begun.
  int64_t deadlineMs = 0;
  bool closedReported = false;
  // Its keys and its address were given (`Engine::link`): there is no DTLS.
  bool linked = false;

  bool connected() const { return dtls && dtls->state() == DtlsSession::State::connected; }
  // Has SRTP keys too: a peer with data channels only may have agreed on none.
  bool protects() const { return sender && (linked || connected()); }
  // Whether the address stays with it, whatever checks come from there.
  bool holds(const Address& address) const {
    if (linked) return true;
    return !closedReported && (connected() ? selected == address : handshakeFrom == address);
  }
};

// Ids are positive 31-bit numbers, generation << indexBits | index; the generation starts at 1, so 0 is
// never an id, and moves on at each `free`. The longest-free index is taken first, which makes the reuse of
// a whole id take 2^(31 - indexBits) rounds over all of them.
class TransportTable {
 public:
  explicit TransportTable(int capacity);

  // A new transport, or null when all are taken.
  Transport* allocate();
  // The id's transport; null when it was freed.
  Transport* find(uint32_t id) const {
    uint32_t index = id & mask_;
    if (index >= slots_.size()) return nullptr;
    Transport* transport = slots_[index].transport.get();
    return transport != nullptr && static_cast<uint32_t>(transport->id) == id ? transport : nullptr;
  }
  // What a transport needs to send lies in several places, each known only from the one before. Called one packet
  // after the other, these fetch them into the cache step by step.
  void prefetch(uint32_t id) const {
    uint32_t index = id & mask_;
    if (index < slots_.size()) __builtin_prefetch(slots_[index].transport.get());
  }
  void prefetchParts(uint32_t id) const {
    const Transport* transport = find(id);
    if (transport == nullptr) return;
    __builtin_prefetch(transport->sender.get());
    __builtin_prefetch(transport->dtls.get());
  }
  void prefetchCipher(uint32_t id) const {
    const Transport* transport = find(id);
    if (transport != nullptr && transport->sender) transport->sender->prefetch();
  }
  // Whether `id` could ever have come from `allocate`.
  bool wellFormed(int64_t id) const {
    return id > 0 && id <= 0x7fffffff && (static_cast<uint32_t>(id) & mask_) < slots_.size() &&
           (static_cast<uint32_t>(id) >> bits_) != 0;
  }
  Transport* at(int32_t index) const { return slots_[static_cast<size_t>(index)].transport.get(); }
  int32_t indexOf(const Transport& transport) const {
    return static_cast<int32_t>(static_cast<uint32_t>(transport.id) & mask_);
  }
  void free(Transport& transport);
  int capacity() const { return static_cast<int>(slots_.size()); }

 private:
  struct Slot {
    std::unique_ptr<Transport> transport;
    uint32_t generation = 1;
    int32_t nextFree = -1;
  };
  std::vector<Slot> slots_;
  int bits_;
  uint32_t mask_;
  int32_t firstFree_ = -1, lastFree_ = -1;
};

}  // namespace rostra
