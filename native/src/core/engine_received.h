// Buffers of one recvmmsg call, shared by the parts of the engine.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <ctime>

#include "engine.h"

namespace rostra {

constexpr size_t slotOffset(int slot) { return static_cast<size_t>(slot) * kSlotBytes; }

struct Engine::Received {
  // Headers that point to their buffers already; recvmmsg changes only what `rearm` puts back.
  explicit Received(uint8_t* rx) {
    for (int i = 0; i < kMaxBatch; i++) {
      vectors[i] = {rx + static_cast<size_t>(i) * kSlotBytes, kMaxDatagram + 1};
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &names[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      header.msg_control = control[i];
    }
    rearm(kMaxBatch);
  }

  // For the first `count`: a call that filled no more left the others as they were.
  void rearm(int count) {
    for (int i = 0; i < count; i++) {
      messages[i].msg_hdr.msg_namelen = sizeof names[i];
      messages[i].msg_hdr.msg_controllen = sizeof control[i];
    }
  }

  // What the kernel says of datagram `i`: when it took it in, in ns of CLOCK_REALTIME, and how many this socket had no room for
  // until then, modulo 2^32. 0 when it does not say; of the latter it does not until there is one.
  void readControl(int i, uint32_t& overflown) {
    msghdr& header = messages[i].msg_hdr;
    arrivedNs[i] = 0;
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
      if (at->cmsg_level != SOL_SOCKET) continue;
      if (at->cmsg_type == SCM_TIMESTAMPNS && at->cmsg_len >= CMSG_LEN(sizeof(timespec))) {
        timespec time;
        std::memcpy(&time, CMSG_DATA(at), sizeof time);
        arrivedNs[i] = int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
      } else if (at->cmsg_type == SO_RXQ_OVFL && at->cmsg_len >= CMSG_LEN(sizeof overflown)) {
        std::memcpy(&overflown, CMSG_DATA(at), sizeof overflown);
      }
    }
  }

  mmsghdr messages[kMaxBatch] = {};
  iovec vectors[kMaxBatch];
  sockaddr_storage names[kMaxBatch];
  alignas(cmsghdr) uint8_t control[kMaxBatch][CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(uint32_t))];
  Address from[kMaxBatch];
  int64_t arrivedNs[kMaxBatch] = {};
  size_t lengths[kMaxBatch];
};

}  // namespace rostra
