#include "dtls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

#include "packet.h"

namespace rostra {

namespace {

constexpr long kMtu = 1200;
constexpr size_t kRecordHeaderBytes = 13;
constexpr uint8_t kApplicationData = 23;
// Records of the next epoch that arrive before the keys do are kept by OpenSSL, up to 100 of 17 KiB each.
// A peer that lost nothing sends one; this many allow for retransmissions of its last flight.
constexpr int kMaxEarlyRecords = 24;
// Far above what a handshake with every flight lost several times needs.
constexpr int kMaxHandshakeRecords = 2000;

// Before these versions SSL_free_buffers may free what is still in use (CVE-2024-4741). Node brings newer ones; one that
// is linked with the system's OpenSSL may not.
bool canFreeBuffers() {
  static const bool can = [] {
    unsigned long version = OpenSSL_version_num();
    unsigned long major = version >> 28, minor = (version >> 20) & 0xff, patch = (version >> 4) & 0xff;
    constexpr unsigned long kFixed[] = {14, 6, 2, 1};
    return major > 3 || (major == 3 && (minor > 3 || patch >= kFixed[minor]));
  }();
  return can;
}

}  // namespace

std::unique_ptr<DtlsSession> DtlsSession::create(const DtlsContext& context, DtlsRole role, const uint8_t* digest,
                                                 size_t digestLength, DatagramOut& out, void* owner) {
  if (digestLength != 32 && digestLength != 48 && digestLength != 64) return nullptr;
  std::unique_ptr<DtlsSession> session(new DtlsSession());
  session->ssl_.reset(SSL_new(context.context_.get()));
  BIO* bio = session->ssl_ ? BIO_new(context.method_.get()) : nullptr;
  if (bio == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  SSL* ssl = session->ssl_.get();
  session->out_ = &out;
  session->owner_ = owner;
  session->role_ = role;
  session->digestLength_ = static_cast<uint8_t>(digestLength);
  std::memcpy(session->digest_, digest, digestLength);
  BIO_set_data(bio, session.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, session.get());
  SSL_set_mtu(ssl, kMtu);
  DTLS_set_timer_cb(ssl, nextTimer);
  if (role == DtlsRole::client) {
    SSL_set_connect_state(ssl);
  } else {
    SSL_set_accept_state(ssl);
  }
  return session;
}

DtlsSession::~DtlsSession() = default;

int DtlsSession::bioRead(BIO* bio, char* out, int length) {
  auto* session = static_cast<DtlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (session->inLength_ == 0 || length <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // As with a socket, a read takes a whole datagram and what does not fit is lost.
  size_t taken = std::min(session->inLength_, static_cast<size_t>(length));
  std::memcpy(out, session->in_, taken);
  session->in_ = nullptr;
  session->inLength_ = 0;
  return static_cast<int>(taken);
}

int DtlsSession::bioWrite(BIO* bio, const char* bytes, int length) {
  auto* session = static_cast<DtlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (length > 0) {
    session->out_->dtlsDatagram(session->owner_, reinterpret_cast<const uint8_t*>(bytes),
                                static_cast<size_t>(length));
  }
  return length;
}

long DtlsSession::bioControl(BIO* bio, int command, long, void*) {
  auto* session = static_cast<DtlsSession*>(BIO_get_data(bio));
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_PENDING:
      return static_cast<long>(session->inLength_);
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
      return kMtu;
    default:
      return 0;  // no overhead, no pending output, no read timer
  }
}

// Runs inside the handshake: returning 0 makes OpenSSL send a fatal alert, so a peer with the wrong
// certificate never gets as far as keys (RFC 8122 §6.2).
int DtlsSession::verify(X509_STORE_CTX* store, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* session = static_cast<DtlsSession*>(SSL_get_app_data(ssl));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  const EVP_MD* algorithm = session->digestLength_ == 32   ? EVP_sha256()
                            : session->digestLength_ == 48 ? EVP_sha384()
                                                           : EVP_sha512();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (certificate != nullptr && X509_digest(certificate, algorithm, digest, &length) == 1 &&
      length == session->digestLength_ && CRYPTO_memcmp(digest, session->digest_, length) == 0) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  session->fingerprintMismatch_ = true;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

// RFC 6347 §4.2.4.1 suggests 1 s at first; media peers are near, and a second of silence at the start of a
// call is long. Doubling as it asks, up to 3.2 s.
unsigned int DtlsSession::nextTimer(SSL*, unsigned int previousUs) {
  if (previousUs == 0) return 100'000;
  return std::min(previousUs * 2, 3'200'000u);
}

void DtlsSession::begin() {
  if (begun_ || role_ != DtlsRole::client || state_ != State::handshaking) return;
  begun_ = true;
  advance();
}

// Looks at the record headers before OpenSSL does, while the handshake runs:
//  0      1         3       5                     11      13
// +------+---------+-------+---------------------+-------+
// | type | version | epoch | sequence number     | length|
// +------+---------+-------+---------------------+-------+
size_t DtlsSession::admit(const uint8_t* bytes, size_t length) {
  for (size_t at = 0; at + kRecordHeaderBytes <= length;) {
    uint16_t epoch = read16(bytes + at + 3);
    // Application data before the end of the handshake would be kept and delivered later.
    if (bytes[at] == kApplicationData) return at;
    if (epoch > 0 && ++earlyRecords_ > kMaxEarlyRecords) return at;
    if (++handshakeRecords_ > kMaxHandshakeRecords) return at;
    at += kRecordHeaderBytes + read16(bytes + at + 11);
  }
  return length;
}

DtlsSession::Fed DtlsSession::feed(const uint8_t* bytes, size_t length) {
  if (state_ == State::closed) return Fed::dropped;
  if (state_ == State::handshaking) {
    if (role_ == DtlsRole::client && !begun_) return Fed::dropped;
    length = admit(bytes, length);
    if (length == 0) return Fed::dropped;
    begun_ = true;
  }
  in_ = bytes;
  inLength_ = length;
  if (state_ == State::handshaking) advance();
  return Fed::taken;
}

void DtlsSession::advance() {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    state_ = State::connected;
    return;
  }
  int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  fail(fingerprintMismatch_ ? CloseReason::fingerprint : CloseReason::handshake);
}

bool DtlsSession::haveBuffers() {
  if (buffersFreed_) buffersFreed_ = SSL_alloc_buffers(ssl_.get()) != 1;
  return !buffersFreed_;
}

size_t DtlsSession::read(uint8_t* out, size_t capacity) {
  if (state_ != State::connected) return 0;
  ERR_clear_error();
  int result = haveBuffers() ? SSL_read(ssl_.get(), out, static_cast<int>(capacity)) : -1;
  if (result > 0) {
    carriesData_ = true;
    return static_cast<size_t>(result);
  }
  int error = SSL_get_error(ssl_.get(), result);
  in_ = nullptr;
  inLength_ = 0;
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    fail(CloseReason::alert);
  } else if (!carriesData_ && canFreeBuffers()) {
    // Refuses while something is left in them.
    buffersFreed_ = SSL_free_buffers(ssl_.get()) == 1;
  }
  return 0;
}

bool DtlsSession::write(const uint8_t* bytes, size_t length) {
  if (state_ != State::connected || length == 0) return false;
  ERR_clear_error();
  carriesData_ = true;
  int result = haveBuffers() ? SSL_write(ssl_.get(), bytes, static_cast<int>(length)) : -1;
  if (result > 0) return true;
  ERR_clear_error();
  return false;
}

void DtlsSession::timeout() {
  if (state_ != State::handshaking || !begun_) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_.get()) < 0) fail(CloseReason::timeout);
}

