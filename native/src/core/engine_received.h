// Buffers of one recvmmsg call, shared by the parts of the engine.
#pragma once

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
    }
    rearm(kMaxBatch);
  }

  // For the first `count`: a call that filled no more left the others as they were.
  void rearm(int count) {
    for (int i = 0; i < count; i++) messages[i].msg_hdr.msg_namelen = sizeof names[i];
  }

  mmsghdr messages[kMaxBatch] = {};
  iovec vectors[kMaxBatch];
  sockaddr_storage names[kMaxBatch];
  Address from[kMaxBatch];
  size_t lengths[kMaxBatch];
};

}  // namespace rostra
