#include <netinet/udp.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "../src/core/send_queue.h"
#include "check.h"

using namespace rostra;
using check::Buffer;
using check::Random;

namespace {

// Stands in for the kernel: takes `budget` messages in all, refuses segmentation for some ports.
struct Kernel {
  int budget = 1 << 30;
  int perCall = 1 << 30;
  uint16_t refuseSegmentsTo = 0;
  int refuseErrno = EINVAL;
  uint16_t refuseAllTo = 0;
  int segmented = 0, calls = 0;
  std::map<uint16_t, std::vector<Buffer>> received;
} kernel;

int fakeSend(int, mmsghdr* messages, unsigned int count, int) {
  kernel.calls++;
  int sent = 0;
  for (unsigned int i = 0; i < count; i++, sent++) {
    msghdr& header = messages[i].msg_hdr;
    sockaddr_in to;
    std::memcpy(&to, header.msg_name, sizeof to);
    CHECK(header.msg_namelen == sizeof to && to.sin_family == AF_INET);
    int error = 0;
    if (sent >= kernel.perCall) break;
    if (kernel.budget == 0) error = EAGAIN;
    if (to.sin_port == kernel.refuseAllTo) error = ENETUNREACH;
    if (header.msg_control != nullptr && to.sin_port == kernel.refuseSegmentsTo) error = kernel.refuseErrno;
    if (error != 0) {
      if (sent > 0) break;
      errno = error;
      return -1;
    }
    kernel.budget--;
    uint16_t size = 0;
    if (cmsghdr* control = CMSG_FIRSTHDR(&header)) {
      CHECK(control->cmsg_level == IPPROTO_UDP && control->cmsg_type == 103);
      std::memcpy(&size, CMSG_DATA(control), sizeof size);
      kernel.segmented++;
    }
    CHECK(header.msg_iovlen == 1 || size > 0);
    CHECK(header.msg_iovlen <= SendQueue::kMaxSegments);
    size_t total = 0;
    for (size_t v = 0; v < header.msg_iovlen; v++) {
      auto* at = static_cast<uint8_t*>(header.msg_iov[v].iov_base);
      // The kernel cuts at `size`: all but the last must have exactly that.
      if (size > 0) {
        CHECK(v + 1 == header.msg_iovlen ? header.msg_iov[v].iov_len <= size : header.msg_iov[v].iov_len == size);
      }
      total += header.msg_iov[v].iov_len;
      kernel.received[to.sin_port].emplace_back(at, at + header.msg_iov[v].iov_len);
    }
    CHECK(total <= SendQueue::kMaxSegmentedBytes);
  }
  return sent;
}

Address to(uint16_t port) {
  Address address;
  address.family = 4;
  address.portBe = port;
  address.ip[0] = 127;
  return address;
}

struct Fixture {
  Slab* slab = Slab::create();
  SendQueue queue;
  std::map<uint16_t, std::vector<Buffer>> expected;
  explicit Fixture(bool segments = true) : queue(-1, *slab, segments, 77, fakeSend) { kernel = Kernel{}; }
  ~Fixture() { slab->release(); }
  double counter(Counter which) const { return slab->counters[static_cast<int>(which)]; }
  bool put(uint16_t port, const Buffer& bytes) {
    uint8_t* out = queue.reserve(bytes.size());
    if (out == nullptr) return false;
    std::memcpy(out, bytes.data(), bytes.size());
    queue.commit(bytes.size(), to(port));
    expected[port].push_back(bytes);
    return true;
  }
  // Bursts to many destinations, mostly of one size.
  void burst(uint32_t seed, int packets, int ports) {
    Random random(seed);
    for (int i = 0; i < packets; i++) {
      size_t length = random.below(6) == 0 ? 1 + random.below(1500) : 1100;
      Buffer bytes = random.bytes(length);
      for (int port = 1; port <= ports; port++) put(static_cast<uint16_t>(port), bytes);
    }
  }
};

}  // namespace

