// One end of a DTLS association without sockets, and what carries datagrams between two.
#pragma once

#include <cstring>
#include <memory>

#include "../src/core/dtls.h"
#include "check.h"

namespace check {

using namespace rostra;

inline const SrtpProfile kBoth[] = {SrtpProfile::aeadAes128Gcm, SrtpProfile::aes128CmSha1_80};

struct Identity {
  DtlsContext context;
  Buffer digest;
  explicit Identity(std::initializer_list<SrtpProfile> profiles = {kBoth[0], kBoth[1]}) {
    std::string error;
    CHECK(context.init(profiles.begin(), profiles.size(), error));
    digest = check::hex(context.fingerprint().c_str());
    CHECK_EQUAL(digest.size(), 32);
  }
};

// One end: a session, what it wants to send, what it read.
struct End final : DatagramOut {
  std::unique_ptr<DtlsSession> session;
  std::vector<Buffer> out, read, sentOnce;
  End(Identity& self, DtlsRole role, const Buffer& peerDigest) {
    session = DtlsSession::create(self.context, role, peerDigest.data(), peerDigest.size(), *this, this);
    CHECK(session != nullptr);
  }
  virtual ~End() = default;
  void dtlsDatagram(void* owner, const uint8_t* bytes, size_t length) override {
    CHECK(owner == this);
    CHECK(length <= 1200 || session->state() == DtlsSession::State::connected);
    out.emplace_back(bytes, bytes + length);
  }
  DtlsSession::Fed feed(const Buffer& datagram) {
    // Of exact size, for AddressSanitizer.
    std::unique_ptr<uint8_t[]> bytes(new uint8_t[datagram.size()]);
    if (!datagram.empty()) std::memcpy(bytes.get(), datagram.data(), datagram.size());
    DtlsSession::Fed fed = session->feed(bytes.get(), datagram.size());
    uint8_t record[1536];
    while (size_t length = session->read(record, sizeof record)) read.emplace_back(record, record + length);
    return fed;
  }
  bool connected() const { return session->state() == DtlsSession::State::connected; }
  bool closed() const { return session->state() == DtlsSession::State::closed; }
};

// Carries datagrams until both are silent; `lose` says which are lost.
template <class Lose>
void carry(End& a, End& b, Lose lose) {
  while (!a.out.empty() || !b.out.empty()) {
    std::vector<Buffer> fromA, fromB;
    fromA.swap(a.out);
    fromB.swap(b.out);
    for (const Buffer& datagram : fromA) {
      a.sentOnce.push_back(datagram);
      if (!lose(true)) b.feed(datagram);
    }
    for (const Buffer& datagram : fromB) {
      b.sentOnce.push_back(datagram);
      if (!lose(false)) a.feed(datagram);
    }
  }
}
inline void carry(End& a, End& b) {
  carry(a, b, [](bool) { return false; });
}

struct Pair {
  Identity clientIdentity, serverIdentity;
  End client{clientIdentity, DtlsRole::client, serverIdentity.digest};
  End server{serverIdentity, DtlsRole::server, clientIdentity.digest};
  void connect() {
    client.session->begin();
    carry(client, server);
    CHECK(client.connected() && server.connected());
  }
};

}  // namespace check
