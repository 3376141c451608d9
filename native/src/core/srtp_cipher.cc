#include "srtp_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <cstring>

#include "packet.h"

namespace rostra {

namespace {

// RFC 3711 §4.3.2; the SRTCP labels are the same plus 3.
enum Label : uint8_t { encryption = 0, authentication = 1, salting = 2 };
constexpr uint8_t kRtcpLabels = 3;
constexpr size_t kSha1Bytes = 20;
constexpr size_t kShortTag = 10;

//  AES-CM, 16 bytes (RFC 3711 §4.1.1)          GCM, 12 bytes (RFC 7714 §8.1, §9.1)
//  | salt, 14 bytes              | 00 00 |     | salt, 12 bytes                    |
//  XOR     | SSRC |  index, 6    |             XOR 00 00 | SSRC | ROC, 4 | seq, 2 |
void writeIv(SrtpProfile profile, const uint8_t* salt, uint32_t ssrc, uint64_t index, uint8_t* iv) {
  std::memcpy(iv, salt, 16);
  size_t at = profile == SrtpProfile::aeadAes128Gcm ? 2 : 4;
  for (int i = 0; i < 4; i++) iv[at + i] ^= static_cast<uint8_t>(ssrc >> (24 - 8 * i));
  for (int i = 0; i < 6; i++) iv[at + 4 + i] ^= static_cast<uint8_t>(index >> (40 - 8 * i));
}

}  // namespace

bool SrtpAlgorithms::load() {
  gcm.reset(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr));
  ctr.reset(EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr));
  hmac.reset(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  direct = GcmSealer::available() && EVP_default_properties_is_fips_enabled(nullptr) == 0;
  return gcm && ctr && hmac;
}

bool deriveSrtpKey(const SrtpAlgorithms& algorithms, const uint8_t* masterKey, const uint8_t* masterSalt,
                   size_t saltLength, uint8_t label, uint8_t* out, size_t length) {
  if (saltLength > 14 || length > 32) return false;
  uint8_t iv[16] = {};
  std::memcpy(iv, masterSalt, saltLength);
  // Key derivation rate 0, so the key id is the label and six zero bytes.
  iv[7] ^= label;
  static const uint8_t zeros[32] = {};
  Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  int written = 0;
  return context && EVP_EncryptInit_ex2(context.get(), algorithms.ctr.get(), masterKey, iv, nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), out, &written, zeros, static_cast<int>(length)) == 1 &&
         written == static_cast<int>(length);
}

bool SrtpCipher::init(const SrtpAlgorithms& algorithms, SrtpProfile profile, const uint8_t* key,
                      const uint8_t* salt, bool seal) {
  SrtpSessionKeys rtp, rtcp;
  size_t saltLength = masterSaltBytes(profile);
  auto derive = [&](uint8_t firstLabel, SrtpSessionKeys& keys) {
    auto one = [&](Label label, uint8_t* out, size_t length) {
      auto number = static_cast<uint8_t>(firstLabel + label);
      return deriveSrtpKey(algorithms, key, salt, saltLength, number, out, length);
    };
    return one(encryption, keys.cipher, sizeof keys.cipher) && one(authentication, keys.mac, sizeof keys.mac) &&
           one(salting, keys.salt, saltLength);
  };
  bool ok = derive(0, rtp) && derive(kRtcpLabels, rtcp) && initSession(algorithms, profile, rtp, rtcp, seal);
  OPENSSL_cleanse(&rtp, sizeof rtp);
  OPENSSL_cleanse(&rtcp, sizeof rtcp);
  return ok;
}

bool SrtpCipher::initSession(const SrtpAlgorithms& algorithms, SrtpProfile profile, const SrtpSessionKeys& rtp,
                             const SrtpSessionKeys& rtcp, bool seal) {
  if (profile == SrtpProfile::none) return false;
  profile_ = profile;
  seal_ = seal;
  direct_ = seal && profile == SrtpProfile::aeadAes128Gcm && algorithms.direct;
  if (direct_) sealer_.init(rtp.cipher);
  return initKeys(algorithms, rtp_, rtp) && initKeys(algorithms, rtcp_, rtcp);
}

