// The life of a DTLS association within the engine, and its data.
#include "crc32c.h"
#include "engine.h"
#include "engine_received.h"

namespace rostra {

Outcome Engine::start(int64_t id, DtlsRole role, const uint8_t* digest, size_t digestLength, int64_t nowMs) {
  if (digestLength != 32 && digestLength != 48 && digestLength != 64) return Outcome::badRange;
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  if (transport->started) return Outcome::yes;
  if (transport->linked) return Outcome::no;
  transport->dtls = DtlsSession::create(dtlsContext_, role, digest, digestLength, *this, transport);
  if (!transport->dtls) return Outcome::no;
  transport->started = true;
  transport->role = role;
  if (transport->selected.valid()) beginHandshake(*transport, nowMs);
  return Outcome::yes;
}

// The clock starts when there is somebody to talk to; waiting for ICE is not DTLS's time.
void Engine::beginHandshake(Transport& transport, int64_t nowMs) {
  if (transport.dtls->state() != DtlsSession::State::handshaking) return;
  if (transport.deadlineMs == 0) {
    transport.deadlineMs = nowMs + options_.handshakeTimeoutMs;
    handshaking_.push_back(transport.id);
  }
  // Should this fail at once, the next sweep reports it: rows are not delivered from within a call.
  if (transport.selected.valid()) transport.dtls->begin();
}

void Engine::onConnected(const Address& from, Transport& transport) {
  SrtpKeyMaterial keys;
  if (!transport.dtls->exportKeys(keys)) return transport.dtls->fail(CloseReason::handshake);
  if (keys.profile != SrtpProfile::none) {
    auto receiver = std::make_unique<SrtpReceiver>();
    auto sender = std::make_unique<SrtpCipher>();
    bool ok = receiver->init(algorithms_, keys.profile, keys.remoteKey, keys.remoteSalt) &&
              sender->init(algorithms_, keys.profile, keys.localKey, keys.localSalt, true);
    OPENSSL_cleanse(&keys.localKey, sizeof keys - offsetof(SrtpKeyMaterial, localKey));
    if (!ok) return transport.dtls->fail(CloseReason::handshake);
    transport.receiver = std::move(receiver);
    transport.sender = std::move(sender);
  }
  row(Kind::connected, 0, 0, transport.id, static_cast<int32_t>(keys.profile), from);
}

void Engine::reportClosed(const Address& from, Transport& transport) {
  if (transport.closedReported) return;
  transport.closedReported = true;
  row(Kind::closed, 0, 0, transport.id, static_cast<int32_t>(transport.dtls->closeReason()), from);
}

void Engine::sweep(int64_t nowMs) {
  std::vector<int32_t> open;
  open.swap(handshaking_);
  for (size_t i = 0; i < open.size(); i++) {
    // May run the callback, which may free the transport or start others.
    if (!room()) return;
    Transport* transport = transports_.find(static_cast<uint32_t>(open[i]));
    if (transport == nullptr) continue;
    if (nowMs >= transport->deadlineMs && transport->dtls->state() == DtlsSession::State::handshaking) {
      transport->dtls->fail(CloseReason::timeout);
    } else {
      transport->dtls->timeout();
    }
    if (transport->dtls->state() == DtlsSession::State::handshaking) {
      handshaking_.push_back(transport->id);
    } else if (transport->dtls->state() == DtlsSession::State::closed) {
      reportClosed(transport->selected, *transport);
    }
  }
  deliver();
  for (Socket& socket : sockets_) {
    if (socket.tcp && !closed_) socket.tcp->sweep(nowMs);
  }
  if (!closed_) flush();
}

// Sessions send through here: handshake flights, records and alerts.
void Engine::dtlsDatagram(void* owner, const uint8_t* bytes, size_t length) {
  auto* transport = static_cast<Transport*>(owner);
  enqueue(transport->selected.valid() ? transport->selected : transport->handshakeFrom, bytes, length);
}

Outcome Engine::dtlsSend(int64_t id, const uint8_t* bytes, size_t length) {
  if (length == 0 || length > kMaxDtlsPayload) return Outcome::badRange;
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  if (!transport->connected() || !transport->selected.valid()) {
    slab_.add(Counter::sendNotConnected);
    return Outcome::no;
  }
  if (transport->dtls->write(bytes, length)) return Outcome::yes;
  slab_.add(Counter::sendError);
  return Outcome::no;
}

Outcome Engine::sctpSend(int64_t id, uint8_t* packet, size_t length) {
  if (length > kMaxDtlsPayload || !writeSctpChecksum(packet, length)) return Outcome::badRange;
  return dtlsSend(id, packet, length);
}

}  // namespace rostra
