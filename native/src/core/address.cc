#include "address.h"

namespace rostra {

Address addressFrom(const sockaddr_storage& from, uint8_t socket) {
  Address address;
  if (from.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &from, sizeof v4);
    address.family = 4;
    address.portBe = v4.sin_port;
    std::memcpy(address.ip, &v4.sin_addr, 4);
  } else if (from.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &from, sizeof v6);
    address.family = 6;
    address.portBe = v6.sin6_port;
    std::memcpy(address.ip, &v6.sin6_addr, 16);
    address.scope = v6.sin6_scope_id;
  } else {
    return address;
  }
  address.socket = socket;
  return address;
}

socklen_t writeSockaddr(const Address& to, sockaddr_in6& out) {
  std::memset(&out, 0, sizeof out);
  if (to.family == 6) {
    out.sin6_family = AF_INET6;
    out.sin6_port = to.portBe;
    std::memcpy(&out.sin6_addr, to.ip, 16);
    out.sin6_scope_id = to.scope;
    return sizeof(sockaddr_in6);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = to.portBe;
  std::memcpy(&v4.sin_addr, to.ip, 4);
  std::memcpy(&out, &v4, sizeof v4);
  return sizeof(sockaddr_in);
}

AddressMap::AddressMap(uint64_t seed) : entries_(64), mask_(63), seed_(seed) {}

void AddressMap::set(const Address& address, int32_t value) {
  // At most half full, so a search that finds nothing stays short and always ends.
  if ((size_ + 1) * 2 > entries_.size()) grow();
  for (uint32_t at = hashAddress(address, seed_) & mask_;; at = (at + 1) & mask_) {
    Entry& entry = entries_[at];
    if (entry.value >= 0 && !(entry.key == address)) continue;
    if (entry.value < 0) size_++;
    entry.key = address;
    entry.value = value;
    return;
  }
}

bool AddressMap::erase(const Address& address) {
  uint32_t at = hashAddress(address, seed_) & mask_;
  while (entries_[at].value >= 0 && !(entries_[at].key == address)) at = (at + 1) & mask_;
  if (entries_[at].value < 0) return false;
  uint32_t hole = at;
  for (uint32_t next = (at + 1) & mask_; entries_[next].value >= 0; next = (next + 1) & mask_) {
    uint32_t home = hashAddress(entries_[next].key, seed_) & mask_;
    // An entry may fill the hole when the hole lies between its home slot and where it sits now.
    if (((next - home) & mask_) >= ((next - hole) & mask_)) {
      entries_[hole] = entries_[next];
      hole = next;
    }
  }
  entries_[hole] = Entry{};
  size_--;
  return true;
}

void AddressMap::clear() {
  entries_.assign(64, Entry{});
  mask_ = 63;
  size_ = 0;
}

void AddressMap::grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  mask_ = static_cast<uint32_t>(entries_.size() - 1);
  size_ = 0;
  for (const Entry& entry : old) {
    if (entry.value >= 0) set(entry.key, entry.value);
  }
}

}  // namespace rostra
