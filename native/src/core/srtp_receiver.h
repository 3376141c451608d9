// The receiving half of an SRTP session: which index a packet has, whether it came before, whether it is
// genuine. State changes only after the tag was checked.
#pragma once

#include <cstdint>
#include <vector>

#include "srtp_cipher.h"

namespace rostra {

// Which of the last 1,024 indices were received (RFC 3711 §3.3.2). Wide enough for a burst of reordered
// video; packets older than that count as replayed.
class ReplayWindow {
 public:
  static constexpr uint64_t kBits = 1024;

  bool empty() const { return !any_; }
  uint64_t highest() const { return highest_; }
  // Whether `index` is new: neither received nor older than the window.
  bool fresh(uint64_t index) const {
    if (!any_ || index > highest_) return true;
    if (highest_ - index >= kBits) return false;
    return (words_[index % kBits / 64] >> (index % 64) & 1) == 0;
  }
  void mark(uint64_t index);

 private:
  uint64_t highest_ = 0;
  uint64_t words_[kBits / 64] = {};
  bool any_ = false;
};

// The 48-bit index that the 16-bit `seq` most likely means (RFC 3711 §3.3.1 and appendix A), given the
// highest authenticated one. False when that would lie before the stream's beginning or past 2^48.
bool estimateIndex(uint64_t highest, uint16_t seq, uint64_t& index);

enum class OpenResult { ok, malformed, auth, replay, ssrcLimit };

class SrtpReceiver {
 public:
  // SSRCs remembered per transport, of RTP and of RTCP each. Forgetting one would let its packets be
  // replayed, so a further SSRC is refused.
  static constexpr size_t kMaxSsrcs = 256;

  bool init(const SrtpAlgorithms& algorithms, SrtpProfile profile, const uint8_t* key, const uint8_t* salt) {
    return cipher_.init(algorithms, profile, key, salt, false);
  }

  // Opens in place; on `ok`, `plainLength` is the length without tag (and index). Anything else leaves
  // the bytes undefined and the state as it was. `length` may be anything up to 1,536.
  OpenResult openRtp(uint8_t* packet, size_t length, size_t& plainLength);
  OpenResult openRtcp(uint8_t* packet, size_t length, size_t& plainLength);
  // The same for a link, in place of `openRtp`: SSRC and sequence number together count the packets of the only sender, so
  // that no rollover counter has to be guessed, however many were lost.
  OpenResult openLink(uint8_t* packet, size_t length, size_t& plainLength);

 private:
  struct Streams {
    std::vector<uint32_t> ssrcs;
    std::vector<ReplayWindow> windows;
    size_t last = 0;

    ReplayWindow* find(uint32_t ssrc);
    bool full() const { return ssrcs.size() >= kMaxSsrcs; }
    ReplayWindow& add(uint32_t ssrc);
  };
  OpenResult openFirst(uint8_t* packet, size_t length, size_t headerLength, uint32_t ssrc, uint16_t seq);

  SrtpCipher cipher_;
  Streams rtp_, rtcp_;
};

}  // namespace rostra
