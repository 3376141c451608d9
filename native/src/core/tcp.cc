#include "tcp.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "packet.h"
#include "sockets.h"

namespace rostra {

namespace {

constexpr int kBacklog = 512;
constexpr int kAcceptsPerWakeUp = 64;
constexpr int64_t kSweepMs = 500;
// The kernel holds little more than what is under way: what waits shall wait here, where it is bounded and counted.
constexpr int kUnsentInKernel = 64 * 1024;
// Buffers that grew larger for a burst are given back.
constexpr size_t kKeptBytes = 16 * 1024;

void prepare(int fd) {
  int on = 1, unsent = kUnsentInKernel;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

bool isMedia(uint8_t first) { return first >> 6 == 2; }

}  // namespace

TcpServer::TcpServer(Slab& slab, TcpOwner& owner, const TcpLimits& limits, uint64_t seed)
    : slab_(slab), owner_(owner), limits_(limits), seed_(seed), buffer_(new uint8_t[kReadBytes]) {}

TcpServer::~TcpServer() {
  for (Slot& slot : slots_) {
    if (slot.connection) close(slot.connection->fd);
  }
  if (listen_ >= 0) close(listen_);
  if (epoll_ >= 0) close(epoll_);
}

int TcpServer::open(const char* host, uint16_t port, uint8_t index, uint16_t& boundPort) {
  BoundSocket bound;
  int error = openTcp(host, port, kBacklog, bound);
  if (error != 0) return error;
  index_ = index;
  listen_ = bound.fd;
  boundPort = bound.port;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, listen_, &event) != 0) return errno;
  return 0;
}

int TcpServer::poll(int64_t nowMs, uint32_t* readable) {
  nowMs_ = nowMs;
  epoll_event events[kMaxReady];
  int found = epoll_wait(epoll_, events, kMaxReady, 0), count = 0;
  for (int i = 0; i < found; i++) {
    uint32_t id = events[i].data.u32;
    if (id == 0) {
      acceptSome();
      continue;
    }
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    if ((events[i].events & EPOLLOUT) != 0 && connection->blocked) {
      watch(*connection, false);
      push(*connection);
    }
    // Errors show themselves by reading.
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) readable[count++] = id;
  }
  return count;
}

TcpServer::Read TcpServer::read(Connection& connection, int64_t nowMs, const uint8_t*& bytes, size_t& length) {
  ssize_t got = recv(connection.fd, buffer_.get(), kReadBytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return Read::nothing;
  if (got <= 0) return Read::ended;
  connection.heardMs = nowMs;
  bytes = buffer_.get();
  length = static_cast<size_t>(got);
  return Read::bytes;
}

// --- connections -------------------------------------------------------------------------------------

void TcpServer::acceptSome() {
  for (int i = 0; i < kAcceptsPerWakeUp; i++) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    int fd = accept4(listen_, reinterpret_cast<sockaddr*>(&name), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      // Without a descriptor for it a connection stays in the backlog, and the socket readable: wait for better times.
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return pauseAccepting(true);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      continue;
    }
    take(fd, addressFrom(name, index_));
  }
}

void TcpServer::take(int fd, const Address& from) {
  if (!from.valid() || !makeRoom(from)) {
    slab_.add(Counter::tcpRefused);
    close(fd);
    return;
  }
  uint32_t index = static_cast<uint32_t>(slots_.size());
  if (freeSlots_.empty()) {
    slots_.emplace_back();
  } else {
    index = freeSlots_.back();
    freeSlots_.pop_back();
  }
  Slot& slot = slots_[index];
  uint32_t id = slot.generation << 16 | index;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = id;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    freeSlots_.push_back(index);
    slab_.add(Counter::tcpRefused);
    close(fd);
    return;
  }
  prepare(fd);
  slot.connection = std::make_unique<Connection>();
  Connection& connection = *slot.connection;
  connection.fd = fd;
  connection.address = from;
  connection.address.scope = id;
  connection.deadlineMs = nowMs_ + limits_.pendingMs;
  connection.heardMs = connection.movedMs = nowMs_;
  connection.pending = true;
  pendingIds_.push_back(id);
  pendingCount_++;
  pendingByHost_[hostOf(from)]++;
  count_++;
  slab_.add(Counter::tcpOpened);
}

