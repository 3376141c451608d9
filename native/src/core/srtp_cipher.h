// SRTP and SRTCP transforms of one direction: session keys, seal, open. No state beyond the keys:
// packet indices come in as arguments (RFC 3711; RFC 7714 for GCM).
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gcm_seal.h"

namespace rostra {

enum class SrtpProfile : uint16_t { none = 0, aes128CmSha1_80 = 0x0001, aeadAes128Gcm = 0x0007 };

constexpr size_t kMasterKeyBytes = 16;
constexpr size_t kSrtcpIndexBytes = 4;

inline size_t masterSaltBytes(SrtpProfile profile) { return profile == SrtpProfile::aeadAes128Gcm ? 12 : 14; }
inline size_t tagBytes(SrtpProfile profile) { return profile == SrtpProfile::aeadAes128Gcm ? 16 : 10; }

struct CipherDelete {
  void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
  void operator()(EVP_MAC* p) const { EVP_MAC_free(p); }
  void operator()(EVP_MAC_CTX* p) const { EVP_MAC_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, CipherDelete>;

// Algorithms looked up once and shared by every transport of an engine.
struct SrtpAlgorithms {
  Owned<EVP_CIPHER> gcm, ctr;
  Owned<EVP_MAC> hmac;
  // RTP under GCM is sealed by `GcmSealer`: where the CPU can, and OpenSSL is not held to FIPS 140.
  bool direct = false;
  // False when the process has an OpenSSL without them (a FIPS provider without CTR, for example).
  bool load();
};

// RFC 3711 §4.3: `length` bytes (at most 32) of the key that `label` names, from a master key of 16 and a
// master salt of 12 or 14 bytes (12 is padded with zeros, RFC 7714 §11).
bool deriveSrtpKey(const SrtpAlgorithms& algorithms, const uint8_t* masterKey, const uint8_t* masterSalt,
                   size_t saltLength, uint8_t label, uint8_t* out, size_t length);

// What a master key and salt are expanded to, for RTP or for RTCP.
struct SrtpSessionKeys {
  uint8_t cipher[16], mac[20], salt[14];
};

struct Bytes {
  const uint8_t* at;
  size_t length;
};

class SrtpCipher {
 public:
  // `key` has 16 bytes, `salt` masterSaltBytes(profile). False when OpenSSL refuses.
  bool init(const SrtpAlgorithms& algorithms, SrtpProfile profile, const uint8_t* key, const uint8_t* salt,
            bool seal);
  // From keys that are already derived (RFC 7714 gives its examples so).
  bool initSession(const SrtpAlgorithms& algorithms, SrtpProfile profile, const SrtpSessionKeys& rtp,
                   const SrtpSessionKeys& rtcp, bool seal);
  SrtpProfile profile() const { return profile_; }

  // Fetches what sealRtp needs first into the cache: this object has to be there already.
  void prefetch() const {
    if (direct_) return sealer_.prefetch();
    const auto* context = reinterpret_cast<const uint8_t*>(rtp_.cipher.get());
    // OpenSSL keeps the size of its context to itself: three lines (192 bytes) are about it.
    for (int line = 0; line < 3; line++) __builtin_prefetch(context + 64 * line);
  }

  // `out` holds the finished header of `headerLength` bytes; `prefix` and `payload` are sealed behind it.
  // `index` is ROC << 16 | seq (48 bits). Returns the packet's length, 0 when OpenSSL fails.
  // Needs tagBytes(profile) of room behind the payload.
  size_t sealRtp(uint8_t* out, size_t headerLength, Bytes prefix, Bytes payload, uint32_t ssrc, uint64_t index);

  // Checks the tag and decrypts in place. `length` includes the tag and is at least headerLength + tag.
  // False leaves the bytes undefined under GCM, untouched under AES-CM.
  bool openRtp(uint8_t* packet, size_t length, size_t headerLength, uint32_t ssrc, uint64_t index);

  // Seals `length` bytes (8 or more) in place, for the 31-bit `index`; room for tag and index behind them.
  // Returns the packet's length, 0 when OpenSSL fails.
  size_t sealRtcp(uint8_t* packet, size_t length, uint32_t index);

  // `length` includes tag and index word and is at least 8 + tag + 4; the E bit must be set.
  bool openRtcp(uint8_t* packet, size_t length, uint32_t indexWord);

 private:
  struct Keys {
    Owned<EVP_CIPHER_CTX> cipher;
    Owned<EVP_MAC_CTX> mac;
    uint8_t salt[16] = {};
  };
  bool initKeys(const SrtpAlgorithms& algorithms, Keys& keys, const SrtpSessionKeys& session);
  bool setIv(Keys& keys, const uint8_t* iv);
  bool mac(Keys& keys, Bytes first, Bytes second, uint8_t* tag);
  bool crypt(Keys& keys, const uint8_t* in, size_t length, uint8_t* out);
  bool aad(Keys& keys, Bytes bytes);
  bool finishTag(Keys& keys, uint8_t* tag);
  bool checkTag(Keys& keys, uint8_t* tag);

  SrtpProfile profile_ = SrtpProfile::none;
  bool seal_ = false;
  // RTP is sealed by `sealer_`.
  bool direct_ = false;
  Keys rtp_;
  GcmSealer sealer_;
  Keys rtcp_;
};

}  // namespace rostra
