#include "engine.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>

#include "engine_received.h"

namespace rostra {

namespace {
uint64_t randomSeed() {
  uint64_t seed = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed) != 1) seed = 0x5bd1e995a3c59ac3ULL;
  return seed;
}
}  // namespace

Engine::Engine(Slab& slab, BatchSink& sink, const EngineOptions& options)
    : slab_(slab), sink_(sink), options_(options), seed_(randomSeed()), transports_(options.maxTransports),
      addresses_(seed_), received_(new Received(slab.rx)) {
  slab_.retain();
}

Engine::~Engine() {
  close();
  closeSockets();
  slab_.release();
}

bool Engine::init(std::string& error) {
  if (!algorithms_.load()) {
    error = "OpenSSL has no AES-128-GCM, AES-128-CTR or HMAC";
    return false;
  }
  return dtlsContext_.init(options_.profiles.data(), options_.profiles.size(), error);
}

int Engine::listen(const char* host, uint16_t port, int& index, uint16_t& boundPort) {
  if (sockets_.size() >= kMaxSockets) return EMFILE;
  BoundSocket bound;
  int error = openUdp(host, port, bound);
  if (error != 0) return error;
  index = static_cast<int>(sockets_.size());
  boundPort = bound.port;
  auto queue = std::make_unique<SendQueue>(bound.fd, slab_, supportsSegments(bound.fd), seed_, options_.sendMany);
  sockets_.push_back({.fd = bound.fd, .tcp = nullptr, .queue = std::move(queue)});
  return 0;
}

int Engine::listenTcp(const char* host, uint16_t port, int& index, uint16_t& boundPort) {
  if (sockets_.size() >= kMaxSockets) return EMFILE;
  auto tcp = std::make_unique<TcpServer>(slab_, *this, options_.tcp, seed_);
  index = static_cast<int>(sockets_.size());
  int error = tcp->open(host, port, static_cast<uint8_t>(index), boundPort);
  if (error != 0) return error;
  auto queue = std::make_unique<SendQueue>(*tcp, slab_);
  sockets_.push_back({.fd = -1, .tcp = std::move(tcp), .queue = std::move(queue)});
  return 0;
}

int Engine::bufferBytes(int64_t index) const {
  if (index < 0 || index >= static_cast<int64_t>(sockets_.size())) return 0;
  int fd = sockets_[static_cast<size_t>(index)].fd;
  return fd < 0 ? 0 : rostra::bufferBytes(fd);
}

int32_t Engine::allocate() {
  Transport* transport = closed_ ? nullptr : transports_.allocate();
  return transport != nullptr ? transport->id : -1;
}

Outcome Engine::lookup(int64_t id, Transport*& transport) {
  if (!transports_.wellFormed(id)) return Outcome::badId;
  transport = transports_.find(static_cast<uint32_t>(id));
  if (transport != nullptr) return Outcome::yes;
  slab_.add(Counter::staleId);
  return Outcome::stale;
}

Outcome Engine::allow(int64_t id, int64_t row) {
  if (row < 0 || row >= deliveringRows_) return Outcome::badRow;
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  return addAddress(*transport, rowAddresses_[row]) ? Outcome::yes : Outcome::no;
}

Outcome Engine::select(int64_t id, int64_t row, int64_t nowMs) {
  Outcome allowed = allow(id, row);
  if (allowed != Outcome::yes) return allowed;
  Transport& transport = *transports_.find(static_cast<uint32_t>(id));
  transport.selected = rowAddresses_[row];
  if (transport.started) beginHandshake(transport, nowMs);
  return Outcome::yes;
}

// An ICE check proves who sent it, not that its source address is real. So an address on which another
// transport has a connection, or has heard a handshake, stays with that one; otherwise the newest check wins.
bool Engine::addAddress(Transport& transport, const Address& address) {
  if (!address.valid()) return false;
  int32_t index = transports_.indexOf(transport);
  int32_t owner = addresses_.find(address);
  if (owner == index) return true;
  if (owner >= 0) {
    Transport& other = *transports_.at(owner);
    if (other.holds(address)) return false;
    forget(other, address);
  }
  if (transport.addressCount == kMaxAddresses) {
    bool oldestSelected = transport.addresses[0] == transport.selected;
    forget(transport, Address(transport.addresses[oldestSelected ? 1 : 0]));
  }
  transport.addresses[transport.addressCount++] = address;
  addresses_.set(address, index);
  if (TcpServer* tcp = sockets_[address.socket].tcp.get()) tcp->admit(address);
  return true;
}

Outcome Engine::link(int64_t id, const uint8_t* row, const LinkKeys& keys) {
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  Address to;
  if (!addressOf(row, to)) return Outcome::badRow;
  if (transport->started || transport->linked || transport->addressCount > 0) return Outcome::no;
  auto receiver = std::make_unique<SrtpReceiver>();
  auto sender = std::make_unique<SrtpCipher>();
  constexpr SrtpProfile profile = SrtpProfile::aeadAes128Gcm;
  if (!receiver->init(algorithms_, profile, keys.remoteKey, keys.remoteSalt) ||
      !sender->init(algorithms_, profile, keys.localKey, keys.localSalt, true) || !addAddress(*transport, to)) {
    return Outcome::no;
  }
  transport->receiver = std::move(receiver);
  transport->sender = std::move(sender);
  transport->selected = to;
  transport->linked = true;
  return Outcome::yes;
}

void Engine::forget(Transport& transport, const Address& address) {
  int kept = 0;
  for (int i = 0; i < transport.addressCount; i++) {
    if (!(transport.addresses[i] == address)) transport.addresses[kept++] = transport.addresses[i];
  }
  transport.addressCount = kept;
  if (transport.selected == address) transport.selected = Address{};
  if (transport.handshakeFrom == address) transport.handshakeFrom = Address{};
  eraseAddress(address);
}

void Engine::eraseAddress(const Address& address) {
  addresses_.erase(address);
  if (TcpServer* tcp = sockets_[address.socket].tcp.get()) tcp->release(address);
}

void Engine::tcpClosed(const Address& address) {
  int32_t owner = addresses_.find(address);
  if (owner >= 0) forget(*transports_.at(owner), address);
}

Outcome Engine::free(int64_t id) {
  Transport* transport = nullptr;
  Outcome found = lookup(id, transport);
  if (found != Outcome::yes) return found;
  if (transport->dtls) transport->dtls->shutdown();
  for (int i = 0; i < transport->addressCount; i++) eraseAddress(transport->addresses[i]);
  transports_.free(*transport);
  return Outcome::yes;
}

void Engine::flush() {
  for (Socket& socket : sockets_) {
    if (socket.queue) socket.queue->flush();
  }
}

bool Engine::wantsSweep() const {
  if (handshaking()) return true;
  for (const Socket& socket : sockets_) {
    if (socket.tcp && socket.tcp->live()) return true;
  }
  return false;
}

bool Engine::blocked(int socketIndex) const {
  const Socket& socket = sockets_[static_cast<size_t>(socketIndex)];
  return socket.queue && socket.queue->blocked();
}

void Engine::close() {
  if (closed_) return;
  closed_ = true;
  for (int32_t i = 0; i < transports_.capacity(); i++) {
    if (Transport* transport = transports_.at(i)) free(transport->id);
  }
  flush();
  handshaking_.clear();
  heldCount_ = 0;
}

void Engine::closeSockets() {
  for (Socket& socket : sockets_) {
    if (socket.fd >= 0) ::close(socket.fd);
    socket.fd = -1;
    socket.queue.reset();
    socket.tcp.reset();
  }
}

}  // namespace rostra
