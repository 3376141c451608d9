// An engine that listens on TCP, and clients of it.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>

#include "../src/core/frames.h"
#include "side.h"

namespace check {


inline Buffer framed(const Buffer& datagram) {
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

inline void writeTarget(Side& side, int row, int32_t id, uint32_t extSeq) {
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

}  // namespace check
