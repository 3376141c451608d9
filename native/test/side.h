// One engine with a UDP socket on loopback, and what it delivered.
#pragma once

#include <poll.h>

#include <cstring>
#include <functional>
#include <memory>

#include "../src/core/engine.h"
#include "check.h"

namespace check {

using namespace rostra;

struct Row {
  Kind kind;
  int32_t transport, extra, waitedUs;
  Buffer bytes;
};

struct Side : BatchSink {
  Slab* slab = Slab::create();
  std::unique_ptr<Engine> engine;
  std::vector<Row> rows;
  std::function<void(int)> onRow;
  int largestBatch = 0, socket = 0;
  uint16_t port = 0;
  int64_t nowMs = 1000;

  explicit Side(EngineOptions options = {}) {
    engine = std::make_unique<Engine>(*slab, *this, options);
    std::string error;
    CHECK(engine->init(error));
    CHECK_EQUAL(engine->listen("127.0.0.1", 0, socket, port), 0);
  }
  virtual ~Side() {
    engine.reset();
    slab->release();
  }
  void onBatch(int count) override {
    largestBatch = std::max(largestBatch, count);
    CHECK(count > 0 && count <= kMaxBatch);
    for (int i = 0; i < count; i++) {
      const int32_t* m = slab->meta + i * meta::stride;
      const uint8_t* at = slab->rx + m[meta::offset];
      rows.push_back({static_cast<Kind>(m[meta::kind]), m[meta::transport], m[meta::extra], m[meta::waitedUs],
                      Buffer(at, at + m[meta::length])});
      if (onRow) onRow(i);
    }
  }
  // Reads until nothing has come for a moment.
  void drain(int waitMs = 5) {
    pollfd readable{engine->socketFd(socket), POLLIN, 0};
    while (!engine->closed() && poll(&readable, 1, waitMs) > 0) engine->receive(socket, nowMs);
    engine->flush();
  }
  double counter(Counter which) const { return slab->counters[static_cast<int>(which)]; }
  int count(Kind kind) const {
    int n = 0;
    for (const Row& row : rows) n += row.kind == kind;
    return n;
  }
  Buffer digest() const { return check::hex(engine->fingerprint().c_str()); }
  void sendTo(uint16_t toPort, const Buffer& bytes) {
    uint8_t row[24] = {4, static_cast<uint8_t>(socket), static_cast<uint8_t>(toPort >> 8), static_cast<uint8_t>(toPort),
                       127, 0, 0, 1};
    if (!bytes.empty()) std::memcpy(slab->scratch, bytes.data(), bytes.size());
    CHECK(engine->sendTo(row, 0, bytes.size()) == Outcome::yes);
  }
};

// Looks like a check to who only sorts.
inline const Buffer kStun(20, 0);

}  // namespace check
