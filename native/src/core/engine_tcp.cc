// From TCP connections to the slots that datagrams are read into; what follows is the same for both.
#include "engine.h"
#include "engine_received.h"
#include "packet.h"

namespace rostra {

// One read of each connection that has something: the event loop and the other sockets get their turn, and a
// connection that has more wakes it again.
void Engine::receiveTcp(TcpServer& tcp, int64_t nowMs) {
  uint32_t ready[TcpServer::kMaxReady];
  int count = tcp.poll(nowMs, ready), slots = 0;
  for (int i = 0; i < count && !closed_; i++) slots = readFrames(tcp, ready[i], slots, nowMs);
  if (slots > 0 && !closed_) takeBatch(slots, nowMs);
  if (!closed_) flush();
}

// `slots` are taken already; returns how many are then.
int Engine::readFrames(TcpServer& tcp, uint32_t id, int slots, int64_t nowMs) {
  Received& r = *received_;
  const uint8_t* at = nullptr;
  size_t left = 0;
  TcpServer::Connection* connection = tcp.find(id);
  if (connection == nullptr) return slots;
  TcpServer::Read read = tcp.read(*connection, nowMs, at, left);
  if (read == TcpServer::Read::ended) {
    // What it said before belongs to it.
    takeBatch(slots, nowMs);
    if (!closed_) tcp.end(id);
    return 0;
  }
  while (left > 0 && !closed_) {
    if (slots == kMaxBatch) {
      takeBatch(slots, nowMs);
      slots = 0;
    }
    // Connections end in `poll`, `sweep` and above only: this one is still there.
    Deframer::Step step = connection->deframer.next(at, left, slab_.rx + slotOffset(slots), r.lengths[slots]);
    if (step == Deframer::Step::more) break;
    slab_.add(Counter::rxPackets);
    if (step == Deframer::Step::frame) {
      slab_.add(Counter::rxBytes, static_cast<double>(r.lengths[slots]));
      r.arrivedNs[slots] = 0;
      r.from[slots++] = connection->address;
    } else {
      slab_.add(step == Deframer::Step::empty ? Counter::dropShort : Counter::dropOversize);
    }
    bool couldBeCheck = step == Deframer::Step::frame && r.lengths[slots - 1] >= shortest(PacketClass::stun);
    if (couldBeCheck || connection->admitted) continue;
    // Tiny frames cost the most per byte: who has yet to prove itself has nothing to say that is shorter than a check. The
    // proof may be among the frames before this one.
    takeBatch(slots, nowMs);
    slots = 0;
    if (closed_ || connection->admitted) continue;
    slab_.add(Counter::tcpMalformed);
    tcp.end(id);
    return 0;
  }
  return slots;
}

}  // namespace rostra
