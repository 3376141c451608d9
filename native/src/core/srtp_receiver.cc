#include "srtp_receiver.h"

#include <cstring>

#include "packet.h"

namespace rostra {

namespace {

struct RtpHeader {
  size_t length;
  uint32_t ssrc;
  uint16_t seq;
};

// What both kinds of streams need of a packet that ends with `tag` bytes of tag; `plainLength` is its length without
// them. False when it is malformed.
bool readHeader(const uint8_t* packet, size_t length, size_t tag, RtpHeader& header, size_t& plainLength) {
  if (length < 12 + tag) return false;
  header.length = rtpHeaderLength(packet, length - tag);
  if (header.length == 0) return false;
  header.seq = read16(packet + 2);
  header.ssrc = read32(packet + 8);
  plainLength = length - tag;
  return true;
}

}  // namespace

void ReplayWindow::mark(uint64_t index) {
  if (!any_ || index > highest_) {
    if (!any_ || index - highest_ >= kBits) {
      std::memset(words_, 0, sizeof words_);
    } else {
      for (uint64_t skipped = highest_ + 1; skipped < index; skipped++) {
        words_[skipped % kBits / 64] &= ~(1ULL << (skipped % 64));
      }
    }
    highest_ = index;
    any_ = true;
  }
  words_[index % kBits / 64] |= 1ULL << (index % 64);
}

bool estimateIndex(uint64_t highest, uint16_t seq, uint64_t& index) {
  int64_t roc = static_cast<int64_t>(highest >> 16);
  int32_t distance = static_cast<int32_t>(seq) - static_cast<int32_t>(highest & 0xffff);
  if (distance > 0x8000) roc--;
  if (distance < -0x8000) roc++;
  if (roc < 0 || roc > 0xffffffffLL) return false;
  index = static_cast<uint64_t>(roc) << 16 | seq;
  return true;
}

ReplayWindow* SrtpReceiver::Streams::find(uint32_t ssrc) {
  if (last < ssrcs.size() && ssrcs[last] == ssrc) return &windows[last];
  for (size_t i = 0; i < ssrcs.size(); i++) {
    if (ssrcs[i] == ssrc) {
      last = i;
      return &windows[i];
    }
  }
  return nullptr;
}

ReplayWindow& SrtpReceiver::Streams::add(uint32_t ssrc) {
  last = ssrcs.size();
  ssrcs.push_back(ssrc);
  windows.emplace_back();
  return windows.back();
}

OpenResult SrtpReceiver::openRtp(uint8_t* packet, size_t length, size_t& plainLength) {
  RtpHeader header;
  if (!readHeader(packet, length, tagBytes(cipher_.profile()), header, plainLength)) return OpenResult::malformed;

  ReplayWindow* window = rtp_.find(header.ssrc);
  if (window == nullptr) return openFirst(packet, length, header.length, header.ssrc, header.seq);
  uint64_t index;
  if (!estimateIndex(window->highest(), header.seq, index) || !window->fresh(index)) return OpenResult::replay;
  if (!cipher_.openRtp(packet, length, header.length, header.ssrc, index)) return OpenResult::auth;
  window->mark(index);
  return OpenResult::ok;
}

OpenResult SrtpReceiver::openLink(uint8_t* packet, size_t length, size_t& plainLength) {
  RtpHeader header;
  if (!readHeader(packet, length, tagBytes(cipher_.profile()), header, plainLength)) return OpenResult::malformed;

  ReplayWindow& window = rtp_.windows.empty() ? rtp_.add(0) : rtp_.windows[0];
  uint64_t number = static_cast<uint64_t>(header.ssrc) << 16 | header.seq;
  if (!window.fresh(number)) return OpenResult::replay;
  if (!cipher_.openRtp(packet, length, header.length, header.ssrc, header.seq)) return OpenResult::auth;
  window.mark(number);
  return OpenResult::ok;
}

// A stream begins with ROC 0. When it began just below the wrap and all packets before it were lost or
// are late, the first one here already has ROC 1.
OpenResult SrtpReceiver::openFirst(uint8_t* packet, size_t length, size_t headerLength, uint32_t ssrc,
                                   uint16_t seq) {
  if (rtp_.full()) return OpenResult::ssrcLimit;
  bool maybeWrapped = seq < ReplayWindow::kBits;
  uint8_t copy[1536];
  if (maybeWrapped && length <= sizeof copy) std::memcpy(copy, packet, length);
  uint64_t index = seq;
  bool ok = cipher_.openRtp(packet, length, headerLength, ssrc, index);
  if (!ok && maybeWrapped && length <= sizeof copy) {
    std::memcpy(packet, copy, length);
    index |= 0x10000;
    ok = cipher_.openRtp(packet, length, headerLength, ssrc, index);
  }
  if (!ok) return OpenResult::auth;
  rtp_.add(ssrc).mark(index);
  return OpenResult::ok;
}

OpenResult SrtpReceiver::openRtcp(uint8_t* packet, size_t length, size_t& plainLength) {
  size_t tag = tagBytes(cipher_.profile());
  if (length < 8 + tag + kSrtcpIndexBytes || packet[0] >> 6 != 2) return OpenResult::malformed;
  bool gcm = cipher_.profile() == SrtpProfile::aeadAes128Gcm;
  uint32_t word = read32(packet + length - kSrtcpIndexBytes - (gcm ? 0 : tag));
  // DTLS-SRTP cannot negotiate unencrypted SRTCP.
  if ((word & 0x80000000u) == 0) return OpenResult::malformed;
  uint32_t ssrc = read32(packet + 4);
  uint32_t index = word & 0x7fffffffu;

  ReplayWindow* window = rtcp_.find(ssrc);
  if (window == nullptr && rtcp_.full()) return OpenResult::ssrcLimit;
  if (window != nullptr && !window->fresh(index)) return OpenResult::replay;
  if (!cipher_.openRtcp(packet, length, word)) return OpenResult::auth;
  (window != nullptr ? *window : rtcp_.add(ssrc)).mark(index);
  plainLength = length - tag - kSrtcpIndexBytes;
  return OpenResult::ok;
}

}  // namespace rostra
