#include "sockets.h"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace rostra {

namespace {

// A burst of one video keyframe to every subscriber has to fit.
constexpr int kSocketBuffer = 4 * 1024 * 1024;

void setOption(int fd, int option, int value) { setsockopt(fd, SOL_SOCKET, option, &value, sizeof value); }

int bindAndName(int fd, const addrinfo& info, BoundSocket& bound) {
  int on = 1;
  if (info.ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return errno;
  if (bind(fd, info.ai_addr, info.ai_addrlen) != 0) return errno;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) return errno;
  bound.fd = fd;
  bound.port = ntohs(addressFrom(name, 0).portBe);
  bound.family = info.ai_family == AF_INET6 ? 6 : 4;
  return 0;
}

// `prepare` and `finish` give 0 or an errno.
template <typename Prepare, typename Finish>
int openSocket(const char* host, uint16_t port, int type, BoundSocket& bound, Prepare prepare, Finish finish) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = type;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* info = nullptr;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &info) != 0) return EINVAL;
  int fd = socket(info->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = fd < 0 ? errno : prepare(fd);
  if (error == 0) error = bindAndName(fd, *info, bound);
  if (error == 0) error = finish(fd);
  if (error != 0 && fd >= 0) close(fd);
  freeaddrinfo(info);
  return error;
}

}  // namespace

int openUdp(const char* host, uint16_t port, BoundSocket& bound) {
  auto prepare = [](int fd) {
    // The kernel lowers the plain options to its own limit (net.core.rmem_max, wmem_max); who may administer the network may
    // go beyond it. What came of it, `bufferBytes` says.
    setOption(fd, SO_RCVBUF, kSocketBuffer);
    setOption(fd, SO_SNDBUF, kSocketBuffer);
    setOption(fd, SO_RCVBUFFORCE, kSocketBuffer);
    setOption(fd, SO_SNDBUFFORCE, kSocketBuffer);
    setOption(fd, SO_TIMESTAMPNS, 1);
    setOption(fd, SO_RXQ_OVFL, 1);
    return 0;
  };
  return openSocket(host, port, SOCK_DGRAM, bound, prepare, [](int) { return 0; });
}

int bufferBytes(int fd) {
  int receive = 0, send = 0;
  socklen_t length = sizeof receive;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, &length) != 0) return 0;
  length = sizeof send;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, &length) != 0) return 0;
  // The kernel tells twice of what it was asked for: half is for its own accounts (socket(7)).
  return std::min(receive, send) / 2;
}

int openTcp(const char* host, uint16_t port, int backlog, BoundSocket& bound) {
  // Or the connections of a worker that died would keep its successor from the port.
  auto prepare = [](int fd) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 ? 0 : errno;
  };
  auto finish = [backlog](int fd) { return ::listen(fd, backlog) == 0 ? 0 : errno; };
  return openSocket(host, port, SOCK_STREAM, bound, prepare, finish);
}

}  // namespace rostra