void DtlsSession::shutdown() {
  if (state_ != State::connected) return;
  ERR_clear_error();
  if (haveBuffers()) SSL_shutdown(ssl_.get());
  fail(CloseReason::alert);
}

void DtlsSession::fail(CloseReason reason) {
  ERR_clear_error();
  state_ = State::closed;
  reason_ = reason;
  in_ = nullptr;
  inLength_ = 0;
}

// | client key 16 | server key 16 | client salt | server salt |
bool DtlsSession::exportKeys(SrtpKeyMaterial& keys) {
  static const char label[] = "EXTRACTOR-dtls_srtp";
  SRTP_PROTECTION_PROFILE* selected = SSL_get_selected_srtp_profile(ssl_.get());
  if (state_ != State::connected) return false;
  if (selected == nullptr) return true;
  keys.profile = static_cast<SrtpProfile>(selected->id);
  size_t salt = masterSaltBytes(keys.profile);
  uint8_t material[2 * (16 + 14)];
  if (SSL_export_keying_material(ssl_.get(), material, 2 * (16 + salt), label, sizeof label - 1, nullptr, 0, 0) != 1) {
    ERR_clear_error();
    return false;
  }
  bool client = role_ == DtlsRole::client;
  std::memcpy(client ? keys.localKey : keys.remoteKey, material, 16);
  std::memcpy(client ? keys.remoteKey : keys.localKey, material + 16, 16);
  std::memcpy(client ? keys.localSalt : keys.remoteSalt, material + 32, salt);
  std::memcpy(client ? keys.remoteSalt : keys.localSalt, material + 32 + salt, salt);
  OPENSSL_cleanse(material, sizeof material);
  return true;
}

}  // namespace rostra