bool SrtpCipher::initKeys(const SrtpAlgorithms& algorithms, Keys& keys, const SrtpSessionKeys& session) {
  bool gcm = profile_ == SrtpProfile::aeadAes128Gcm;
  std::memcpy(keys.salt, session.salt, masterSaltBytes(profile_));
  if (direct_ && &keys == &rtp_) return true;
  keys.cipher.reset(EVP_CIPHER_CTX_new());
  if (!keys.cipher || EVP_CipherInit_ex2(keys.cipher.get(), gcm ? algorithms.gcm.get() : algorithms.ctr.get(),
                                         session.cipher, nullptr, !gcm || seal_, nullptr) != 1) {
    return false;
  }
  if (gcm) return true;
  char digest[] = "SHA1";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                         OSSL_PARAM_construct_end()};
  keys.mac.reset(EVP_MAC_CTX_new(algorithms.hmac.get()));
  return keys.mac && EVP_MAC_init(keys.mac.get(), session.mac, sizeof session.mac, params) == 1;
}

bool SrtpCipher::setIv(Keys& keys, const uint8_t* iv) {
  return EVP_CipherInit_ex2(keys.cipher.get(), nullptr, nullptr, iv, -1, nullptr) == 1;
}

bool SrtpCipher::crypt(Keys& keys, const uint8_t* in, size_t length, uint8_t* out) {
  int written = 0;
  if (length == 0) return true;
  return EVP_CipherUpdate(keys.cipher.get(), out, &written, in, static_cast<int>(length)) == 1 &&
         written == static_cast<int>(length);
}

bool SrtpCipher::aad(Keys& keys, Bytes bytes) {
  int written = 0;
  return EVP_CipherUpdate(keys.cipher.get(), nullptr, &written, bytes.at, static_cast<int>(bytes.length)) == 1;
}

bool SrtpCipher::finishTag(Keys& keys, uint8_t* tag) {
  uint8_t unused[16];
  int written = 0;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, 16),
                         OSSL_PARAM_construct_end()};
  return EVP_CipherFinal_ex(keys.cipher.get(), unused, &written) == 1 &&
         EVP_CIPHER_CTX_get_params(keys.cipher.get(), params) == 1;
}

bool SrtpCipher::checkTag(Keys& keys, uint8_t* tag) {
  uint8_t unused[16];
  int written = 0;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, 16),
                         OSSL_PARAM_construct_end()};
  return EVP_CIPHER_CTX_set_params(keys.cipher.get(), params) == 1 &&
         EVP_CipherFinal_ex(keys.cipher.get(), unused, &written) == 1;
}

