// Framing, and an engine whose peers come over TCP.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../src/core/frames.h"
#include "side.h"

using namespace rostra;
using check::Buffer;
using check::kStun;
using check::Random;
using check::Side;

namespace {

Buffer framed(const Buffer& datagram) {
  Buffer out = {static_cast<uint8_t>(datagram.size() >> 8), static_cast<uint8_t>(datagram.size())};
  out.insert(out.end(), datagram.begin(), datagram.end());
  return out;
}

// An engine that listens on TCP too.
struct Server : Side {
  int tcp = 0;
  uint16_t tcpPort = 0;
  int32_t id;
  explicit Server(EngineOptions options = {}) : Side(options) {
    CHECK_EQUAL(engine->listenTcp("127.0.0.1", 0, tcp, tcpPort), 0);
    id = engine->allocate();
  }
  bool readable(int waitMs = 20) const {
    pollfd ready{engine->socketFd(tcp), POLLIN, 0};
    return poll(&ready, 1, waitMs) > 0;
  }
  void take(int waitMs = 20) {
    while (!engine->closed() && readable(waitMs)) engine->receive(tcp, nowMs);
  }
  void sweepAt(int64_t atMs) {
    nowMs = atMs;
    engine->sweep(atMs);
  }
  // The next check makes its connection this transport's.
  void selectNext(int32_t transport) {
    onRow = [this, transport](int row) {
      if (slab->meta[row * meta::stride + meta::kind] != static_cast<int>(Kind::stun)) return;
      CHECK(engine->select(transport, row, nowMs) == Outcome::yes);
      onRow = nullptr;
    };
  }
};

// A client's connection.
struct Connection {
  int fd;
  // `receiveBuffer` bounds what the kernel takes for a client that does not read.
  explicit Connection(uint16_t port, int receiveBuffer = 0) : fd(socket(AF_INET, SOCK_STREAM, 0)) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receiveBuffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQUAL(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Connection() { hangUp(); }
  Connection(const Connection&) = delete;
  void hangUp() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  void write(const Buffer& bytes) const { CHECK_EQUAL(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size()); }
  void say(const Buffer& datagram) const { write(framed(datagram)); }
  uint16_t port() const {
    sockaddr_in name{};
    socklen_t length = sizeof name;
    getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
    return ntohs(name.sin_port);
  }
  // What has come; `ended` when the server closed.
  Buffer read(bool& ended, int waitMs = 20) const {
    Buffer all;
    pollfd ready{fd, POLLIN, 0};
    while (poll(&ready, 1, waitMs) > 0) {
      uint8_t part[4096];
      ssize_t got = recv(fd, part, sizeof part, 0);
      ended = got <= 0;
      if (ended) break;
      all.insert(all.end(), part, part + got);
    }
    return all;
  }
  // The frames that were completed.
  std::vector<Buffer> readFrames(bool& ended, int waitMs = 20) {
    Buffer stream = read(ended, waitMs);
    std::vector<Buffer> out;
    const uint8_t* at = stream.data();
    size_t left = stream.size(), length = 0;
    for (;;) {
      Buffer frame(kMaxDatagram);
      Deframer::Step step = deframer.next(at, left, frame.data(), length);
      if (step == Deframer::Step::more) return out;
      CHECK(step == Deframer::Step::frame);
      frame.resize(length);
      out.push_back(frame);
    }
  }
  bool open() const {
    bool ended = false;
    read(ended);
    return !ended;
  }

 private:
  Deframer deframer;
};

void writeTarget(Side& side, int row, int32_t id, uint32_t extSeq) {
  uint32_t* t = side.slab->targets + row * target::stride;
  std::memset(t, 0, sizeof(uint32_t) * target::stride);
  t[target::transport] = static_cast<uint32_t>(id);
  t[target::ssrc] = 0xabcd;
  t[target::markerPt] = 96;
  t[target::extSeq] = extSeq;
}

// A client engine, whose UDP datagrams go over one TCP connection.
struct TcpCall {
  Server server;
  Side client;
  int32_t id;
  Connection connection;
  Side pipe;
  Buffer down;
  explicit TcpCall(int receiveBuffer = 0, EngineOptions options = {})
      : server(options), id(client.engine->allocate()), connection(server.tcpPort, receiveBuffer) {}

