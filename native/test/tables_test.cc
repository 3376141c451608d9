#include <arpa/inet.h>

#include <cstring>
#include <map>
#include <set>

#include "../src/core/packet.h"
#include "../src/core/transport.h"
#include "check.h"

using namespace rostra;
using check::Buffer;
using check::Random;

// RFC 7983 §7 and RFC 5761 §4: every first byte, and every second byte of RTP and RTCP.
TEST(classes_by_first_and_second_byte) {
  for (int first = 0; first < 256; first++) {
    uint8_t bytes[2] = {static_cast<uint8_t>(first), 0};
    PacketClass expected = first <= 3                   ? PacketClass::stun
                           : first >= 20 && first <= 63 ? PacketClass::dtls
                           : first >= 128 && first <= 191 ? PacketClass::rtp
                                                          : PacketClass::unknown;
    CHECK(classify(bytes, 2) == expected);
    CHECK(classify(bytes, 1) == expected);
  }
  for (int second = 0; second < 256; second++) {
    uint8_t bytes[2] = {0x80, static_cast<uint8_t>(second)};
    bool rtcp = (second >= 192 && second <= 223) || (second >= 64 && second <= 95);
    CHECK(classify(bytes, 2) == (rtcp ? PacketClass::rtcp : PacketClass::rtp));
  }
  CHECK(classify(nullptr, 0) == PacketClass::empty);
}

TEST(rtp_header_lengths) {
  Buffer fixed(12);
  fixed[0] = 0x80;
  CHECK_EQUAL(rtpHeaderLength(fixed.data(), 12), 12);
  CHECK_EQUAL(rtpHeaderLength(fixed.data(), 11), 0);
  fixed[0] = 0x40;
  CHECK_EQUAL(rtpHeaderLength(fixed.data(), 12), 0);
  // 2 CSRC and an extension of 1 word: 12 + 8 + 4 + 4; every shorter buffer is refused.
  Buffer packet(28);
  packet[0] = 0x92;
  packet[23] = 1;
  for (size_t length = 0; length < 28; length++) {
    Buffer exact(packet.begin(), packet.begin() + static_cast<long>(length));
    CHECK_EQUAL(rtpHeaderLength(exact.data(), length), 0);
  }
  CHECK_EQUAL(rtpHeaderLength(packet.data(), 28), 28);
  packet[22] = 0xff;
  CHECK_EQUAL(rtpHeaderLength(packet.data(), 28), 0);
}

namespace {
Address addressOf(uint32_t number) {
  Address address;
  address.family = 4;
  address.portBe = static_cast<uint16_t>(number);
  std::memcpy(address.ip, &number, 4);
  return address;
}
struct ByBytes {
  bool operator()(const Address& a, const Address& b) const { return std::memcmp(&a, &b, sizeof a) < 0; }
};
}  // namespace

TEST(address_map_churn_against_a_std_map) {
  Random random(3);
  AddressMap map(0x1234);
  std::map<Address, int32_t, ByBytes> expected;
  for (int i = 0; i < 60'000; i++) {
    Address address = addressOf(random.below(600));
    if (random.below(5) < 2) {
      CHECK_EQUAL(map.erase(address), expected.erase(address) == 1);
    } else {
      map.set(address, i);
      expected[address] = i;
    }
    if (i % 100 == 0) {
      CHECK_EQUAL(map.size(), expected.size());
      for (uint32_t n = 0; n < 600; n++) {
        auto found = expected.find(addressOf(n));
        CHECK_EQUAL(map.find(addressOf(n)), found == expected.end() ? -1 : found->second);
      }
    }
  }
  map.clear();
  CHECK_EQUAL(map.find(addressOf(1)), -1);
}

TEST(addresses_of_both_families) {
  sockaddr_storage storage{};
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(4242);
  v6->sin6_scope_id = 7;
  inet_pton(AF_INET6, "fe80::1", &v6->sin6_addr);
  Address address = addressFrom(storage, 3);
  CHECK_EQUAL(address.family, 6);
  CHECK_EQUAL(address.socket, 3);
  CHECK_EQUAL(address.scope, 7);
  sockaddr_in6 back;
  CHECK_EQUAL(writeSockaddr(address, back), sizeof(sockaddr_in6));
  CHECK(std::memcmp(&back, v6, sizeof back) == 0);
  storage.ss_family = AF_UNIX;
  CHECK(!addressFrom(storage, 0).valid());
}

TEST(ids_do_not_come_back) {
  for (int capacity : {1, 3, 4, 100}) {
    TransportTable table(capacity);
    std::set<int32_t> seen;
    Random random(9);
    std::vector<Transport*> live;
    for (int i = 0; i < 5000; i++) {
      if (live.size() < static_cast<size_t>(capacity) && random.below(2) == 0) {
        Transport* transport = table.allocate();
        CHECK(transport != nullptr && transport->id > 0 && table.wellFormed(transport->id));
        CHECK(seen.insert(transport->id).second);
        live.push_back(transport);
      } else if (!live.empty()) {
        size_t at = random.below(static_cast<uint32_t>(live.size()));
        auto id = static_cast<uint32_t>(live[at]->id);
        CHECK(table.find(id) == live[at]);
        table.free(*live[at]);
        CHECK(table.find(id) == nullptr);
        live.erase(live.begin() + static_cast<long>(at));
      }
    }
    while (live.size() < static_cast<size_t>(capacity)) live.push_back(table.allocate());
    CHECK(table.allocate() == nullptr);
  }
}

TEST(generations_wrap_without_zero) {
  TransportTable table(65'536);
  CHECK(!table.wellFormed(0) && !table.wellFormed(-1) && !table.wellFormed(5) && !table.wellFormed(1LL << 31));
  // 15 bits of generation: one index alone would need 65,536 rounds of 32,768, so take a table of one.
  TransportTable one(1);
  Transport* transport = one.allocate();
  for (int i = 0; i < 100'000; i++) {
    int32_t id = transport->id;
    one.free(*transport);
    transport = one.allocate();
    CHECK(transport->id != id && transport->id > 0);
  }
}
