// Two engines over real loopback sockets, without Node.
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "side.h"

using namespace rostra;
using check::Buffer;
using check::kStun;
using check::Random;
using check::Side;

namespace {

struct Call {
  Side client, server;
  int32_t clientId, serverId;
  explicit Call(EngineOptions options = {})
      : client(options), server(options), clientId(client.engine->allocate()), serverId(server.engine->allocate()) {}

  // Each side selects the other's address at the STUN-looking datagram it gets.
  void bind() {
    client.onRow = [&](int row) { CHECK(client.engine->select(clientId, row, client.nowMs) == Outcome::yes); };
    server.onRow = [&](int row) { CHECK(server.engine->select(serverId, row, server.nowMs) == Outcome::yes); };
    client.sendTo(server.port, kStun);
    server.sendTo(client.port, kStun);
    client.engine->flush();
    server.engine->flush();
    server.drain();
    client.drain();
    client.onRow = server.onRow = nullptr;
  }
  void start(const Buffer& digestOfServer, const Buffer& digestOfClient) {
    CHECK(server.engine->start(serverId, DtlsRole::server, digestOfClient.data(), 32, server.nowMs) == Outcome::yes);
    CHECK(client.engine->start(clientId, DtlsRole::client, digestOfServer.data(), 32, client.nowMs) == Outcome::yes);
    client.engine->flush();
  }
  void exchange() {
    for (int i = 0; i < 6; i++) {
      server.drain(2);
      client.drain(2);
    }
  }
  void connect() {
    bind();
    start(server.digest(), client.digest());
    exchange();
    CHECK_EQUAL(client.count(Kind::connected), 1);
    CHECK_EQUAL(server.count(Kind::connected), 1);
    client.rows.clear();
    server.rows.clear();
  }
  void target(int row, int32_t id, uint32_t extSeq) {
    uint32_t* t = client.slab->targets + row * target::stride;
    std::memset(t, 0, sizeof(uint32_t) * target::stride);
    t[target::transport] = static_cast<uint32_t>(id);
    t[target::ssrc] = 0xabcd;
    t[target::markerPt] = 96;
    t[target::extSeq] = extSeq;
  }
  // `count` small packets of the client, from `firstExtSeq` on.
  void sendRtp(uint32_t firstExtSeq, int count) {
    const Buffer payload = {9, 8, 7, 6};
    for (int i = 0; i < count; i++) target(i, clientId, firstExtSeq + static_cast<uint32_t>(i));
    int queued = 0;
    CHECK(client.engine->fanout(payload.data(), payload.size(), count, queued) == Outcome::yes);
    CHECK_EQUAL(queued, count);
    client.engine->flush();
  }
};

}  // namespace

