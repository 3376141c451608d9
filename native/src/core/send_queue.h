// Outgoing datagrams of one socket, gathered and sent many at a time.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>

#include "address.h"
#include "slab.h"

namespace rostra {

// Takes the datagrams of a queue that has no UDP socket of its own, in order; `flushed` after the last.
class DatagramSink {
 public:
  virtual void datagram(const Address& to, const uint8_t* bytes, size_t length) = 0;
  virtual void flushed() = 0;

 protected:
  ~DatagramSink() = default;
};

// sendmmsg(2); replaced in tests.
using SendMany = int (*)(int fd, mmsghdr* messages, unsigned int count, int flags);

// Bounded: 2,048 datagrams or 3 MiB. Filling it flushes it; what the kernel does not take then is dropped
// and counted. With `segments`, datagrams of one destination and size leave as one (UDP_SEGMENT).
class SendQueue {
 public:
  static constexpr int kMaxQueued = 2048;
  static constexpr size_t kArenaBytes = 3 * 1024 * 1024;
  static constexpr int kMaxSegments = 60;
  static constexpr size_t kMaxSegmentedBytes = 65'000;

  SendQueue(int fd, Slab& slab, bool segments, uint64_t seed, SendMany send = nullptr);
  SendQueue(DatagramSink& sink, Slab& slab);
  ~SendQueue();

  // Room for one datagram of at most `length` bytes, or null (counted) when the queue is full and the
  // kernel takes nothing. Valid until the next call of any method.
  uint8_t* reserve(size_t length);
  // Queues what was written to the reserved room.
  void commit(size_t length, const Address& to);
  // Sends. False when the socket would block and something is left: call again when it is writable.
  bool flush();
  bool blocked() const { return live_ > 0 && wouldBlock_; }

 private:
  struct Entry {
    Address to;
    uint32_t offset;
    uint16_t length;  // 0 once sent
    int16_t next;     // of the same group, -1 at its end
  };
  struct Group {
    int16_t first, last;
    int16_t count;
    bool open;
    uint32_t bytes;
  };
  struct Work;

  bool flushToSink();
  int buildGroups();
  void buildMessages(int groups);
  bool sendGroups(int groups);
  void settle(const Group& group, bool sent);
  bool fallBack(const Group& group, bool cannotSegment);
  void compact();
  void reset();
  bool room(size_t length) const { return count_ < kMaxQueued && used_ + length <= kArenaBytes; }

  int fd_;
  DatagramSink* sink_ = nullptr;
  Slab& slab_;
  bool segments_;
  SendMany send_;
  uint64_t seed_;
  int count_ = 0, live_ = 0;
  size_t used_ = 0;
  bool wouldBlock_ = false;
  // Destinations whose route refused segmentation.
  AddressMap unsegmented_;
  std::unique_ptr<uint8_t[]> arena_;
  std::unique_ptr<Work> work_;
};

// Whether this kernel knows UDP_SEGMENT (Linux 4.18).
bool supportsSegments(int fd);

}  // namespace rostra