  void up() {
    client.engine->flush();
    uint8_t part[2048];
    pollfd ready{pipe.engine->socketFd(0), POLLIN, 0};
    while (poll(&ready, 1, 2) > 0) {
      ssize_t got = recv(ready.fd, part, sizeof part, 0);
      if (got > 0) connection.say(Buffer(part, part + got));
    }
    server.take(2);
  }
  void back() {
    bool ended = false;
    for (const Buffer& frame : connection.readFrames(ended, 2)) pipe.sendTo(client.port, frame);
    pipe.engine->flush();
    client.drain(2);
  }
  void connect() {
    client.onRow = [&](int row) { client.engine->select(id, row, 0); };
    pipe.sendTo(client.port, kStun);
    pipe.engine->flush();
    client.drain();
    client.onRow = nullptr;
    server.selectNext(server.id);
    client.sendTo(pipe.port, kStun);
    up();
    Buffer ours = server.digest(), theirs = client.digest();
    CHECK(server.engine->start(server.id, DtlsRole::server, theirs.data(), 32, 0) == Outcome::yes);
    CHECK(client.engine->start(id, DtlsRole::client, ours.data(), 32, 0) == Outcome::yes);
    for (int i = 0; i < 6; i++) {
      up();
      back();
    }
    CHECK_EQUAL(server.count(Kind::connected), 1);
    CHECK_EQUAL(client.count(Kind::connected), 1);
  }
};

}  // namespace

TEST(frames_come_out_whole_however_they_are_cut) {
  Random random(3);
  Buffer stream;
  std::vector<size_t> sizes = {1, 2, 20, 1499, 1500};
  for (size_t size : sizes) {
    Buffer frame = framed(random.bytes(size));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (size_t cut = 1; cut < stream.size(); cut += 13) {
    Deframer deframer;
    std::vector<size_t> seen;
    Buffer out(kMaxDatagram), joined;
    for (size_t from = 0; from < stream.size(); from += cut) {
      Buffer part(stream.begin() + static_cast<long>(from),
                  stream.begin() + static_cast<long>(std::min(from + cut, stream.size())));
      const uint8_t* at = part.data();
      size_t left = part.size(), length = 0;
      while (deframer.next(at, left, out.data(), length) == Deframer::Step::frame) {
        seen.push_back(length);
        joined.push_back(static_cast<uint8_t>(length >> 8));
        joined.push_back(static_cast<uint8_t>(length));
        joined.insert(joined.end(), out.begin(), out.begin() + static_cast<long>(length));
      }
    }
    CHECK(seen == sizes);
    CHECK_BYTES(joined, stream);
  }
}

TEST(tcp_a_whole_call_goes_over_one_connection) {
  TcpCall call;
  call.connect();
  Side& client = call.client;
  Server& server = call.server;
  Buffer payload(1000, 7);
  int queued = 0;
  for (int way = 0; way < 2; way++) {
    Side& from = way == 0 ? static_cast<Side&>(client) : server;
    for (int i = 0; i < 300; i++) writeTarget(from, i, way == 0 ? call.id : server.id, 65'500 + static_cast<uint32_t>(i));
    CHECK(from.engine->fanout(payload.data(), payload.size(), 300, queued) == Outcome::yes);
    CHECK_EQUAL(queued, 300);
    from.engine->flush();
    for (int i = 0; i < 10; i++) {
      call.up();
      call.back();
    }
  }
  CHECK_EQUAL(server.count(Kind::rtp), 300);
  CHECK_EQUAL(client.count(Kind::rtp), 300);
  CHECK_EQUAL(server.counter(Counter::dropSrtpAuth) + client.counter(Counter::dropSrtpAuth), 0);
  CHECK(server.engine->dtlsSend(server.id, payload.data(), 500) == Outcome::yes);
  CHECK(client.engine->dtlsSend(call.id, payload.data(), 700) == Outcome::yes);
  call.up();
  server.engine->flush();
  call.back();
  CHECK_EQUAL(client.rows.back().bytes.size(), 500);
  CHECK_EQUAL(server.rows.back().bytes.size(), 700);
  // The last words arrive, then the connection goes.
  CHECK(server.engine->free(server.id) == Outcome::yes);
  server.engine->flush();
  call.back();
  CHECK_EQUAL(client.rows.back().extra, static_cast<int>(CloseReason::alert));
  CHECK(call.connection.open());
  server.sweepAt(2'100);
  CHECK(!call.connection.open());
  CHECK_EQUAL(server.counter(Counter::tcpClosed), 1);
  CHECK(!server.engine->wantsSweep());
}

TEST(tcp_frames_that_are_no_datagrams_are_counted_and_the_stream_goes_on) {
  Server server;
  Connection connection(server.tcpPort);
  connection.write(framed({}));
  connection.say(Buffer(1501, 0));
  connection.say(Buffer(65'535, 0));
  connection.say(Buffer(1500, 0));
  // One byte at a time.
  for (uint8_t byte : framed(kStun)) {
    connection.write({byte});
    server.take(1);
  }
  server.take();
  CHECK_EQUAL(server.count(Kind::stun), 2);
  CHECK_EQUAL(server.rows[0].bytes.size(), 1500);
  CHECK_BYTES(server.rows[1].bytes, kStun);
  CHECK_EQUAL(server.counter(Counter::dropOversize), 2);
  CHECK_EQUAL(server.counter(Counter::dropShort), 1);
  CHECK_EQUAL(server.counter(Counter::rxPackets), 5);
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
    for (size_t length : {1u, 12u, 13u, 64u, 1200u}) {
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

// An address means one connection, not the next one from the same port.
TEST(tcp_what_was_sent_to_a_connection_never_reaches_the_next_one) {
  TcpCall call;
  call.connect();
  Server& server = call.server;
  uint16_t port = call.connection.port();
  linger abortive{1, 0};
  setsockopt(call.connection.fd, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
  call.connection.hangUp();
  server.take();
  CHECK_EQUAL(server.counter(Counter::tcpClosed), 1);
  writeTarget(server, 0, server.id, 1);
  int queued = 0;
  uint8_t payload[4] = {};
  CHECK(server.engine->fanout(payload, 4, 1, queued) == Outcome::yes);
  CHECK_EQUAL(queued, 0);
  CHECK_EQUAL(server.counter(Counter::sendNotConnected), 1);

  // The same port again.
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQUAL(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  name.sin_port = htons(server.tcpPort);
  CHECK_EQUAL(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  Buffer media = framed(Buffer(40, 0x80));
  CHECK_EQUAL(send(fd, media.data(), media.size(), 0), media.size());
  server.take();
  CHECK_EQUAL(server.counter(Counter::dropUnknownAddress), 1);
  // The transport moves to it by a check, as to any other address.
  Buffer check = framed(kStun);
  server.selectNext(server.id);
  CHECK_EQUAL(send(fd, check.data(), check.size(), 0), check.size());
  server.take();
  CHECK(server.engine->fanout(payload, 4, 1, queued) == Outcome::yes);
  CHECK_EQUAL(queued, 1);
  ::close(fd);
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

TEST(tcp_a_taken_port_is_an_error) {
  Server server;
  int index = 0;
  uint16_t port = 0;
  CHECK_EQUAL(server.engine->listenTcp("127.0.0.1", server.tcpPort, index, port), EADDRINUSE);
  CHECK_EQUAL(server.engine->listenTcp("nowhere", 0, index, port), EINVAL);
  // UDP has ports of its own.
  CHECK_EQUAL(server.engine->listen("127.0.0.1", server.tcpPort, index, port), 0);
}
