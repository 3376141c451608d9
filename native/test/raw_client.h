// A client of an engine on loopback that is not an engine itself: with its own socket, DTLS session and SRTP keys it can
// send whatever it likes.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dtls_end.h"
#include "side.h"

namespace check {

struct RawClient {
  Identity identity;
  Side& server;
  int32_t id;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  std::unique_ptr<End> end;
  // What is put on the wire in place of a datagram of the handshake.
  std::function<Buffer(const Buffer&)> rewrite = [](const Buffer& datagram) { return datagram; };

  explicit RawClient(Side& side) : server(side), id(side.engine->allocate()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQUAL(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    end = std::make_unique<End>(identity, DtlsRole::client, server.digest());
  }
  ~RawClient() { ::close(fd); }

  void send(const Buffer& datagram) {
    CHECK_EQUAL(::send(fd, datagram.data(), datagram.size(), 0), datagram.size());
    server.drain(2);
  }

  // Does the handshake, as far as the server goes along. @param digest of the certificate that the server expects
  void handshake(const Buffer& digest) {
    server.onRow = [this](int row) { CHECK(server.engine->select(id, row, server.nowMs) == Outcome::yes); };
    send(kStun);
    server.onRow = nullptr;
    CHECK(server.engine->start(id, DtlsRole::server, digest.data(), 32, server.nowMs) == Outcome::yes);
    end->session->begin();
    for (int round = 0; round < 6; round++) {
      std::vector<Buffer> out;
      out.swap(end->out);
      for (const Buffer& datagram : out) send(rewrite(datagram));
      uint8_t bytes[2048];
      for (ssize_t length; (length = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;) {
        end->feed(Buffer(bytes, bytes + length));
      }
    }
  }
};

}  // namespace check
