// SRTP: bytes as they are never open; the same bytes sealed open once, to what they were.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../src/core/packet.h"
#include "../src/core/srtp_receiver.h"

void fuzz_srtp(const uint8_t* bytes, size_t length);

void fuzz_srtp(const uint8_t* bytes, size_t length) {
  using namespace rostra;
  static SrtpAlgorithms algorithms;
  static const bool loaded = algorithms.load();
  static const uint8_t key[16] = {1, 2, 3}, salt[14] = {4, 5, 6};
  if (!loaded || length > 1500) return;
  for (SrtpProfile profile : {SrtpProfile::aeadAes128Gcm, SrtpProfile::aes128CmSha1_80}) {
    SrtpReceiver receiver;
    SrtpCipher sender;
    if (!receiver.init(algorithms, profile, key, salt) || !sender.init(algorithms, profile, key, salt, true)) std::abort();
    size_t plain = 0;
    std::vector<uint8_t> raw(bytes, bytes + length);
    if (receiver.openRtp(raw.data(), length, plain) == OpenResult::ok) std::abort();

    size_t header = rtpHeaderLength(bytes, length);
    if (header == 0) continue;
    std::vector<uint8_t> sealed(bytes, bytes + length);
    sealed.resize(length + tagBytes(profile));
    uint64_t index = read16(bytes + 2);
    if (sender.sealRtp(sealed.data(), header, {bytes, 0}, {bytes + header, length - header}, read32(bytes + 8), index) !=
        sealed.size()) {
      std::abort();
    }
    std::vector<uint8_t> again = sealed;
    if (receiver.openRtp(sealed.data(), sealed.size(), plain) != OpenResult::ok || plain != length ||
        std::memcmp(sealed.data(), bytes, length) != 0 ||
        receiver.openRtp(again.data(), again.size(), plain) != OpenResult::replay) {
      std::abort();
    }
  }
}