bool TcpServer::makeRoom(const Address& from) {
  auto ofHost = pendingByHost_.find(hostOf(from));
  if (ofHost != pendingByHost_.end() && ofHost->second >= limits_.maxPendingPerHost) return false;
  bool full = count_ >= std::min(limits_.maxConnections, 0xffff);
  while (!pendingIds_.empty()) {
    uint32_t oldest = pendingIds_.front();
    Connection* connection = find(oldest);
    bool stays = connection != nullptr && connection->pending;
    if (stays && !full && pendingCount_ < limits_.maxPending) return true;
    pendingIds_.pop_front();
    if (!stays) continue;
    slab_.add(Counter::tcpExpired);
    end(oldest);
    return true;
  }
  return !full;
}

void TcpServer::end(uint32_t id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Address address = connection->address;
  leavePending(*connection);
  waiting_ -= connection->waiting();
  // Takes it out of the epoll set too.
  close(connection->fd);
  Slot& slot = slots_[id & 0xffff];
  slot.connection.reset();
  slot.generation = slot.generation == 0xffff ? 1 : slot.generation + 1;
  freeSlots_.push_back(id & 0xffff);
  count_--;
  slab_.add(Counter::tcpClosed);
  if (paused_) pauseAccepting(false);
  owner_.tcpClosed(address);
}

void TcpServer::pauseAccepting(bool paused) {
  epoll_event event{};
  if (!paused) event.events = EPOLLIN;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, listen_, &event);
  paused_ = paused;
}

void TcpServer::admit(const Address& address) {
  Connection* connection = find(address.scope);
  if (connection == nullptr) return;
  connection->admitted = true;
  leavePending(*connection);
}

void TcpServer::release(const Address& address) {
  Connection* connection = find(address.scope);
  if (connection == nullptr) return;
  connection->admitted = false;
  connection->deadlineMs = nowMs_ + limits_.farewellMs;
}

void TcpServer::leavePending(Connection& connection) {
  if (!connection.pending) return;
  connection.pending = false;
  pendingCount_--;
  auto ofHost = pendingByHost_.find(hostOf(connection.address));
  if (--ofHost->second == 0) pendingByHost_.erase(ofHost);
}

// Hashes that collide share what they may have.
uint32_t TcpServer::hostOf(const Address& address) const {
  Address host;
  host.family = address.family;
  std::memcpy(host.ip, address.ip, address.family == 6 ? 8 : 4);
  return hashAddress(host, seed_);
}

void TcpServer::sweep(int64_t nowMs) {
  nowMs_ = nowMs;
  if (nowMs < nextSweepMs_) return;
  nextSweepMs_ = nowMs + kSweepMs;
  if (paused_) pauseAccepting(false);
  for (uint32_t index = 0; index < slots_.size(); index++) {
    const Connection* connection = slots_[index].connection.get();
    if (connection == nullptr) continue;
    bool stalled = connection->waiting() > 0 && nowMs - connection->movedMs >= limits_.stalledMs;
    bool expired = connection->admitted ? nowMs - connection->heardMs >= limits_.silentMs : nowMs >= connection->deadlineMs;
    if (!stalled && !expired) continue;
    slab_.add(stalled ? Counter::tcpStalled : Counter::tcpExpired);
    end(connection->address.scope);
  }
  std::erase_if(pendingIds_, [&](uint32_t id) {
    const Connection* connection = find(id);
    return connection == nullptr || !connection->pending;
  });
}

// --- sending -----------------------------------------------------------------------------------------

