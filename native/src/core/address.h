// Addresses of peers, and the table that says which transport an address belongs to.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace rostra {

//  0       1       2       3       4                     20      24
// +-------+-------+---------------+---------------------+-------+
// | 4|6   |socket | port (BE)     | address, 16 bytes   | scope |   an IPv4 address takes the first 4
// +-------+-------+---------------+---------------------+-------+
//
// The row of `addrs` that JavaScript sees, except that the IPv6 scope is shown as zero there. The local
// socket is part of an address: the same peer reaching us on two sockets is two paths.
struct alignas(8) Address {
  uint8_t family = 0;
  uint8_t socket = 0;
  uint16_t portBe = 0;
  uint8_t ip[16] = {};
  uint32_t scope = 0;

  bool operator==(const Address& other) const { return std::memcmp(this, &other, sizeof(Address)) == 0; }
  bool valid() const { return family != 0; }
};
static_assert(sizeof(Address) == 24);

// Takes what the kernel wrote for a received datagram. Other families give an invalid address.
Address addressFrom(const sockaddr_storage& from, uint8_t socket);

// Writes the socket address to send to; returns its length.
socklen_t writeSockaddr(const Address& to, sockaddr_in6& out);

// Seeded so that a peer who picks its addresses cannot pick its hash slots.
inline uint32_t hashAddress(const Address& address, uint64_t seed) {
  uint64_t words[3];
  std::memcpy(words, &address, sizeof words);
  uint64_t h = seed;
  for (uint64_t word : words) {
    h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
    h ^= h >> 29;
  }
  return static_cast<uint32_t>(h ^ (h >> 32));
}

// Address → number, open addressing with backward-shift deletion. Its size follows its content;
// the owner bounds how much it puts in.
class AddressMap {
 public:
  explicit AddressMap(uint64_t seed);

  // The number stored for `address`, or -1.
  int32_t find(const Address& address) const {
    for (uint32_t at = hashAddress(address, seed_) & mask_;; at = (at + 1) & mask_) {
      const Entry& entry = entries_[at];
      if (entry.value < 0) return -1;
      if (entry.key == address) return entry.value;
    }
  }
  // Stores or replaces. `value` is 0 or more.
  void set(const Address& address, int32_t value);
  bool erase(const Address& address);
  void clear();
  size_t size() const { return size_; }

 private:
  struct Entry {
    Address key;
    int32_t value = -1;
  };
  void grow();

  std::vector<Entry> entries_;
  uint32_t mask_;
  size_t size_ = 0;
  uint64_t seed_;
};

}  // namespace rostra
