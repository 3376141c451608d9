// Buffers of one recvmmsg call, shared by the parts of the engine.
#pragma once

#include "engine.h"

namespace rostra {

struct Engine::Received {
  mmsghdr messages[kMaxBatch];
  iovec vectors[kMaxBatch];
  sockaddr_storage names[kMaxBatch];
  Address from[kMaxBatch];
  size_t lengths[kMaxBatch];
};

}  // namespace rostra
