#include "send_queue.h"

#include <netinet/udp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace rostra {

namespace {
constexpr int kHeads = 2 * SendQueue::kMaxQueued;
constexpr size_t kMaxUnsegmented = 4096;
constexpr unsigned int kMaxMessages = 1024;  // UIO_MAXIOV

int sendMany(int fd, mmsghdr* messages, unsigned int count, int flags) {
  return sendmmsg(fd, messages, count, flags);
}
}  // namespace

struct SendQueue::Work {
  Entry entries[kMaxQueued];
  Group groups[kMaxQueued];
  int16_t heads[kHeads];  // last group of a destination, by hash
  mmsghdr messages[kMaxQueued];
  iovec vectors[kMaxQueued];
  sockaddr_in6 names[kMaxQueued];
  alignas(cmsghdr) uint8_t control[kMaxQueued][CMSG_SPACE(sizeof(uint16_t))];
};

bool supportsSegments(int fd) {
  int off = 0;
  return setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
}

SendQueue::SendQueue(int fd, Slab& slab, bool segments, uint64_t seed, SendMany send)
    : fd_(fd), slab_(slab), segments_(segments), send_(send != nullptr ? send : sendMany), seed_(seed),
      unsegmented_(seed), arena_(new uint8_t[kArenaBytes]), work_(new Work) {}

SendQueue::SendQueue(DatagramSink& sink, Slab& slab) : SendQueue(-1, slab, false, 0) { sink_ = &sink; }

SendQueue::~SendQueue() = default;

uint8_t* SendQueue::reserve(size_t length) {
  if (!room(length)) {
    // A socket that would block is tried again after the batch and when it is writable, not per datagram.
    if (!blocked()) flush();
    if (count_ > live_) compact();
    if (!room(length)) {
      slab_.add(Counter::sendQueueFull);
      return nullptr;
    }
  }
  return arena_.get() + used_;
}

void SendQueue::commit(size_t length, const Address& to) {
  Entry& entry = work_->entries[count_++];
  entry.to = to;
  entry.offset = static_cast<uint32_t>(used_);
  entry.length = static_cast<uint16_t>(length);
  // Rounded up so that every datagram starts aligned.
  used_ += (length + 15) & ~static_cast<size_t>(15);
  live_++;
}

bool SendQueue::flush() {
  if (live_ == 0) return true;
  if (sink_ != nullptr) return flushToSink();
  wouldBlock_ = false;
  int groups = buildGroups();
  buildMessages(groups);
  bool all = sendGroups(groups);
  if (all) reset();
  return all;
}

bool SendQueue::flushToSink() {
  for (int i = 0; i < count_; i++) {
    const Entry& entry = work_->entries[i];
    sink_->datagram(entry.to, arena_.get() + entry.offset, entry.length);
  }
  reset();
  sink_->flushed();
  return true;
}

// Datagrams of one destination stay in order: a group takes the next one only while it is that
// destination's last group. A shorter datagram ends a group; the kernel cuts all others to one size.
int SendQueue::buildGroups() {
  Work& w = *work_;
  int groups = 0;
  // At most half full, and no larger than that: a flush of a few datagrams touches a few cache lines.
  uint32_t heads = std::bit_ceil(static_cast<uint32_t>(2 * count_));
  if (segments_) std::memset(w.heads, 0xff, heads * sizeof w.heads[0]);
  for (int16_t i = 0; i < count_; i++) {
    Entry& entry = w.entries[i];
    if (entry.length == 0) continue;
    entry.next = -1;
    int16_t* head = nullptr;
    if (segments_) {
      uint32_t at = hashAddress(entry.to, seed_) & (heads - 1);
      while (w.heads[at] >= 0 && !(w.entries[w.groups[w.heads[at]].first].to == entry.to)) at = (at + 1) & (heads - 1);
      head = &w.heads[at];
      if (*head >= 0) {
        Group& group = w.groups[*head];
        uint16_t size = w.entries[group.first].length;
        if (group.open && entry.length <= size && group.count < kMaxSegments &&
            group.bytes + entry.length <= kMaxSegmentedBytes) {
          w.entries[group.last].next = i;
          group.last = i;
          group.count++;
          group.bytes += entry.length;
          group.open = entry.length == size;
          continue;
        }
      }
    }
    bool open = segments_ && (unsegmented_.size() == 0 || unsegmented_.find(entry.to) < 0);
    if (head != nullptr) *head = static_cast<int16_t>(groups);
    w.groups[groups++] = {i, i, 1, open, entry.length};
  }
  return groups;
}

