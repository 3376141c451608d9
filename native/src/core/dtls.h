// DTLS 1.2 over datagrams that somebody else carries (RFC 6347), with SRTP key export (RFC 5764).
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "slab.h"
#include "srtp_cipher.h"

namespace rostra {

enum class DtlsRole { client, server };

// Takes the datagrams that a session sends. `owner` is what the session was made with.
class DatagramOut {
 public:
  virtual void dtlsDatagram(void* owner, const uint8_t* bytes, size_t length) = 0;

 protected:
  ~DatagramOut() = default;
};

struct SslDelete {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(BIO_METHOD* p) const { BIO_meth_free(p); }
};

// What all sessions of an engine share: a self-signed ECDSA P-256 certificate made here, and settings.
class DtlsContext {
 public:
  // `profiles` in order of preference. False, with one line in `error`, when OpenSSL refuses.
  bool init(const SrtpProfile* profiles, size_t count, std::string& error);
  // SHA-256 of the certificate, upper-case hex with colons.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  friend class DtlsSession;
  std::unique_ptr<BIO_METHOD, SslDelete> method_;
  std::unique_ptr<SSL_CTX, SslDelete> context_;
  std::string fingerprint_;
};

struct SrtpKeyMaterial {
  SrtpProfile profile = SrtpProfile::none;
  uint8_t localKey[16], localSalt[14], remoteKey[16], remoteSalt[14];
};

class DtlsSession {
 public:
  enum class State { handshaking, connected, closed };

  // `digest` of `digestLength` bytes (32, 48 or 64) is what the peer's certificate must have. The session
  // sends nothing yet. Returns null when OpenSSL is out of memory.
  static std::unique_ptr<DtlsSession> create(const DtlsContext& context, DtlsRole role, const uint8_t* digest,
                                             size_t digestLength, DatagramOut& out, void* owner);
  ~DtlsSession();
  DtlsSession(const DtlsSession&) = delete;
  DtlsSession& operator=(const DtlsSession&) = delete;

  State state() const { return state_; }
  // Meaningful once `closed`.
  CloseReason closeReason() const { return reason_; }

  // Client: sends the ClientHello. Server: nothing.
  void begin();

  enum class Fed { taken, dropped };
  // Gives one datagram to the session and moves the handshake on. The bytes must stay until the last
  // `read` that follows. Does not throw; `dropped` when nothing of the datagram was looked at.
  Fed feed(const uint8_t* bytes, size_t length);

  // Next application-data record of the fed datagram: its length, 0 when there is none (any more).
  // May move the state to `closed`.
  size_t read(uint8_t* out, size_t capacity);

  // One application-data record. False when not connected or OpenSSL fails.
  bool write(const uint8_t* bytes, size_t length);

  // Retransmits a lost flight when its time has come. May move the state to `closed`.
  void timeout();

  // close_notify, if there is a connection to close.
  void shutdown();
  // Ends it without a word.
  void fail(CloseReason reason);

  // After `connected`: keys of both directions (RFC 5764 §4.2).
  // With profile none, and no keys, when the peer offered no profile of ours: it has data channels only.
  bool exportKeys(SrtpKeyMaterial& keys);

 private:
  friend class DtlsContext;
  DtlsSession() = default;
  static int bioRead(BIO* bio, char* out, int length);
  static int bioWrite(BIO* bio, const char* bytes, int length);
  static long bioControl(BIO* bio, int command, long number, void* pointer);
  static int verify(X509_STORE_CTX* store, void* unused);
  static unsigned int nextTimer(SSL* ssl, unsigned int previousUs);
  // How much of the datagram, whole records from its front, the handshake may see.
  size_t admit(const uint8_t* bytes, size_t length);
  void advance();
  // Gets record buffers again if they were given back. False when OpenSSL is out of memory.
  bool haveBuffers();

  std::unique_ptr<SSL, SslDelete> ssl_;
  DatagramOut* out_ = nullptr;
  void* owner_ = nullptr;
  const uint8_t* in_ = nullptr;
  size_t inLength_ = 0;
  State state_ = State::handshaking;
  CloseReason reason_ = CloseReason::handshake;
  DtlsRole role_ = DtlsRole::server;
  bool fingerprintMismatch_ = false;
  bool begun_ = false;
  // Most sessions only make keys: those do not keep the record buffers, which are half of what OpenSSL has of a session.
  bool carriesData_ = false;
  bool buffersFreed_ = false;
  uint8_t digestLength_ = 0;
  uint8_t digest_[64] = {};
  int earlyRecords_ = 0;
  int handshakeRecords_ = 0;
};

}  // namespace rostra
