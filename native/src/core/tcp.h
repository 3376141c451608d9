// A listening TCP socket and the connections made to it: passive ICE candidates (RFC 6544 §4.1).
//
// To the engine a connection is an address: its `scope` is the connection's id, with a generation, so that an address
// never means the next connection from the same port. Everything here is bounded: connections, those that have proved
// nothing yet (in all, and per host), time without proof, bytes that wait for a slow reader. When all together wait for
// too much, who waits for the most pays for who has less than an equal share.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "address.h"
#include "frames.h"
#include "send_queue.h"
#include "slab.h"

namespace rostra {

struct TcpLimits {
  int maxConnections = 8192;
  // Connections whose address belongs to no transport. When there are more, the oldest goes; per host (an IPv4 address
  // or an IPv6 /64), the newest is refused.
  int maxPending = 1024;
  int maxPendingPerHost = 128;
  int64_t pendingMs = 10'000;
  // Once its transport is gone: time for its last words.
  int64_t farewellMs = 1'000;
  // ICE checks every connection it may still use more often than that.
  int64_t silentMs = 60'000;
  // A peer that takes nothing for so long, while something waits.
  int64_t stalledMs = 10'000;
  // Bytes that wait for slow readers, of all connections.
  size_t maxWaitingInAll = 64 * 1024 * 1024;
};

// Hears that a connection has ended, by the peer or by a limit.
class TcpOwner {
 public:
  virtual void tcpClosed(const Address& address) = 0;

 protected:
  ~TcpOwner() = default;
};

class TcpServer final : public DatagramSink {
 public:
  static constexpr int kMaxReady = 64;
  static constexpr size_t kReadBytes = 16 * 1024;
  // Of one connection; the last part is for what is not media: answers to checks must reach a slow reader too.
  static constexpr size_t kMaxWaiting = 256 * 1024;
  static constexpr size_t kMaxMediaWaiting = kMaxWaiting - 16 * 1024;

  struct Connection {
    int fd = -1;
    Address address;
    // Its address belongs to a transport.
    bool admitted = false;
    // In the list of those that have proved nothing since they came.
    bool pending = false;
    bool blocked = false, dirty = false, broken = false;
    int64_t deadlineMs = 0;  // while not admitted
    int64_t heardMs = 0;
    int64_t movedMs = 0;  // when the kernel last took something of what waited
    Deframer deframer;
    // Frames; up to `sent` they are with the kernel, and at `nextFrame` the first one begins of which nothing is.
    std::vector<uint8_t> out;
    size_t sent = 0, nextFrame = 0;
    size_t waiting() const { return out.size() - sent; }
  };

  TcpServer(Slab& slab, TcpOwner& owner, const TcpLimits& limits, uint64_t seed);
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  // As `openUdp`. `index` is the socket's number in addresses.
  int open(const char* host, uint16_t port, uint8_t index, uint16_t& boundPort);
  // Readable when there is something for `poll`.
  int fd() const { return epoll_; }

  // Takes new connections and sends what waited; writes the ids of connections with bytes to read, and returns how
  // many: at most kMaxReady.
  int poll(int64_t nowMs, uint32_t* readable);
  Connection* find(uint32_t id) {
    uint32_t index = id & 0xffff;
    if (index >= slots_.size() || slots_[index].generation != id >> 16) return nullptr;
    return slots_[index].connection.get();
  }
  // Reads once, at most kReadBytes, valid until the next call. `ended`: nothing will ever come again.
  enum class Read { bytes, nothing, ended };
  Read read(Connection& connection, int64_t nowMs, const uint8_t*& bytes, size_t& length);
  // Closes and tells the owner.
  void end(uint32_t id);

  // The address belongs to a transport, or no longer.
  void admit(const Address& address);
  void release(const Address& address);

  // Ends connections whose time is up. To be called about every 50 ms while `live()`.
  void sweep(int64_t nowMs);
  bool live() const { return count_ > 0 || paused_; }
  int count() const { return count_; }

  // Queues a frame for the connection of `to`; `flushed` sends what was queued.
  void datagram(const Address& to, const uint8_t* bytes, size_t length) override;
  void flushed() override;

 private:
  struct Slot {
    std::unique_ptr<Connection> connection;
    uint32_t generation = 1;
  };

  void acceptSome();
  void take(int fd, const Address& from);
  bool makeRoom(const Address& from);
  void pauseAccepting(bool paused);
  void push(Connection& connection);
  bool claimRoom(const Connection& connection, size_t frame);
  void discard(Connection& connection);
  void watch(Connection& connection, bool blocked);
  void leavePending(Connection& connection);
  uint32_t hostOf(const Address& address) const;

  Slab& slab_;
  TcpOwner& owner_;
  TcpLimits limits_;
  uint64_t seed_;
  uint8_t index_ = 0;
  int listen_ = -1, epoll_ = -1;
  bool paused_ = false;
  int64_t nowMs_ = 0, nextSweepMs_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> freeSlots_;
  int count_ = 0, pendingCount_ = 0;
  // In the order of their coming; those that left it early are skipped.
  std::deque<uint32_t> pendingIds_;
  std::unordered_map<uint32_t, int> pendingByHost_;
  std::vector<uint32_t> dirty_;
  size_t waiting_ = 0;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace rostra