void SendQueue::buildMessages(int groups) {
  Work& w = *work_;
  int vector = 0;
  for (int g = 0; g < groups; g++) {
    const Group& group = w.groups[g];
    msghdr& header = w.messages[g].msg_hdr;
    std::memset(&header, 0, sizeof header);
    header.msg_name = &w.names[g];
    header.msg_namelen = writeSockaddr(w.entries[group.first].to, w.names[g]);
    header.msg_iov = &w.vectors[vector];
    header.msg_iovlen = static_cast<size_t>(group.count);
    for (int e = group.first; e >= 0; e = w.entries[e].next) {
      w.vectors[vector++] = {arena_.get() + w.entries[e].offset, w.entries[e].length};
    }
    if (group.count > 1) {
      header.msg_control = w.control[g];
      header.msg_controllen = sizeof w.control[g];
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = IPPROTO_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      std::memcpy(CMSG_DATA(control), &w.entries[group.first].length, sizeof(uint16_t));
    }
  }
}

bool SendQueue::sendGroups(int groups) {
  Work& w = *work_;
  for (int at = 0; at < groups;) {
    unsigned int count = std::min(static_cast<unsigned int>(groups - at), kMaxMessages);
    int sent = send_(fd_, &w.messages[at], count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      for (int i = 0; i < sent; i++) settle(w.groups[at + i], true);
      at += sent;
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      slab_.add(Counter::sendAgain);
      wouldBlock_ = true;
      return false;
    }
    // The first message was refused.
    if (w.groups[at].count > 1) {
      bool cannotSegment = errno == EINVAL || errno == EIO || errno == EMSGSIZE;
      if (!fallBack(w.groups[at], cannotSegment)) return false;
    } else {
      settle(w.groups[at], false);
    }
    at++;
  }
  return true;
}

void SendQueue::settle(const Group& group, bool sent) {
  Work& w = *work_;
  for (int e = group.first; e >= 0; e = w.entries[e].next) {
    if (w.entries[e].length == 0) continue;
    w.entries[e].length = 0;
    live_--;
  }
  if (sent) {
    slab_.add(Counter::txPackets, group.count);
    slab_.add(Counter::txBytes, group.bytes);
  } else {
    slab_.add(Counter::sendError, group.count);
  }
}

// Sends the group one by one. Where the route cannot segment (EINVAL, EMSGSIZE: a segment above its MTU, EIO: no checksum
// offload) it is not tried again for this destination; other errors (no route, no memory) pass.
bool SendQueue::fallBack(const Group& group, bool cannotSegment) {
  Work& w = *work_;
  if (cannotSegment) {
    if (unsegmented_.size() >= kMaxUnsegmented) unsegmented_.clear();
    unsegmented_.set(w.entries[group.first].to, 0);
  }
  for (int16_t e = group.first; e >= 0;) {
    Entry& entry = w.entries[e];
    int16_t next = entry.next;
    iovec vector = {arena_.get() + entry.offset, entry.length};
    sockaddr_in6 name;
    mmsghdr message{};
    message.msg_hdr.msg_name = &name;
    message.msg_hdr.msg_namelen = writeSockaddr(entry.to, name);
    message.msg_hdr.msg_iov = &vector;
    message.msg_hdr.msg_iovlen = 1;
    int sent = send_(fd_, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      slab_.add(Counter::sendAgain);
      wouldBlock_ = true;
      return false;
    }
    // Out of its chain, so that settling this one leaves the rest.
    entry.next = -1;
    settle({e, e, 1, false, entry.length}, sent == 1);
    e = next;
  }
  return true;
}

// After the kernel took a part: moves what is left to the front.
void SendQueue::compact() {
  if (live_ == 0) return reset();
  Work& w = *work_;
  int kept = 0;
  size_t used = 0;
  for (int i = 0; i < count_; i++) {
    Entry entry = w.entries[i];
    if (entry.length == 0) continue;
    std::memmove(arena_.get() + used, arena_.get() + entry.offset, entry.length);
    entry.offset = static_cast<uint32_t>(used);
    used += (entry.length + 15) & ~static_cast<size_t>(15);
    w.entries[kept++] = entry;
  }
  count_ = kept;
  used_ = used;
}

void SendQueue::reset() {
  count_ = 0;
  live_ = 0;
  used_ = 0;
  wouldBlock_ = false;
}

}  // namespace rostra
