#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "dtls.h"

namespace rostra {

namespace {

struct KeyDelete {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDelete>;
using Certificate = std::unique_ptr<X509, KeyDelete>;

constexpr long kDay = 24 * 60 * 60;
// Longest certificate message a peer may send; also bounds what a handshake may buffer.
constexpr long kMaxCertificateBytes = 16 * 1024;

Key makeKey() {
  std::unique_ptr<EVP_PKEY_CTX, KeyDelete> context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) != 1 ||
      EVP_PKEY_CTX_set_ec_param_enc(context.get(), OPENSSL_EC_NAMED_CURVE) != 1 ||
      EVP_PKEY_keygen(context.get(), &key) != 1) {
    return nullptr;
  }
  return Key(key);
}

// Valid from yesterday, so that a peer whose clock is behind takes it, for a year. Peers check the
// fingerprint only (RFC 8122).
Certificate makeCertificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  uint64_t serial = 0;
  if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return nullptr;
  X509* x = certificate.get();
  X509_NAME* name = X509_get_subject_name(x);
  auto text = reinterpret_cast<const unsigned char*>("rostra");
  bool ok = X509_set_version(x, 2) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(x), -kDay) != nullptr &&
            X509_gmtime_adj(X509_getm_notAfter(x), 365 * kDay) != nullptr && X509_set_pubkey(x, key) == 1 &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
            X509_set_issuer_name(x, name) == 1 && X509_sign(x, key, EVP_sha256()) != 0;
  return ok ? std::move(certificate) : nullptr;
}

std::string fingerprintOf(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1) return "";
  static const char hex[] = "0123456789ABCDEF";
  std::string text;
  for (unsigned int i = 0; i < length; i++) {
    if (i > 0) text += ':';
    text += hex[digest[i] >> 4];
    text += hex[digest[i] & 15];
  }
  return text;
}

std::string profileNames(const SrtpProfile* profiles, size_t count) {
  std::string names;
  for (size_t i = 0; i < count; i++) {
    if (!names.empty()) names += ':';
    names += profiles[i] == SrtpProfile::aeadAes128Gcm ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80";
  }
  return names;
}

}  // namespace

bool DtlsContext::init(const SrtpProfile* profiles, size_t count, std::string& error) {
  ERR_clear_error();
  auto refuse = [&](const char* step) {
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    error = std::string("cannot set up DTLS (") + step + "): " + reason;
    return false;
  };
  method_.reset(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "rostra datagram"));
  if (!method_ || BIO_meth_set_read(method_.get(), DtlsSession::bioRead) != 1 ||
      BIO_meth_set_write(method_.get(), DtlsSession::bioWrite) != 1 ||
      BIO_meth_set_ctrl(method_.get(), DtlsSession::bioControl) != 1) {
    return refuse("BIO");
  }
  context_.reset(SSL_CTX_new(DTLS_method()));
  if (!context_) return refuse("context");
  SSL_CTX* ctx = context_.get();
  Key key = makeKey();
  Certificate certificate = key ? makeCertificate(key.get()) : nullptr;
  if (!certificate) return refuse("certificate");
  if (SSL_CTX_use_certificate(ctx, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) {
    return refuse("certificate");
  }
  fingerprint_ = fingerprintOf(certificate.get());

  // RFC 8827 §6.5 requires the first; the CBC suites are for peers of its time.
  static const char ciphers[] =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
      "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
      "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA";
  if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, ciphers) != 1 ||
      SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
    return refuse("ciphers");
  }
  // Returns 0 on success, unlike its neighbours.
  if (count > 0 && SSL_CTX_set_tlsext_use_srtp(ctx, profileNames(profiles, count).c_str()) != 0) return refuse("use_srtp");
  SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                               SSL_OP_SINGLE_ECDH_USE | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  // Write buffers are as large as this allows, 16 KiB unless it is said.
  if (SSL_CTX_set_max_send_fragment(ctx, kMaxDtlsPayload) != 1) return refuse("fragment");
  SSL_CTX_set_max_cert_list(ctx, kMaxCertificateBytes);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(ctx, DtlsSession::verify, nullptr);
  return true;
}

}  // namespace rostra
