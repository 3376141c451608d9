// X.509 certificates put together by hand (RFC 5280 §4.1), with whatever curve parameters (RFC 3279 §2.3.5). Their
// signature is none.
#pragma once

#include <openssl/evp.h>

#include <initializer_list>

#include "check.h"

namespace check {

inline Buffer joined(std::initializer_list<Buffer> parts) {
  Buffer out;
  for (const Buffer& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// One DER element: tag, length in the short or the long form, content.
inline Buffer der(uint8_t tag, const Buffer& content) {
  Buffer out{tag};
  size_t length = content.size();
  if (length < 0x80) {
    out.push_back(static_cast<uint8_t>(length));
  } else {
    out.push_back(length > 0xff ? 0x82 : 0x81);
    if (length > 0xff) out.push_back(static_cast<uint8_t>(length >> 8));
    out.push_back(static_cast<uint8_t>(length));
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}
inline Buffer sequence(std::initializer_list<Buffer> parts) { return der(0x30, joined(parts)); }
inline Buffer integer(const Buffer& content) { return der(0x02, content); }
inline Buffer octets(const Buffer& content) { return der(0x04, content); }
inline Buffer bits(const Buffer& content) { return der(0x03, joined({{0}, content})); }
inline Buffer objectId(const char* content) { return der(0x06, hex(content)); }

// ECParameters of y² = x³ + ax + b over the field of `p`; points as SEC 1 §2.3.3 writes them.
inline Buffer primeCurve(const Buffer& p, const Buffer& a, const Buffer& b, const Buffer& base, const Buffer& order) {
  return sequence({integer({1}), sequence({objectId("2a8648ce3d0101"), integer(p)}), sequence({octets(a), octets(b)}),
                   octets(base), integer(order), integer({1})});
}

// ECParameters over a field of 2^m elements. @param basis its kind and that kind's parameters
inline Buffer binaryCurve(const Buffer& m, const Buffer& basis) {
  Buffer field = sequence({objectId("2a8648ce3d0102"), sequence({integer(m), basis})});
  return sequence({integer({1}), field, sequence({octets({1}), octets({1})}), octets(hex("020001")), integer({7})});
}

// A certificate of a key on that curve. `parameters` is a whole DER element, or nothing.
inline Buffer certificateOf(const Buffer& parameters, const Buffer& publicKey) {
  Buffer algorithm = sequence({objectId("2a8648ce3d040302")});
  Buffer name = sequence({der(0x31, sequence({objectId("550403"), der(0x0c, {'x'})}))});
  auto time = [](const char* text) { return der(0x17, Buffer(text, text + 13)); };
  Buffer key = sequence({sequence({objectId("2a8648ce3d0201"), parameters}), bits(publicKey)});
  Buffer toSign = sequence({der(0xa0, integer({2})), integer({1}), algorithm, name,
                            sequence({time("250101000000Z"), time("490101000000Z")}), name, key});
  return sequence({toSign, algorithm, bits(sequence({integer({1}), integer({1})}))});
}

// The curve of CVE-2022-0778: 697 = 17 · 41 is no prime, and the generator is compressed, so that its y is a square root
// of 696 to be found there. What looks for it as if 697 were prime never ends.
inline Buffer endlessCertificate() {
  return certificateOf(primeCurve(hex("02b9"), {1}, hex("02b8"), hex("020000"), hex("02b3")), hex("020000"));
}

inline Buffer sha256(const Buffer& bytes) {
  Buffer digest(32);
  CHECK_EQUAL(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr), 1);
  return digest;
}

}  // namespace check
