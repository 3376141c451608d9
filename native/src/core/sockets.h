// Opening sockets.
#pragma once

#include <cstdint>

#include "address.h"

namespace rostra {

struct BoundSocket {
  int fd = -1;
  uint16_t port = 0;
  int family = 0;  // 4 or 6
};

// `host` is an IPv4 or IPv6 literal (with %scope for link-local addresses), `port` in host order, 0 = any.
// The socket does not block, is closed on exec, and an IPv6 one takes IPv6 only. Returns 0 or an errno;
// EINVAL when `host` is not a literal. With each datagram of a UDP socket the kernel tells when it arrived, and how
// many it had no room for, if it can.
int openUdp(const char* host, uint16_t port, BoundSocket& bound);
// The same for a TCP socket, which listens.
int openTcp(const char* host, uint16_t port, int backlog, BoundSocket& bound);
// What the system lets wait in a UDP socket each way, in bytes; the lesser.
int bufferBytes(int fd);

}  // namespace rostra