TEST(queue_keeps_order_per_destination_with_and_without_segments) {
  for (bool segments : {true, false}) {
    Fixture f(segments);
    f.burst(1, 150, 20);
    CHECK(f.queue.flush());
    CHECK(kernel.received == f.expected);
    CHECK_EQUAL(f.counter(Counter::txPackets), 3000);
    CHECK(segments ? kernel.segmented > 0 : kernel.segmented == 0);
  }
}

TEST(queue_falls_back_where_a_route_refuses_segments) {
  for (int error : {EINVAL, EIO, EMSGSIZE}) {
    Fixture f;
    kernel.refuseSegmentsTo = 3;
    kernel.refuseErrno = error;
    f.burst(2, 40, 5);
    CHECK(f.queue.flush());
    CHECK(kernel.received == f.expected);
    // The second time it is not even tried for that destination: one call takes all.
    kernel.calls = 0;
    f.burst(3, 40, 5);
    CHECK(f.queue.flush());
    CHECK_EQUAL(kernel.calls, 1);
    CHECK(kernel.received == f.expected);
    CHECK_EQUAL(f.counter(Counter::sendError), 0);
  }
}

TEST(queue_segments_again_after_an_error_that_passes) {
  Fixture f;
  kernel.refuseSegmentsTo = 3;
  kernel.refuseErrno = ENOBUFS;
  f.burst(2, 40, 5);
  CHECK(f.queue.flush());
  CHECK(kernel.received == f.expected);
  kernel.refuseSegmentsTo = 0;
  kernel.segmented = 0;
  kernel.calls = 0;
  f.burst(3, 40, 5);
  CHECK(f.queue.flush());
  CHECK_EQUAL(kernel.calls, 1);
  // Seven groups for each of five destinations, the one that was refused among them.
  CHECK_EQUAL(kernel.segmented, 35);
  CHECK(kernel.received == f.expected);
}

TEST(queue_counts_what_one_destination_refuses_and_goes_on) {
  for (bool segments : {true, false}) {
    Fixture f(segments);
    kernel.refuseAllTo = 2;
    f.burst(4, 10, 3);
    CHECK(f.queue.flush());
    CHECK_EQUAL(f.counter(Counter::sendError), 10);
    f.expected.erase(2);
    CHECK(kernel.received == f.expected);
  }
}

TEST(queue_waits_when_the_socket_would_block) {
  for (bool segments : {true, false}) {
    Fixture f(segments);
    f.burst(5, 30, 7);
    kernel.budget = 11;
    kernel.perCall = 4;
    CHECK(!f.queue.flush());
    CHECK(f.queue.blocked());
    f.burst(6, 5, 7);
    kernel.budget = 1 << 30;
    CHECK(f.queue.flush());
    CHECK(!f.queue.blocked());
    CHECK(kernel.received == f.expected);
    CHECK(f.counter(Counter::sendAgain) >= 1);
  }
}

TEST(queue_would_block_in_the_middle_of_a_fallback) {
  Fixture f;
  kernel.refuseSegmentsTo = 2;
  f.burst(7, 20, 3);
  kernel.budget = 5;
  CHECK(!f.queue.flush());
  kernel.budget = 1 << 30;
  CHECK(f.queue.flush());
  CHECK(kernel.received == f.expected);
}

TEST(queue_is_bounded) {
  Fixture f;
  kernel.budget = 0;
  int taken = 0;
  for (int i = 0; i < 3000; i++) taken += f.put(static_cast<uint16_t>(1 + i % 9), Buffer(1200, static_cast<uint8_t>(i)));
  CHECK_EQUAL(taken, SendQueue::kMaxQueued);
  CHECK_EQUAL(f.counter(Counter::sendQueueFull), 3000 - taken);
  // Blocked: tried again by whoever waits for the socket, not once per datagram.
  CHECK(kernel.calls < 5);
  kernel.budget = 10;
  CHECK(!f.queue.flush());
  CHECK(f.put(1, Buffer(1200, 9)));
  kernel.budget = 1 << 30;
  CHECK(f.queue.flush());
  CHECK(kernel.received == f.expected);
}
