#include <time.h>

#include <algorithm>

#include "dtls_end.h"

using namespace rostra;
using check::Buffer;
using check::carry;
using check::End;
using check::Identity;
using check::kBoth;
using check::Pair;
using check::Random;

namespace {

void sleepMs(long ms) {
  timespec time{ms / 1000, ms % 1000 * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace

TEST(dtls_both_roles_agree_on_keys_and_profile) {
  Pair pair;
  pair.connect();
  SrtpKeyMaterial client, server;
  CHECK(pair.client.session->exportKeys(client) && pair.server.session->exportKeys(server));
  CHECK(client.profile == SrtpProfile::aeadAes128Gcm && server.profile == client.profile);
  CHECK(std::memcmp(client.localKey, server.remoteKey, 16) == 0);
  CHECK(std::memcmp(client.remoteKey, server.localKey, 16) == 0);
  CHECK(std::memcmp(client.localSalt, server.remoteSalt, 12) == 0);
  CHECK(std::memcmp(client.remoteSalt, server.localSalt, 12) == 0);
  CHECK(std::memcmp(client.localKey, client.remoteKey, 16) != 0);
}

TEST(dtls_profile_choice) {
  const struct {
    std::initializer_list<SrtpProfile> client, server;
    SrtpProfile chosen;
  } cases[] = {
      {{kBoth[0], kBoth[1]}, {kBoth[1], kBoth[0]}, SrtpProfile::aes128CmSha1_80},
      {{kBoth[1], kBoth[0]}, {kBoth[0], kBoth[1]}, SrtpProfile::aeadAes128Gcm},
      {{kBoth[1]}, {kBoth[0], kBoth[1]}, SrtpProfile::aes128CmSha1_80},
      {{kBoth[0]}, {kBoth[1]}, SrtpProfile::none},
      {{}, {kBoth[0], kBoth[1]}, SrtpProfile::none},
      {{kBoth[0], kBoth[1]}, {}, SrtpProfile::none},
  };
  for (const auto& c : cases) {
    Identity client(c.client), server(c.server);
    End a(client, DtlsRole::client, server.digest), b(server, DtlsRole::server, client.digest);
    a.session->begin();
    carry(a, b);
    SrtpKeyMaterial keys;
    CHECK(a.connected() && b.connected() && b.session->exportKeys(keys) && keys.profile == c.chosen);
  }
}

TEST(dtls_fingerprint_mismatch_ends_the_handshake) {
  for (bool clientIsWrong : {true, false}) {
    Identity client, server, other;
    End a(client, DtlsRole::client, clientIsWrong ? server.digest : other.digest);
    End b(server, DtlsRole::server, clientIsWrong ? other.digest : client.digest);
    a.session->begin();
    carry(a, b);
    End& checker = clientIsWrong ? b : a;
    End& checked = clientIsWrong ? a : b;
    CHECK(checker.closed() && checker.session->closeReason() == CloseReason::fingerprint);
    CHECK(!checked.connected());
    SrtpKeyMaterial keys;
    CHECK(!checker.session->exportKeys(keys) && !checked.session->exportKeys(keys));
    CHECK(!checker.session->write(keys.localKey, 1));
  }
}

TEST(dtls_data_records_and_goodbye) {
  Pair pair;
  pair.connect();
  CHECK(pair.client.session->write(reinterpret_cast<const uint8_t*>("one"), 3));
  CHECK(pair.client.session->write(reinterpret_cast<const uint8_t*>("second"), 6));
  // Two records in one datagram come out as two.
  Buffer both = pair.client.out[0];
  both.insert(both.end(), pair.client.out[1].begin(), pair.client.out[1].end());
  pair.client.out.clear();
  pair.server.feed(both);
  CHECK_EQUAL(pair.server.read.size(), 2);
  CHECK_BYTES(pair.server.read[1], check::hex("7365636f6e64"));
  Buffer large = Random(1).bytes(kMaxDtlsPayload);
  CHECK(pair.server.session->write(large.data(), large.size()));
  CHECK(pair.server.out[0].size() <= kMaxDatagram);
  carry(pair.client, pair.server);
  CHECK_BYTES(pair.client.read.at(0), large);
  pair.client.session->shutdown();
  carry(pair.client, pair.server);
  CHECK(pair.server.closed() && pair.server.session->closeReason() == CloseReason::alert);
  CHECK(!pair.server.session->write(large.data(), 5));
}

TEST(dtls_says_goodbye_after_its_buffers_were_given_back) {
  for (bool byClient : {true, false}) {
    Pair pair;
    pair.connect();
    End& from = byClient ? pair.client : pair.server;
    End& to = byClient ? pair.server : pair.client;
    // Both have read all there was. A datagram without a record changes nothing.
    to.feed(check::hex("16fefd"));
    from.session->shutdown();
    CHECK(!from.out.empty());
    carry(from, to);
    CHECK(to.closed() && to.session->closeReason() == CloseReason::alert);
  }
}

TEST(dtls_replayed_records_are_silent) {
  Pair pair;
  pair.connect();
  Random random(4);
  std::vector<Buffer> sent;
  for (uint8_t i = 0; i < 200; i++) {
    CHECK(pair.client.session->write(&i, 1));
    sent.push_back(pair.client.out.back());
    pair.client.out.clear();
    pair.server.feed(sent.back());
  }
  CHECK_EQUAL(pair.server.read.size(), 200);
  for (const Buffer& datagram : sent) pair.server.feed(datagram);
  for (size_t i = 0; i < sent.size(); i++) pair.server.feed(sent[random.below(200)]);
  // The handshake's own datagrams, too.
  for (const Buffer& datagram : pair.client.sentOnce) pair.server.feed(datagram);
  CHECK_EQUAL(pair.server.read.size(), 200);
  CHECK(pair.server.connected());
  pair.server.out.clear();
}

TEST(dtls_survives_lost_flights) {
  for (uint32_t seed = 1; seed <= 3; seed++) {
    Pair pair;
    Random random(seed);
    pair.client.session->begin();
    int lost = 0;
    for (int step = 0; step < 60 && !(pair.client.connected() && pair.server.connected()); step++) {
      carry(pair.client, pair.server, [&](bool) { return lost < 6 && random.below(2) == 0 && ++lost > 0; });
      if (pair.client.connected() && pair.server.connected()) break;
      sleepMs(60);
      pair.client.session->timeout();
      pair.server.session->timeout();
    }
    CHECK(pair.client.connected() && pair.server.connected());
  }
}

TEST(dtls_data_before_the_end_of_the_handshake_is_not_kept) {
  Pair real, fresh;
  real.connect();
  CHECK(real.client.session->write(reinterpret_cast<const uint8_t*>("early"), 5));
  fresh.client.session->begin();
  Buffer record = real.client.out[0];
  CHECK(fresh.server.feed(record) == DtlsSession::Fed::dropped);
  // Records of the next epoch: only a few are taken.
  Buffer epoch1 = record;
  epoch1[0] = 22;
  int taken = 0;
  for (int i = 0; i < 200; i++) taken += fresh.server.feed(epoch1) == DtlsSession::Fed::taken;
  CHECK(taken <= 32);
  CHECK(fresh.server.read.empty());
}

TEST(dtls_packets_in_the_wrong_state) {
  Pair pair;
  // A client that has not begun takes nothing.
  CHECK(pair.client.feed(check::hex("16feff0000000000000000000000")) == DtlsSession::Fed::dropped);
  // A client's own hello, sent back to it.
  pair.client.session->begin();
  Buffer hello = pair.client.out.at(0);
  pair.client.feed(hello);
  CHECK(!pair.client.connected());
  // After the end nothing is looked at.
  pair.server.session->fail(CloseReason::timeout);
  CHECK(pair.server.feed(hello) == DtlsSession::Fed::dropped);
  CHECK(pair.server.session->closeReason() == CloseReason::timeout);
}

TEST(dtls_prefixes_and_bit_flips_of_every_handshake_datagram) {
  Pair model;
  model.connect();
  Random random(6);
  std::vector<Buffer> all = model.client.sentOnce;
  all.insert(all.end(), model.server.sentOnce.begin(), model.server.sentOnce.end());
  Identity self;
  for (const Buffer& datagram : all) {
    End victim(self, DtlsRole::server, model.clientIdentity.digest);
    for (size_t length = 0; length < std::min<size_t>(datagram.size(), 80); length++) {
      victim.feed(Buffer(datagram.begin(), datagram.begin() + static_cast<long>(length)));
    }
    for (int i = 0; i < 40; i++) {
      Buffer bad = datagram;
      bad[random.below(static_cast<uint32_t>(bad.size()))] ^= static_cast<uint8_t>(1 + random.below(255));
      End flipped(self, i % 2 == 0 ? DtlsRole::server : DtlsRole::client, model.clientIdentity.digest);
      flipped.session->begin();
      flipped.feed(bad);
      CHECK(!flipped.connected());
    }
  }
}
