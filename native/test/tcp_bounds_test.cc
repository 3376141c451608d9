// What peers over TCP may take: time, connections, memory.
#include <sys/resource.h>

#include "tcp_side.h"

using namespace rostra;
using namespace check;

// 16 KiB of empty frames would be 8,000 turns of the loop.
TEST(tcp_who_proved_nothing_and_says_what_is_no_check_is_cut_at_once) {
  Server server;
  Buffer many;
  for (int i = 0; i < 5'000; i++) many.insert(many.end(), {0, 1, 7});
  const std::vector<Buffer> lies = {framed({}), framed(Buffer(19, 0)), framed(Buffer(1501, 0)), Buffer(10'000, 0), many,
                                    Buffer{'G', 'E', 'T', ' '}};
  for (const Buffer& lie : lies) {
    Connection silent(server.tcpPort), liar(server.tcpPort);
    double before = server.counter(Counter::rxPackets);
    liar.say(Buffer(20, 0x7f));
    liar.write(lie);
    server.take();
    CHECK(!liar.open() && silent.open());
    CHECK_EQUAL(server.counter(Counter::rxPackets), before + 2);
    silent.hangUp();
    server.take();
  }
  CHECK_EQUAL(server.counter(Counter::tcpMalformed), lies.size());
  CHECK_EQUAL(server.counter(Counter::tcpClosed), 2 * lies.size());
  // The check that proves it may stand just before.
  Connection hasty(server.tcpPort);
  Buffer both = framed(kStun), tiny = framed({0x80});
  both.insert(both.end(), tiny.begin(), tiny.end());
  server.selectNext(server.id);
  hasty.write(both);
  server.take();
  CHECK(hasty.open());
}

// 16 KiB of the shortest frames fill the rows many times over.
TEST(tcp_never_fills_more_than_all_rows) {
  Server server;
  Connection connection(server.tcpPort);
  Buffer stream;
  for (int i = 0; i < 700; i++) {
    Buffer frame = framed(kStun);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  connection.write(stream);
  server.take();
  CHECK_EQUAL(server.rows.size(), 700);
  CHECK(server.largestBatch <= kMaxBatch);
}

TEST(tcp_nothing_is_said_to_who_has_proved_nothing) {
  Server server;
  Connection connection(server.tcpPort);
  Random random(1);
  for (int first : {20, 22, 63, 128, 160, 191}) {
    for (size_t length : {20u, 21u, 64u, 1200u}) {
      Buffer junk = random.bytes(length);
      junk[0] = static_cast<uint8_t>(first);
      connection.say(junk);
    }
  }
  server.take();
  bool ended = false;
  CHECK_EQUAL(connection.read(ended).size(), 0);
  CHECK(!ended);
  CHECK_EQUAL(server.rows.size(), 0);
  CHECK_EQUAL(server.counter(Counter::txPackets), 0);
}

TEST(tcp_connections_end_in_time) {
  Server server;
  server.nowMs = 1'000;
  Connection idle(server.tcpPort), slow(server.tcpPort), proved(server.tcpPort);
  server.take();
  // Bytes prove nothing.
  slow.write({0, 200, 1});
  server.take();
  proved.say(kStun);
  server.selectNext(server.id);
  server.take();
  CHECK(server.engine->wantsSweep());
  server.sweepAt(10'900);
  CHECK(idle.open() && slow.open());
  slow.write({1});
  server.take();
  server.sweepAt(11'500);
  CHECK(!idle.open() && !slow.open() && proved.open());
  CHECK_EQUAL(server.counter(Counter::tcpExpired), 2);
  server.sweepAt(60'000);
  proved.say(kStun);
  server.take();
  server.sweepAt(119'000);
  CHECK(proved.open());
  server.sweepAt(120'100);
  CHECK(!proved.open());
  CHECK_EQUAL(server.counter(Counter::tcpExpired), 3);
  CHECK_EQUAL(server.counter(Counter::tcpOpened), 3);
  CHECK_EQUAL(server.counter(Counter::tcpClosed), 3);
  CHECK(!server.engine->wantsSweep());
}

TEST(tcp_connections_are_bounded) {
  EngineOptions options;
  options.tcp.maxPendingPerHost = 3;
  Server server(options);
  {
    Connection first(server.tcpPort), second(server.tcpPort), third(server.tcpPort);
    server.take();
    Connection fourth(server.tcpPort);
    server.take();
    CHECK(!fourth.open());
    CHECK_EQUAL(server.counter(Counter::tcpRefused), 1);
    // Who proved something makes room for another.
    first.say(kStun);
    server.selectNext(server.id);
    server.take();
    Connection fifth(server.tcpPort);
    server.take();
    CHECK(fifth.open() && first.open());
  }
  server.take();
  CHECK_EQUAL(server.counter(Counter::tcpClosed), 4);

  options.tcp.maxPendingPerHost = 100;
  options.tcp.maxPending = 3;
  Server few(options);
  Connection first(few.tcpPort), second(few.tcpPort), third(few.tcpPort);
  few.take();
  second.say(kStun);
  few.selectNext(few.id);
  few.take();
  Connection fourth(few.tcpPort), fifth(few.tcpPort);
  few.take();
  // The one that waited longest for its proof is gone.
  CHECK(!first.open() && second.open() && third.open() && fourth.open() && fifth.open());

  options.tcp.maxPending = 100;
  options.tcp.maxConnections = 2;
  Server two(options);
  Connection one(two.tcpPort), other(two.tcpPort);
  two.take();
  for (Connection* each : {&one, &other}) {
    each->say(kStun);
    two.selectNext(two.id);
    two.take();
  }
  Connection late(two.tcpPort);
  two.take();
  CHECK(one.open() && other.open() && !late.open());
}

// Without a descriptor for it, a connection waits, and nobody spins.
TEST(tcp_without_file_descriptors_accepting_pauses) {
  Server server;
  Connection connection(server.tcpPort);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  int next = dup(server.engine->socketFd(server.tcp));
  ::close(next);
  none.rlim_cur = static_cast<rlim_t>(next);
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
  CHECK(server.readable());
  server.engine->receive(server.tcp, server.nowMs);
  CHECK(!server.readable());
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
  CHECK(server.engine->wantsSweep());
  CHECK_EQUAL(server.counter(Counter::tcpOpened), 0);
  server.sweepAt(server.nowMs + 1'000);
  server.take();
  CHECK_EQUAL(server.counter(Counter::tcpOpened), 1);
}

TEST(tcp_a_slow_reader_loses_media_but_not_answers_and_is_let_go) {
  TcpCall call(4096);
  call.connect();
  Server& server = call.server;
  Buffer payload(1200, 7);
  uint32_t extSeq = 100;
  auto sendMedia = [&](int packets) {
    for (int i = 0; i < packets; i++) writeTarget(server, i, server.id, extSeq++);
    int queued = 0;
    server.engine->fanout(payload.data(), payload.size(), packets, queued);
    server.engine->flush();
  };
  for (int i = 0; i < 100 && server.counter(Counter::sendTcpFull) == 0; i++) sendMedia(128);
  CHECK(server.counter(Counter::sendTcpFull) > 0);
  CHECK(server.counter(Counter::sendAgain) > 0);
  // Application data (records of DTLS) still has room.
  double full = server.counter(Counter::sendTcpFull);
  for (int i = 0; i < 5; i++) CHECK(server.engine->dtlsSend(server.id, payload.data(), 1000) == Outcome::yes);
  server.engine->flush();
  CHECK_EQUAL(server.counter(Counter::sendTcpFull), full);
  // All that was taken comes, frame by frame, once somebody reads.
  double before = server.counter(Counter::txPackets);
  bool ended = false;
  size_t records = 0;
  for (int i = 0; i < 50; i++) {
    for (const Buffer& frame : call.connection.readFrames(ended, 5)) records += frame[0] == 23;
    server.take(1);
  }
  CHECK_EQUAL(records, 5);
  CHECK_EQUAL(server.counter(Counter::txPackets), before);
  CHECK(!ended);
  sendMedia(1);
  CHECK_EQUAL(server.counter(Counter::sendTcpFull), full);
  // Not a byte for ten seconds.
  server.nowMs = 20'000;
  server.sweepAt(20'000);
  for (int i = 0; i < 10; i++) sendMedia(128);
  server.sweepAt(29'000);
  CHECK_EQUAL(server.counter(Counter::tcpStalled), 0);
  server.sweepAt(30'600);
  CHECK_EQUAL(server.counter(Counter::tcpStalled), 1);
}

// Peers that read nothing cannot take the memory from those who need little.
TEST(tcp_of_what_may_wait_an_equal_share_is_everybodys) {
  EngineOptions options;
  options.tcp.maxWaitingInAll = 512 * 1024;
  Server server(options);
  int tried = 0;
  // Answers the next datagram with `packets`; returns how many were refused, and dropped of others.
  auto say = [&](Connection& to, int packets) {
    double before = server.counter(Counter::sendTcpFull);
    std::memset(server.slab->scratch, 0x80, 1000);
    server.onRow = [&](int row) {
      for (int i = 0; i < packets; i++) CHECK(server.engine->reply(row, 0, 1000) == Outcome::yes);
    };
    to.say(kStun);
    server.take();
    server.onRow = nullptr;
    tried += packets;
    return server.counter(Counter::sendTcpFull) - before;
  };
  Connection greedy[] = {Connection(server.tcpPort, 4096), Connection(server.tcpPort, 4096),
                         Connection(server.tcpPort, 4096)};
  for (int round = 0; round < 5; round++) {
    for (Connection& connection : greedy) say(connection, 400);
  }
  Connection modest(server.tcpPort, 4096);
  server.take();
  // More than that waits for each of them, and no more fits.
  for (Connection& connection : greedy) CHECK_EQUAL(say(connection, 300), 300);
  say(modest, 100);
  bool ended = false;
  size_t heard = 0;
  auto drain = [&](Connection& connection) {
    size_t frames = 0;
    for (size_t last = 1; last > 0; server.take(5)) {
      last = connection.readFrames(ended, 20).size();
      frames += last;
    }
    return frames;
  };
  CHECK_EQUAL(drain(modest), 100);
  // What came to the others came whole.
  for (Connection& connection : greedy) heard += drain(connection);
  CHECK(!ended);
  CHECK_EQUAL(100 + heard + static_cast<size_t>(server.counter(Counter::sendTcpFull)), static_cast<size_t>(tried));
  CHECK(say(modest, 100) == 0 && say(greedy[0], 100) == 0);
}
