// DTLS: any sequence of datagrams, given to a server and a client in the middle of their handshakes and to
// one that is connected. None may connect, and the connected one yields no data.
//
// | which end | length, 2 bytes BE | datagram | length | datagram | …
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../src/core/dtls.h"

void fuzz_dtls(const uint8_t* bytes, size_t length);

namespace {

using namespace rostra;

struct End final : DatagramOut {
  std::unique_ptr<DtlsSession> session;
  std::vector<std::vector<uint8_t>> out;
  void dtlsDatagram(void*, const uint8_t* bytes, size_t length) override {
    if (out.size() < 64) out.emplace_back(bytes, bytes + length);
  }
  bool feed(const uint8_t* bytes, size_t length) {
    session->feed(bytes, length);
    uint8_t record[1536];
    return session->read(record, sizeof record) > 0;
  }
};

struct World {
  DtlsContext context;
  uint8_t digest[32] = {};
  World() {
    static const SrtpProfile profiles[] = {SrtpProfile::aeadAes128Gcm};
    std::string error;
    if (!context.init(profiles, 1, error)) std::abort();
    const std::string& text = context.fingerprint();
    for (size_t i = 0; i < 32; i++) digest[i] = static_cast<uint8_t>(std::stoi(text.substr(i * 3, 2), nullptr, 16));
  }
  std::unique_ptr<DtlsSession> session(DtlsRole role, End& end) {
    return DtlsSession::create(context, role, digest, sizeof digest, end, &end);
  }
};

// Both ends have the same certificate, so each one's fingerprint is right for the other.
std::unique_ptr<End> connected(World& world) {
  auto server = std::make_unique<End>();
  End client;
  client.session = world.session(DtlsRole::client, client);
  server->session = world.session(DtlsRole::server, *server);
  client.session->begin();
  for (int i = 0; i < 8; i++) {
    auto fromClient = std::move(client.out);
    client.out.clear();
    for (auto& datagram : fromClient) server->feed(datagram.data(), datagram.size());
    auto fromServer = std::move(server->out);
    server->out.clear();
    for (auto& datagram : fromServer) client.feed(datagram.data(), datagram.size());
  }
  if (server->session->state() != DtlsSession::State::connected) std::abort();
  return server;
}

}  // namespace

void fuzz_dtls(const uint8_t* bytes, size_t length) {
  static World world;
  static std::unique_ptr<End> established;
  if (length < 1) return;
  End fresh;
  End* victim = &fresh;
  if (bytes[0] % 3 == 2) {
    if (!established || established->session->state() != DtlsSession::State::connected) established = connected(world);
    victim = established.get();
  } else {
    fresh.session = world.session(bytes[0] % 3 == 0 ? DtlsRole::server : DtlsRole::client, fresh);
    fresh.session->begin();
  }
  for (size_t at = 1; at + 2 <= length;) {
    size_t size = static_cast<size_t>(bytes[at] << 8 | bytes[at + 1]);
    at += 2;
    if (size > length - at) size = length - at;
    // Of exact size, for AddressSanitizer.
    std::vector<uint8_t> datagram(bytes + at, bytes + at + size);
    if (victim->feed(datagram.data(), size)) std::abort();
    at += size;
  }
  victim->out.clear();
  if (victim == &fresh && fresh.session->state() == DtlsSession::State::connected) std::abort();
}