TEST(engine_connects_forwards_and_says_goodbye) {
  Call call;
  call.connect();
  Buffer payload = {9, 8, 7, 6};
  for (int i = 0; i < 300; i++) call.target(i, call.clientId, 65'500 + static_cast<uint32_t>(i));
  int queued = 0;
  CHECK(call.client.engine->fanout(payload.data(), payload.size(), 300, queued) == Outcome::yes);
  CHECK_EQUAL(queued, 300);
  call.client.engine->flush();
  call.server.drain();
  CHECK_EQUAL(call.server.count(Kind::rtp), 300);
  CHECK_EQUAL(call.server.rows[0].bytes.size(), 16);
  CHECK(call.client.engine->free(call.clientId) == Outcome::yes);
  CHECK(call.client.engine->free(call.clientId) == Outcome::stale);
  call.client.engine->flush();
  call.server.drain();
  CHECK_EQUAL(call.server.rows.back().extra, static_cast<int>(CloseReason::alert));
  CHECK(call.client.engine->fanout(payload.data(), payload.size(), 2, queued) == Outcome::yes);
  CHECK_EQUAL(queued, 0);
  CHECK_EQUAL(call.client.counter(Counter::staleId), 3);
}

void pauseMs(long ms) {
  timespec time{0, ms * 1'000'000};
  nanosleep(&time, nullptr);
}

// As when the event loop was busy with something else. (Bounds have a tenth to spare: one clock sleeps, another one stamps.)
TEST(engine_tells_how_long_media_waited) {
  Call call;
  call.connect();
  std::vector<check::Row>& rows = call.server.rows;
  // The kernel begins to stamp some time after it was asked to.
  uint32_t extSeq = 100;
  for (int attempt = 0; attempt < 200 && (rows.empty() || rows.back().waitedUs == 0); attempt++) {
    call.sendRtp(extSeq++, 1);
    pauseMs(5);
    call.server.drain();
  }
  rows.clear();
  call.sendRtp(extSeq++, 1);
  pauseMs(30);
  call.sendRtp(extSeq++, 1);
  pauseMs(30);
  call.server.drain();
  CHECK_EQUAL(rows.size(), 2);
  CHECK(rows[0].waitedUs >= 54'000);
  CHECK(rows[1].waitedUs >= 27'000);
  // They came so far apart, whatever else the machine did.
  CHECK(rows[0].waitedUs - rows[1].waitedUs >= 27'000);

  // Where media was, others say nothing.
  call.client.sendTo(call.server.port, kStun);
  call.client.sendTo(call.server.port, kStun);
  call.client.engine->flush();
  pauseMs(5);
  call.server.drain();
  CHECK_EQUAL(rows.size(), 4);
  CHECK_EQUAL(rows[2].waitedUs, 0);
  CHECK_EQUAL(rows[3].waitedUs, 0);

  // RTCP, and the order of what waited for longer than is told.
  const uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 0xab, 0xcd};
  std::memcpy(call.client.slab->scratch, report, sizeof report);
  CHECK(call.client.engine->rtcp(call.clientId, 0, sizeof report) == Outcome::yes);
  call.client.engine->flush();
  call.sendRtp(extSeq++, 1);
  pauseMs(600);
  call.sendRtp(extSeq++, 1);
  pauseMs(600);
  call.server.drain();
  CHECK_EQUAL(rows.size(), 7);
  CHECK(rows[4].kind == Kind::rtcp);
  CHECK_EQUAL(rows[4].waitedUs, 1'000'000);
  CHECK_EQUAL(rows[5].waitedUs, 1'000'000);
  CHECK(rows[6].waitedUs >= 540'000 && rows[6].waitedUs <= 1'000'000);
}

// More packets than a batch has rows.
TEST(engine_tells_how_long_media_waited_in_several_batches) {
  Call call;
  call.connect();
  for (int half = 0; half < 2; half++) {
    call.sendRtp(1 + static_cast<uint32_t>(half * 100), 100);
    pauseMs(30);
  }
  call.server.drain();
  CHECK_EQUAL(call.server.rows.size(), 200);
  for (size_t i = 0; i < 200; i++) CHECK(call.server.rows[i].waitedUs >= (i < 100 ? 54'000 : 27'000));
  CHECK(call.server.rows[99].waitedUs - call.server.rows[100].waitedUs >= 27'000);
}

TEST(engine_counts_what_its_socket_had_no_room_for) {
  Side side;
  CHECK(side.engine->bufferBytes(side.socket) > 0);
  CHECK_EQUAL(side.engine->bufferBytes(side.socket + 1), 0);
  CHECK_EQUAL(side.engine->bufferBytes(-1), 0);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(side.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto send = [&](size_t length) {
    Buffer bytes(length, 0);
    CHECK_EQUAL(sendto(fd, bytes.data(), length, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), length);
  };
  // Each takes more of the buffer than its own bytes.
  double sent = side.engine->bufferBytes(side.socket) / 500 + 1000;
  for (int i = 0; i < static_cast<int>(sent); i++) send(1000);
  side.drain();
  // What was dropped comes to be known with the next one.
  send(20);
  side.drain();
  double received = side.counter(Counter::rxPackets);
  CHECK(received < sent);
  // The kernel may drop more elsewhere, on a busy machine.
  CHECK(side.counter(Counter::rxOverflow) > 0);
  CHECK(side.counter(Counter::rxOverflow) <= sent + 1 - received);
  close(fd);
}

TEST(engine_answers_nothing_before_an_address_is_allowed) {
  Call call;
  Random random(1);
  std::vector<Buffer> junk;
  for (int first : {20, 22, 63, 128, 160, 191}) {
    for (size_t length : {1u, 12u, 13u, 64u, 1200u}) {
      junk.push_back(random.bytes(length));
      junk.back()[0] = static_cast<uint8_t>(first);
    }
  }
  for (const Buffer& packet : junk) call.client.sendTo(call.server.port, packet);
  call.client.engine->flush();
  call.server.drain();
  CHECK_EQUAL(call.server.rows.size(), 0);
  CHECK_EQUAL(call.server.counter(Counter::txPackets), 0);
  CHECK_EQUAL(call.server.counter(Counter::dropUnknownAddress) + call.server.counter(Counter::dropShort), junk.size());
}

// The ClientHello stands in the same batch as the check that allows its address.
TEST(engine_looks_again_at_packets_beside_their_check) {
  Call call;
  Buffer digest = call.server.digest(), other = call.client.digest();
  call.client.onRow = [&](int row) { call.client.engine->select(call.clientId, row, 0); };
  call.client.engine->start(call.clientId, DtlsRole::client, digest.data(), 32, 0);
  call.server.sendTo(call.client.port, kStun);
  call.server.engine->flush();
  // Sends the ClientHello at once; the check follows it.
  call.client.drain();
  call.client.sendTo(call.server.port, kStun);
  call.client.engine->flush();
  call.client.onRow = nullptr;
  call.server.onRow = [&](int row) {
    if (call.server.rows.back().kind != Kind::stun) return;
    CHECK(call.server.engine->select(call.serverId, row, 0) == Outcome::yes);
    CHECK(call.server.engine->start(call.serverId, DtlsRole::server, other.data(), 32, 0) == Outcome::yes);
  };
  call.exchange();
  CHECK_EQUAL(call.server.count(Kind::connected), 1);
  CHECK_EQUAL(call.server.counter(Counter::dropUnknownAddress), 0);
}

TEST(engine_reports_fingerprint_and_timeout_once) {
  Call call;
  call.bind();
  call.start(call.server.digest(), call.server.digest());
  call.exchange();
  CHECK_EQUAL(call.server.count(Kind::connected) + call.client.count(Kind::connected), 0);
  CHECK_EQUAL(call.server.rows.back().extra, static_cast<int>(CloseReason::fingerprint));
  CHECK_EQUAL(call.server.count(Kind::closed), 1);
  CHECK_EQUAL(call.client.count(Kind::closed), 1);
  call.server.engine->sweep(1'000'000);
  CHECK_EQUAL(call.server.count(Kind::closed), 1);
  CHECK(!call.server.engine->handshaking());

  Call silent;
  silent.bind();
  Buffer digest = silent.client.digest();
  silent.server.engine->start(silent.serverId, DtlsRole::server, digest.data(), 32, 1000);
  CHECK(silent.server.engine->handshaking());
  silent.server.engine->sweep(15'999);
  CHECK_EQUAL(silent.server.count(Kind::closed), 0);
  silent.server.engine->sweep(16'000);
  CHECK_EQUAL(silent.server.rows.back().extra, static_cast<int>(CloseReason::timeout));
}

namespace {
// Puts four queued datagrams into each one that leaves, once `merging`.
bool merging = false;
int mergingSend(int fd, mmsghdr* messages, unsigned int count, int flags) {
  if (!merging) return sendmmsg(fd, messages, count, flags);
  Buffer merged;
  int parts = 0;
  auto send = [&] {
    msghdr& header = messages[0].msg_hdr;
    auto* to = static_cast<sockaddr*>(header.msg_name);
    if (parts > 0) CHECK_EQUAL(sendto(fd, merged.data(), merged.size(), 0, to, header.msg_namelen), merged.size());
    merged.clear();
    parts = 0;
  };
  for (unsigned int i = 0; i < count; i++) {
    const msghdr& header = messages[i].msg_hdr;
    for (size_t v = 0; v < header.msg_iovlen; v++) {
      auto* at = static_cast<uint8_t*>(header.msg_iov[v].iov_base);
      merged.insert(merged.end(), at, at + header.msg_iov[v].iov_len);
      if (++parts == 4) send();
    }
  }
  send();
  return static_cast<int>(count);
}
EngineOptions mergingOptions() {
  EngineOptions options;
  options.sendMany = mergingSend;
  return options;
}
}  // namespace

// 128 datagrams of four records each: one read, four callbacks.
TEST(engine_never_fills_more_than_all_rows) {
  Call call(mergingOptions());
  call.connect();
  merging = true;
  for (uint32_t i = 0; i < 512; i++) {
    uint8_t bytes[4];
    write32(bytes, i);
    CHECK(call.client.engine->dtlsSend(call.clientId, bytes, 4) == Outcome::yes);
  }
  call.client.engine->flush();
  merging = false;
  call.server.drain();
  CHECK_EQUAL(call.server.counter(Counter::rxPackets) < 200, true);
  CHECK_EQUAL(call.server.rows.size(), 512);
  CHECK_EQUAL(call.server.largestBatch, kMaxBatch);
  for (uint32_t i = 0; i < call.server.rows.size(); i++) CHECK_EQUAL(read32(call.server.rows[i].bytes.data()), i);
}

TEST(engine_oversize_and_unselected_addresses) {
  Call call;
  call.connect();
  int raw = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(call.server.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (size_t length : {1500u, 1501u, 1502u, 9000u, 65'507u}) {
    Buffer big(length, 0x80);
    CHECK_EQUAL(sendto(raw, big.data(), big.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), length);
  }
  call.server.drain();
  ::close(raw);
  CHECK_EQUAL(call.server.counter(Counter::dropOversize), 4);
  CHECK_EQUAL(call.server.counter(Counter::dropUnknownAddress), 1);
  CHECK_EQUAL(call.server.rows.size(), 0);
}

TEST(engine_addresses_per_transport_are_bounded_and_owned) {
  Side side;
  int32_t first = side.engine->allocate(), second = side.engine->allocate();
  int raw[12];
  for (int& fd : raw) fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(side.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto stunFrom = [&](int i) {
    CHECK_EQUAL(sendto(raw[i], kStun.data(), kStun.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 20);
    side.drain();
  };
  // The first is selected, the others only allowed: the second-oldest go.
  for (int i = 0; i < 12; i++) {
    side.onRow = [&](int row) { i == 0 ? side.engine->select(first, row, 0) : side.engine->allow(first, row); };
    stunFrom(i);
  }
  side.onRow = nullptr;
  side.rows.clear();
  for (int i = 0; i < 12; i++) stunFrom(i);
  for (size_t i = 0; i < 12; i++) CHECK_EQUAL(side.rows[i].transport, i == 0 || i > 4 ? first : -1);
  // Nobody is connected yet, so the newest check wins.
  side.onRow = [&](int row) { CHECK(side.engine->allow(second, row) == Outcome::yes); };
  stunFrom(0);
  side.onRow = nullptr;
  stunFrom(0);
  CHECK_EQUAL(side.rows.back().transport, second);
  CHECK(side.engine->free(second) == Outcome::yes);
  stunFrom(0);
  CHECK_EQUAL(side.rows.back().transport, -1);
  for (int fd : raw) ::close(fd);
}

TEST(engine_keeps_a_connected_address_with_its_transport) {
  Call call;
  call.connect();
  int32_t thief = call.server.engine->allocate();
  call.server.onRow = [&](int row) {
    CHECK(call.server.engine->select(thief, row, 0) == Outcome::no);
    CHECK(call.server.engine->allow(call.serverId, row) == Outcome::yes);
  };
  call.client.sendTo(call.server.port, kStun);
  call.client.engine->flush();
  call.server.drain();
  call.server.onRow = nullptr;
  CHECK_EQUAL(call.server.rows.back().transport, call.serverId);
}

TEST(engine_callback_may_free_and_close) {
  {
    Call call;
    call.connect();
    call.server.onRow = [&](int) { call.server.engine->free(call.serverId); };
    uint8_t byte = 7;
    for (int i = 0; i < 200; i++) call.client.engine->dtlsSend(call.clientId, &byte, 1);
    call.client.engine->flush();
    call.server.drain();
    CHECK(call.server.count(Kind::data) <= kMaxBatch);
  }
  Call call;
  call.connect();
  call.server.onRow = [&](int) { call.server.engine->close(); };
  for (int i = 0; i < 200; i++) call.client.sendTo(call.server.port, kStun);
  call.client.engine->flush();
  call.server.drain();
  CHECK(call.server.engine->closed());
  CHECK_EQUAL(call.server.engine->allocate(), -1);
}

TEST(engine_refuses_mistakes) {
  Call call;
  call.connect();
  Engine& engine = *call.client.engine;
  uint8_t bytes[2000] = {};
  int queued = 0;
  CHECK(engine.allow(call.clientId, 0) == Outcome::badRow);
  CHECK(engine.reply(0, 0, 20) == Outcome::badRow);
  CHECK(engine.rtcp(call.clientId, kScratchBytes - 7, 8) == Outcome::badRange);
  CHECK(engine.rtcp(-1, 0, 8) == Outcome::badId);
  CHECK(engine.dtlsSend(call.clientId, bytes, kMaxDtlsPayload + 1) == Outcome::badRange);
  CHECK(engine.start(call.clientId, DtlsRole::client, bytes, 20, 0) == Outcome::badRange);
  const struct {
    int column;
    uint32_t value;
    Outcome outcome;
  } bad[] = {
      {target::transport, 0, Outcome::badId},          {target::transport, 0xffffffff, Outcome::badId},
      {target::markerPt, 256, Outcome::badRange},      {target::extLength, 3, Outcome::badRange},
      {target::extLength, 0xfffffffc, Outcome::badRange}, {target::extOffset, kScratchBytes + 1, Outcome::badRange},
      {target::prefixLength, kScratchBytes + 1, Outcome::badRange}, {target::prefixOffset, 0xffffffff, Outcome::badRange},
      {target::skip, 5, Outcome::badRange},            {target::markerPt, 0x4000, Outcome::badRange},
  };
  for (const auto& c : bad) {
    call.target(0, call.clientId, 1);
    call.client.slab->targets[c.column] = c.value;
    CHECK(engine.fanout(bytes, 4, 1, queued) == c.outcome);
  }
  call.target(0, call.clientId, 1);
  CHECK(engine.fanout(bytes, 1500 - 12 - 16, 1, queued) == Outcome::yes && queued == 1);
  CHECK(engine.fanout(bytes, 1500 - 12 - 15, 1, queued) == Outcome::yes && queued == 0);
  CHECK_EQUAL(call.client.counter(Counter::sendOversize), 1);
}

TEST(engine_listens_on_both_families) {
  Side side;
  int socket = 0;
  uint16_t port = 0;
  CHECK_EQUAL(side.engine->listen("127.0.0.1", side.port, socket, port), EADDRINUSE);
  CHECK_EQUAL(side.engine->listen("not-an-address", 0, socket, port), EINVAL);
  CHECK_EQUAL(side.engine->listen("192.0.2.1", 0, socket, port), EADDRNOTAVAIL);
  int error = side.engine->listen("::", side.port, socket, port);
  // V6ONLY: the IPv4 socket on the same port is not in its way. Machines without IPv6 say so.
  CHECK(error == 0 ? port == side.port && socket == 1 : error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}