void TcpServer::datagram(const Address& to, const uint8_t* bytes, size_t length) {
  Connection* connection = find(to.scope);
  if (connection == nullptr || connection->broken) return slab_.add(Counter::sendError);
  size_t frame = kFrameHeaderBytes + length;
  size_t most = isMedia(bytes[0]) ? kMaxMediaWaiting : kMaxWaiting;
  if (connection->waiting() + frame > most) push(*connection);
  // Whole frames only: half of one would make the rest of the stream unreadable.
  if (connection->waiting() + frame > most || !claimRoom(*connection, frame)) return slab_.add(Counter::sendTcpFull);
  if (connection->waiting() == 0) connection->movedMs = nowMs_;
  if (connection->sent > connection->out.size() / 2) {
    connection->out.erase(connection->out.begin(), connection->out.begin() + static_cast<long>(connection->sent));
    connection->nextFrame -= connection->sent;
    connection->sent = 0;
  }
  uint8_t header[kFrameHeaderBytes];
  write16(header, static_cast<uint16_t>(length));
  connection->out.insert(connection->out.end(), header, header + sizeof header);
  connection->out.insert(connection->out.end(), bytes, bytes + length);
  waiting_ += frame;
  slab_.add(Counter::txPackets);
  slab_.add(Counter::txBytes, static_cast<double>(length));
  if (connection->dirty) return;
  connection->dirty = true;
  dirty_.push_back(to.scope);
}

// Whether `frame` bytes more may wait for `connection`. Of what all may have, an equal share is everybody's for certain.
bool TcpServer::claimRoom(const Connection& connection, size_t frame) {
  const size_t most = limits_.maxWaitingInAll;
  if (waiting_ + frame <= most) return true;
  if (connection.waiting() + frame > most / static_cast<size_t>(count_)) return false;
  Connection* largest = nullptr;
  for (const Slot& slot : slots_) {
    Connection* other = slot.connection.get();
    if (other != nullptr && (largest == nullptr || other->waiting() > largest->waiting())) largest = other;
  }
  if (largest == nullptr || largest == &connection) return false;
  discard(*largest);
  return waiting_ + frame <= most;
}

// Drops what waits, but for the rest of the frame that has begun.
void TcpServer::discard(Connection& connection) {
  std::vector<uint8_t>& out = connection.out;
  size_t dropped = 0;
  for (size_t at = connection.nextFrame; at < out.size(); at += kFrameHeaderBytes + read16(out.data() + at)) dropped++;
  slab_.add(Counter::sendTcpFull, static_cast<double>(dropped));
  waiting_ -= out.size() - connection.nextFrame;
  std::vector<uint8_t>(out.begin() + static_cast<long>(connection.sent),
                       out.begin() + static_cast<long>(connection.nextFrame)).swap(out);
  connection.nextFrame = out.size();
  connection.sent = 0;
}

void TcpServer::flushed() {
  for (uint32_t id : dirty_) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    connection->dirty = false;
    push(*connection);
  }
  dirty_.clear();
}

// Never ends a connection: callers hold addresses of it. One that broke is readable, and ends there.
void TcpServer::push(Connection& connection) {
  while (connection.waiting() > 0 && !connection.blocked && !connection.broken) {
    ssize_t sent = send(connection.fd, connection.out.data() + connection.sent, connection.waiting(),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      connection.sent += static_cast<size_t>(sent);
      while (connection.nextFrame < connection.sent) {
        connection.nextFrame += kFrameHeaderBytes + read16(connection.out.data() + connection.nextFrame);
      }
      connection.movedMs = nowMs_;
      waiting_ -= static_cast<size_t>(sent);
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      slab_.add(Counter::sendAgain);
      watch(connection, true);
    } else if (sent == 0 || errno != EINTR) {
      connection.broken = true;
    }
  }
  if (connection.waiting() > 0) return;
  connection.sent = connection.nextFrame = 0;
  if (connection.out.capacity() > kKeptBytes) {
    std::vector<uint8_t>().swap(connection.out);
  } else {
    connection.out.clear();
  }
}

void TcpServer::watch(Connection& connection, bool blocked) {
  connection.blocked = blocked;
  epoll_event event{};
  event.events = EPOLLIN;
  if (blocked) event.events |= EPOLLOUT;
  event.data.u32 = connection.address.scope;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

}  // namespace rostra