bool SrtpCipher::mac(Keys& keys, Bytes first, Bytes second, uint8_t* tag) {
  size_t written = 0;
  uint8_t full[kSha1Bytes];
  if (EVP_MAC_init(keys.mac.get(), nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(keys.mac.get(), first.at, first.length) != 1 ||
      EVP_MAC_update(keys.mac.get(), second.at, second.length) != 1 ||
      EVP_MAC_final(keys.mac.get(), full, &written, sizeof full) != 1 || written != sizeof full) {
    return false;
  }
  std::memcpy(tag, full, kShortTag);
  return true;
}

size_t SrtpCipher::sealRtp(uint8_t* out, size_t headerLength, Bytes prefix, Bytes payload, uint32_t ssrc,
                           uint64_t index) {
  uint8_t iv[16];
  writeIv(profile_, rtp_.salt, ssrc, index, iv);
  uint8_t* body = out + headerLength;
  uint8_t* tag = body + prefix.length + payload.length;
  if (direct_) {
    const uint8_t* plain = payload.at;
    // What stands in two places is sealed where it is going.
    if (prefix.length > 0) {
      std::memcpy(body, prefix.at, prefix.length);
      std::memcpy(body + prefix.length, payload.at, payload.length);
      plain = body;
    }
    sealer_.seal(iv, out, headerLength, plain, static_cast<size_t>(tag - body), body);
    return static_cast<size_t>(tag - out) + GcmSealer::kTagBytes;
  }
  bool gcm = profile_ == SrtpProfile::aeadAes128Gcm;
  if (!setIv(rtp_, iv) || (gcm && !aad(rtp_, {out, headerLength})) ||
      !crypt(rtp_, prefix.at, prefix.length, body) ||
      !crypt(rtp_, payload.at, payload.length, body + prefix.length)) {
    return 0;
  }
  uint8_t roc[4];
  write32(roc, static_cast<uint32_t>(index >> 16));
  bool ok = gcm ? finishTag(rtp_, tag) : mac(rtp_, {out, static_cast<size_t>(tag - out)}, {roc, 4}, tag);
  return ok ? static_cast<size_t>(tag - out) + tagBytes(profile_) : 0;
}

bool SrtpCipher::openRtp(uint8_t* packet, size_t length, size_t headerLength, uint32_t ssrc, uint64_t index) {
  size_t end = length - tagBytes(profile_);
  uint8_t iv[16];
  writeIv(profile_, rtp_.salt, ssrc, index, iv);
  uint8_t* body = packet + headerLength;
  if (profile_ == SrtpProfile::aeadAes128Gcm) {
    return setIv(rtp_, iv) && aad(rtp_, {packet, headerLength}) && crypt(rtp_, body, end - headerLength, body) &&
           checkTag(rtp_, packet + end);
  }
  uint8_t roc[4], tag[kShortTag];
  write32(roc, static_cast<uint32_t>(index >> 16));
  return mac(rtp_, {packet, end}, {roc, 4}, tag) && CRYPTO_memcmp(tag, packet + end, kShortTag) == 0 &&
         setIv(rtp_, iv) && crypt(rtp_, body, end - headerLength, body);
}

// GCM (RFC 7714 §9):     | header 8 | ciphertext | tag 16 | E, index |     associated: header, E and index
// AES-CM (RFC 3711 §3.4): | header 8 | ciphertext | E, index | tag 10 |     tag over all before it
size_t SrtpCipher::sealRtcp(uint8_t* packet, size_t length, uint32_t index) {
  uint8_t iv[16], word[kSrtcpIndexBytes];
  writeIv(profile_, rtcp_.salt, read32(packet + 4), index, iv);
  write32(word, index | 0x80000000u);
  uint8_t* end = packet + length;
  if (profile_ == SrtpProfile::aeadAes128Gcm) {
    if (!setIv(rtcp_, iv) || !aad(rtcp_, {packet, 8}) || !aad(rtcp_, {word, sizeof word}) ||
        !crypt(rtcp_, packet + 8, length - 8, packet + 8) || !finishTag(rtcp_, end)) {
      return 0;
    }
    std::memcpy(end + 16, word, sizeof word);
    return length + 16 + sizeof word;
  }
  if (!setIv(rtcp_, iv) || !crypt(rtcp_, packet + 8, length - 8, packet + 8)) return 0;
  std::memcpy(end, word, sizeof word);
  if (!mac(rtcp_, {packet, length}, {word, sizeof word}, end + sizeof word)) return 0;
  return length + sizeof word + kShortTag;
}

bool SrtpCipher::openRtcp(uint8_t* packet, size_t length, uint32_t indexWord) {
  size_t end = length - tagBytes(profile_) - kSrtcpIndexBytes;
  uint8_t iv[16], word[kSrtcpIndexBytes];
  writeIv(profile_, rtcp_.salt, read32(packet + 4), indexWord & 0x7fffffffu, iv);
  write32(word, indexWord);
  if (profile_ == SrtpProfile::aeadAes128Gcm) {
    return setIv(rtcp_, iv) && aad(rtcp_, {packet, 8}) && aad(rtcp_, {word, sizeof word}) &&
           crypt(rtcp_, packet + 8, end - 8, packet + 8) && checkTag(rtcp_, packet + end);
  }
  uint8_t tag[kShortTag];
  return mac(rtcp_, {packet, end}, {word, sizeof word}, tag) &&
         CRYPTO_memcmp(tag, packet + end + sizeof word, kShortTag) == 0 && setIv(rtcp_, iv) &&
         crypt(rtcp_, packet + 8, end - 8, packet + 8);
}

}  // namespace rostra
