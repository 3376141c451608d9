// Framing, and an engine whose peers come over TCP.
#include <cerrno>

#include "tcp_side.h"

using namespace rostra;
using namespace check;

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

TEST(tcp_frames_of_a_peer_that_are_no_datagrams_are_counted_and_the_stream_goes_on) {
  Server server;
  Connection connection(server.tcpPort);
  connection.say(kStun);
  server.selectNext(server.id);
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
  CHECK_EQUAL(server.count(Kind::stun), 3);
  CHECK_EQUAL(server.rows[1].bytes.size(), 1500);
  CHECK_BYTES(server.rows[2].bytes, kStun);
  CHECK_EQUAL(server.counter(Counter::dropOversize), 2);
  CHECK_EQUAL(server.counter(Counter::dropShort), 1);
  CHECK_EQUAL(server.counter(Counter::rxPackets), 6);
  CHECK_EQUAL(server.counter(Counter::tcpMalformed), 0);
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

TEST(tcp_a_taken_port_is_an_error) {
  Server server;
  int index = 0;
  uint16_t port = 0;
  CHECK_EQUAL(server.engine->listenTcp("127.0.0.1", server.tcpPort, index, port), EADDRINUSE);
  CHECK_EQUAL(server.engine->listenTcp("nowhere", 0, index, port), EINVAL);
  // UDP has ports of its own.
  CHECK_EQUAL(server.engine->listen("127.0.0.1", server.tcpPort, index, port), 0);
}
