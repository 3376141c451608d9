#include "udp.h"

#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace rostra {

namespace {

// A burst of one video keyframe to every subscriber has to fit. The kernel lowers it to its own limit.
constexpr int kSocketBuffer = 4 * 1024 * 1024;

int bindAndName(int fd, const addrinfo& info, BoundSocket& bound) {
  int on = 1, size = kSocketBuffer;
  if (info.ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return errno;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (bind(fd, info.ai_addr, info.ai_addrlen) != 0) return errno;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) return errno;
  bound.fd = fd;
  bound.port = ntohs(addressFrom(name, 0).portBe);
  bound.family = info.ai_family == AF_INET6 ? 6 : 4;
  return 0;
}

}  // namespace

int openUdp(const char* host, uint16_t port, BoundSocket& bound) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* info = nullptr;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &info) != 0) return EINVAL;
  int fd = socket(info->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = fd < 0 ? errno : bindAndName(fd, *info, bound);
  if (error != 0 && fd >= 0) close(fd);
  freeaddrinfo(info);
  return error;
}

}  // namespace rostra
