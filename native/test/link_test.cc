// Two engines of ours, linked by keys that both were given: no ICE, no DTLS.
#include <cstring>

#include "side.h"

using namespace rostra;
using check::Buffer;
using check::kStun;
using check::Side;

namespace {

struct Pair {
  Side a, b;
  int32_t idA = a.engine->allocate(), idB = b.engine->allocate();
  LinkKeys keysA, keysB;

  Pair() {
    auto* bytes = reinterpret_cast<uint8_t*>(&keysA);
    for (size_t i = 0; i < sizeof keysA; i++) bytes[i] = static_cast<uint8_t>(i * 7 + 1);
    std::memcpy(keysB.localKey, keysA.remoteKey, 28);
    std::memcpy(keysB.remoteKey, keysA.localKey, 28);
  }
  static Outcome link(Side& side, int32_t id, uint16_t port, const LinkKeys& keys, uint8_t socket = 0) {
    uint8_t row[24] = {4, socket, static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port), 127, 0, 0, 1};
    return side.engine->link(id, row, keys);
  }
  void link() {
    CHECK(link(a, idA, b.port, keysA) == Outcome::yes);
    CHECK(link(b, idB, a.port, keysB) == Outcome::yes);
  }
  static int send(Side& side, int32_t id, uint32_t extSeq, uint32_t ssrc = 1) {
    uint32_t* t = side.slab->targets;
    std::memset(t, 0, sizeof(uint32_t) * target::stride);
    t[target::transport] = static_cast<uint32_t>(id);
    t[target::ssrc] = ssrc;
    t[target::extSeq] = extSeq;
    const uint8_t payload[] = {1, 2, 3, 4, 5};
    int queued = 0;
    CHECK(side.engine->fanout(payload, sizeof payload, 1, queued) == Outcome::yes);
    side.engine->flush();
    return queued;
  }
};

}  // namespace

TEST(linked_engines_exchange_packets_both_ways_and_refuse_repetitions) {
  Pair pair;
  CHECK_EQUAL(Pair::send(pair.a, pair.idA, 0), 0);
  pair.link();
  CHECK_EQUAL(Pair::send(pair.a, pair.idA, 0), 1);
  CHECK_EQUAL(Pair::send(pair.b, pair.idB, 0), 1);
  CHECK_EQUAL(Pair::send(pair.a, pair.idA, 0), 1);
  pair.b.drain();
  pair.a.drain();
  CHECK_EQUAL(pair.b.count(Kind::rtp), 1);
  CHECK_EQUAL(pair.a.count(Kind::rtp), 1);
  CHECK_EQUAL(pair.b.rows[0].bytes.size(), 17);
  CHECK_EQUAL(pair.b.rows[0].transport, pair.idB);
  CHECK_EQUAL(pair.b.counter(Counter::dropSrtpReplay), 1);
}

TEST(a_link_takes_nothing_under_other_keys_or_from_elsewhere) {
  Pair pair;
  LinkKeys wrong = pair.keysB;
  wrong.remoteKey[0] ^= 1;
  CHECK(Pair::link(pair.a, pair.idA, pair.b.port, pair.keysA) == Outcome::yes);
  CHECK(Pair::link(pair.b, pair.idB, pair.a.port, wrong) == Outcome::yes);
  CHECK_EQUAL(Pair::send(pair.a, pair.idA, 0), 1);
  pair.b.drain();
  CHECK_EQUAL(pair.b.counter(Counter::dropSrtpAuth), 1);
  Side stranger;
  int32_t id = stranger.engine->allocate();
  CHECK(Pair::link(stranger, id, pair.b.port, pair.keysA) == Outcome::yes);
  CHECK_EQUAL(Pair::send(stranger, id, 0), 1);
  pair.b.drain();
  CHECK_EQUAL(pair.b.counter(Counter::dropUnknownAddress), 1);
  CHECK_EQUAL(pair.b.count(Kind::rtp), 0);
}

TEST(a_link_goes_on_after_any_number_of_lost_packets_and_for_any_number_of_ssrcs) {
  Pair pair;
  pair.link();
  uint64_t taken = 0;
  auto expect = [&](uint32_t ssrc, uint32_t extSeq, bool ok) {
    CHECK_EQUAL(Pair::send(pair.a, pair.idA, extSeq, ssrc), 1);
    pair.b.drain();
    if (ok) taken++;
    CHECK_EQUAL(static_cast<uint64_t>(pair.b.count(Kind::rtp)), taken);
  };
  expect(1, 10, true);
  // 40,000 later, which a guess from 16 bits takes for one of the past.
  expect(1, 40010, true);
  expect(4, 40000, true);
  expect(4, 39999, true);
  // Repeated, before and behind the window.
  expect(4, 39999, false);
  expect(1, 40010, false);
  expect(4, 30000, false);
  for (uint32_t ssrc = 5; ssrc < 5 + 2 * SrtpReceiver::kMaxSsrcs; ssrc++) expect(ssrc, 0xffff, true);
  expect(0xffffffff, 3, true);
  CHECK_EQUAL(pair.b.counter(Counter::dropSrtpReplay), 3);
}

TEST(the_address_of_a_link_stays_with_it_until_it_is_freed) {
  Pair pair;
  pair.link();
  int32_t other = pair.b.engine->allocate();
  pair.b.onRow = [&](int row) { CHECK(pair.b.engine->select(other, row, 0) == Outcome::no); };
  pair.a.sendTo(pair.b.port, kStun);
  pair.a.engine->flush();
  pair.b.drain();
  CHECK_EQUAL(pair.b.count(Kind::stun), 1);
  pair.b.onRow = nullptr;
  CHECK(Pair::link(pair.b, other, pair.a.port, pair.keysB) == Outcome::no);
  // DTLS has no place on it, whoever asks.
  CHECK(pair.b.engine->start(pair.idB, DtlsRole::client, pair.a.digest().data(), 32, 0) == Outcome::no);
  pair.a.sendTo(pair.b.port, Buffer(40, 22));
  pair.a.engine->flush();
  pair.b.drain();
  CHECK_EQUAL(pair.b.counter(Counter::dropDtlsNotStarted), 1);
  CHECK(pair.b.engine->free(pair.idB) == Outcome::yes);
  CHECK(Pair::link(pair.b, other, pair.a.port, pair.keysB) == Outcome::yes);
  CHECK_EQUAL(Pair::send(pair.a, pair.idA, 0), 1);
  pair.b.drain();
  CHECK_EQUAL(pair.b.rows.back().transport, other);
}

TEST(a_link_to_nowhere_or_of_nothing_is_refused) {
  Pair pair;
  CHECK(Pair::link(pair.a, 0, pair.b.port, pair.keysA) == Outcome::badId);
  CHECK(Pair::link(pair.a, pair.idA, pair.b.port, pair.keysA, 9) == Outcome::badRow);
  const uint8_t nothing[24] = {};
  CHECK(pair.a.engine->link(pair.idA, nothing, pair.keysA) == Outcome::badRow);
  CHECK(pair.a.engine->free(pair.idA) == Outcome::yes);
  CHECK(Pair::link(pair.a, pair.idA, pair.b.port, pair.keysA) == Outcome::stale);
}
