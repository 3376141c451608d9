// SRTCP: bytes as they are never open; the same bytes sealed open once, to what they were.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../src/core/srtp_receiver.h"

void fuzz_srtcp(const uint8_t* bytes, size_t length);

void fuzz_srtcp(const uint8_t* bytes, size_t length) {
  using namespace rostra;
  static SrtpAlgorithms algorithms;
  static const bool loaded = algorithms.load();
  static const uint8_t key[16] = {1, 2, 3}, salt[14] = {4, 5, 6};
  if (!loaded || length > 1400) return;
  for (SrtpProfile profile : {SrtpProfile::aeadAes128Gcm, SrtpProfile::aes128CmSha1_80}) {
    SrtpReceiver receiver;
    SrtpCipher sender;
    if (!receiver.init(algorithms, profile, key, salt) || !sender.init(algorithms, profile, key, salt, true)) std::abort();
    size_t plain = 0;
    std::vector<uint8_t> raw(bytes, bytes + length);
    if (receiver.openRtcp(raw.data(), length, plain) == OpenResult::ok) std::abort();
    if (length < 8 || bytes[0] >> 6 != 2) continue;
    std::vector<uint8_t> sealed(bytes, bytes + length);
    sealed.resize(length + tagBytes(profile) + kSrtcpIndexBytes);
    if (sender.sealRtcp(sealed.data(), length, 77) != sealed.size()) std::abort();
    std::vector<uint8_t> again = sealed;
    if (receiver.openRtcp(sealed.data(), sealed.size(), plain) != OpenResult::ok || plain != length ||
        std::memcmp(sealed.data(), bytes, length) != 0 ||
        receiver.openRtcp(again.data(), again.size(), plain) != OpenResult::replay) {
      std::abort();
    }
  }
}
