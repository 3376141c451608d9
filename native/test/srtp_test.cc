#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "../src/core/packet.h"
#include "../src/core/srtp_receiver.h"
#include "check.h"

using namespace rostra;
using check::Buffer;
using check::hex;
using check::Random;

namespace {

const SrtpProfile kProfiles[] = {SrtpProfile::aeadAes128Gcm, SrtpProfile::aes128CmSha1_80};
const Buffer kKey = hex("e1f97a0d3e018be0d64fa32c06de4139");
const Buffer kSalt = hex("0ec675ad498afeebb6960b3aabe6");

const SrtpAlgorithms& algorithms() {
  static SrtpAlgorithms loaded;
  static bool ok = loaded.load();
  CHECK(ok);
  return loaded;
}

struct Sender {
  SrtpCipher cipher;
  explicit Sender(SrtpProfile profile) {
    CHECK(cipher.init(algorithms(), profile, kKey.data(), kSalt.data(), true));
  }

  static Buffer plainRtp(uint32_t ssrc, uint64_t index, const Buffer& payload) {
    Buffer packet(12);
    packet[0] = 0x80;
    packet[1] = 96;
    write16(&packet[2], static_cast<uint16_t>(index));
    write32(&packet[4], static_cast<uint32_t>(index * 90));
    write32(&packet[8], ssrc);
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
  }
  Buffer rtp(uint32_t ssrc, uint64_t index, const Buffer& payload) {
    Buffer out = plainRtp(ssrc, index, {});
    out.resize(12 + payload.size() + tagBytes(cipher.profile()));
    size_t length = cipher.sealRtp(out.data(), 12, {payload.data(), 0}, {payload.data(), payload.size()}, ssrc, index);
    CHECK_EQUAL(length, out.size());
    return out;
  }
  Buffer rtcp(const Buffer& plain, uint32_t index) {
    Buffer out = plain;
    out.resize(plain.size() + tagBytes(cipher.profile()) + 4);
    CHECK_EQUAL(cipher.sealRtcp(out.data(), plain.size(), index), out.size());
    return out;
  }
};

struct Receiver {
  SrtpReceiver receiver;
  Buffer plain;
  explicit Receiver(SrtpProfile profile) { CHECK(receiver.init(algorithms(), profile, kKey.data(), kSalt.data())); }

  // In a heap buffer of exactly the packet's size, so that AddressSanitizer sees any read past its end.
  OpenResult open(const Buffer& packet, bool rtcp) {
    std::unique_ptr<uint8_t[]> bytes(new uint8_t[packet.size()]);
    if (!packet.empty()) std::memcpy(bytes.get(), packet.data(), packet.size());
    size_t length = 0;
    OpenResult result = rtcp ? receiver.openRtcp(bytes.get(), packet.size(), length)
                             : receiver.openRtp(bytes.get(), packet.size(), length);
    if (result == OpenResult::ok) plain.assign(bytes.get(), bytes.get() + length);
    return result;
  }
  OpenResult rtp(const Buffer& packet) { return open(packet, false); }
  OpenResult rtcp(const Buffer& packet) { return open(packet, true); }
};

const Buffer kReport = hex("80c90001 deadbeef 81ce0003 deadbeef 12345678 00000001");

void shuffle(std::vector<Buffer>& packets, Random& random) {
  for (size_t i = packets.size(); i > 1; i--) std::swap(packets[i - 1], packets[random.below(static_cast<uint32_t>(i))]);
}

}  // namespace

// RFC 3711 appendix B.2: AES-CM key stream; with label 0 derivation is that key stream.
TEST(rfc3711_key_stream) {
  Buffer key = hex("2b7e151628aed2a6abf7158809cf4f3c"), salt = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd"), out(32);
  CHECK(deriveSrtpKey(algorithms(), key.data(), salt.data(), 14, 0, out.data(), 32));
  CHECK_BYTES(out, hex("e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab"));
}

// RFC 3711 appendix B.3
TEST(rfc3711_key_derivation) {
  const char* expected[] = {"c61e7a93744f39ee10734afe3ff7a087", "cebe321f6ff7716b6fd4ab49af256a156d38baa4",
                            "30cbbc08863d8c85d49db34a9ae1"};
  for (uint8_t label = 0; label < 3; label++) {
    Buffer want = hex(expected[label]), out(want.size());
    CHECK(deriveSrtpKey(algorithms(), kKey.data(), kSalt.data(), 14, label, out.data(), out.size()));
    CHECK_BYTES(out, want);
  }
}

// RFC 7714 §16.1.1 and §17.1: session key and salt given.
TEST(rfc7714_gcm) {
  SrtpSessionKeys keys{};
  for (uint8_t i = 0; i < 16; i++) keys.cipher[i] = i;
  std::memcpy(keys.salt, "Quid pro quo", 12);
  SrtpCipher seal, open;
  CHECK(seal.initSession(algorithms(), SrtpProfile::aeadAes128Gcm, keys, keys, true));
  CHECK(open.initSession(algorithms(), SrtpProfile::aeadAes128Gcm, keys, keys, false));

  Buffer payload = hex("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
  Buffer out = hex("8040f17b8041f8d35501a0b2");
  out.resize(12 + payload.size() + 16);
  CHECK_EQUAL(seal.sealRtp(out.data(), 12, {payload.data(), 5}, {&payload[5], payload.size() - 5}, 0x5501a0b2, 0xf17b),
              out.size());
  CHECK_BYTES(out, hex("8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
                       "8833899d7f27beb16a9152cf765ee4390cce"));
  CHECK(open.openRtp(out.data(), out.size(), 12, 0x5501a0b2, 0xf17b));
  CHECK_BYTES(Buffer(out.begin() + 12, out.end() - 16), payload);

  Buffer report = hex("81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef");
  Buffer sealed = report;
  sealed.resize(report.size() + 20);
  CHECK_EQUAL(seal.sealRtcp(sealed.data(), report.size(), 0x5d4), sealed.size());
  CHECK_BYTES(sealed, hex("81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded"
                          "0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"));
  CHECK(open.openRtcp(sealed.data(), sealed.size(), 0x800005d4));
  CHECK_BYTES(Buffer(sealed.begin(), sealed.end() - 20), report);
}

// What the kernel says of the CPU; empty where it does not say.
std::string cpuFlags() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("flags", 0) == 0) return line + ' ';
  }
  return {};
}

bool cpuHas(const std::string& flags, const char* flag) {
  return flags.find(std::string(" ") + flag + ' ') != std::string::npos;
}

// The same packets by `GcmSealer` and by OpenSSL: every length of payload, and headers and prefixes of every length in use.
TEST(gcm_sealed_directly_is_what_openssl_seals) {
  SrtpAlgorithms plain;
  CHECK(plain.load());
#if defined(__x86_64__)
  std::string flags = cpuFlags();
  if (!flags.empty() && EVP_default_properties_is_fips_enabled(nullptr) == 0) {
    CHECK_EQUAL(plain.direct, cpuHas(flags, "aes") && cpuHas(flags, "pclmulqdq") && cpuHas(flags, "avx"));
  }
#endif
  if (!plain.direct) {
    std::puts("SKIPPED: this CPU does not seal directly");
    return;
  }
  plain.direct = false;
  Random random(7714);
  for (size_t length = 0; length <= 1440; length++) {
    Buffer key = random.bytes(16), salt = random.bytes(12), payload = random.bytes(length);
    Buffer prefix = random.bytes(length % 3 == 0 ? random.below(24) : 0), header = random.bytes(12 + 4 * random.below(17));
    uint32_t ssrc = random.next();
    uint64_t index = (static_cast<uint64_t>(random.next()) << 16) | random.below(65'536);
    SrtpCipher direct, openssl;
    CHECK(direct.init(algorithms(), SrtpProfile::aeadAes128Gcm, key.data(), salt.data(), true));
    CHECK(openssl.init(plain, SrtpProfile::aeadAes128Gcm, key.data(), salt.data(), true));
    // In heap buffers of exactly the packet's size, so that AddressSanitizer sees any access past their ends.
    auto sealed = [&](SrtpCipher& cipher) {
      Buffer out = header;
      out.resize(header.size() + prefix.size() + length + 16);
      std::unique_ptr<uint8_t[]> bytes(new uint8_t[out.size()]), from(new uint8_t[length]);
      std::memcpy(bytes.get(), out.data(), out.size());
      if (length > 0) std::memcpy(from.get(), payload.data(), length);
      CHECK_EQUAL(cipher.sealRtp(bytes.get(), header.size(), {prefix.data(), prefix.size()}, {from.get(), length}, ssrc, index),
                  out.size());
      return Buffer(bytes.get(), bytes.get() + out.size());
    };
    CHECK_BYTES(sealed(direct), sealed(openssl));
  }
}

TEST(srtp_round_trip_over_three_wraps_with_loss_and_reordering) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    Random random(18);
    std::vector<Buffer> late;
    uint64_t index = 65'530;
    int lost = 0, wrong = 0;
    // Step 7 reaches three wraps in few packets; near each wrap every packet is sent.
    while (index < 4 * 65'536 + 200) {
      Buffer packet = sender.rtp(0x1234, index, {static_cast<uint8_t>(index), 2, 3});
      uint32_t dice = random.below(10);
      if (dice == 0) {
        lost++;
      } else if (dice == 1) {
        late.push_back(packet);
      } else {
        wrong += receiver.rtp(packet) != OpenResult::ok;
      }
      if (late.size() > 5) {
        shuffle(late, random);
        for (const Buffer& packet : late) wrong += receiver.rtp(packet) != OpenResult::ok;
        late.clear();
      }
      uint64_t inWrap = index & 0xffff;
      index += inWrap > 65'400 || inWrap < 200 ? 1 : 7 < 65'400 - inWrap ? 7 : 1;
    }
    CHECK(lost > 100);
    CHECK_EQUAL(wrong, 0);
  }
}

TEST(srtp_stream_whose_first_packets_before_the_wrap_are_late) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    CHECK(receiver.rtp(sender.rtp(7, 0x10002, {1, 2, 3})) == OpenResult::ok);
    CHECK_BYTES(receiver.plain, Sender::plainRtp(7, 0x10002, {1, 2, 3}));
    CHECK(receiver.rtp(sender.rtp(7, 0xfffe, {4})) == OpenResult::ok);
    CHECK(receiver.rtp(sender.rtp(7, 0x10001, {5})) == OpenResult::ok);
    // An earlier stream than the first one is none.
    CHECK(receiver.rtp(sender.rtp(8, 5, {1})) == OpenResult::ok);
    CHECK(receiver.rtp(sender.rtp(8, 0xfff0, {1})) == OpenResult::replay);
  }
}

TEST(srtp_replay_of_a_thousand_packets) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    Random random(8);
    std::vector<Buffer> rtp, rtcp;
    for (uint32_t i = 0; i < 1000; i++) {
      rtp.push_back(sender.rtp(99, 65'000 + i, random.bytes(20)));
      rtcp.push_back(sender.rtcp(kReport, i));
    }
    for (const Buffer& packet : rtp) CHECK(receiver.rtp(packet) == OpenResult::ok);
    for (const Buffer& packet : rtcp) CHECK(receiver.rtcp(packet) == OpenResult::ok);
    for (int round = 0; round < 2; round++) {
      for (const Buffer& packet : rtp) CHECK(receiver.rtp(packet) == OpenResult::replay);
      for (const Buffer& packet : rtcp) CHECK(receiver.rtcp(packet) == OpenResult::replay);
      shuffle(rtp, random);
      shuffle(rtcp, random);
    }
    // Older than the window, never seen: refused as well.
    CHECK(receiver.rtp(sender.rtp(99, 66'000 + 3000, {1})) == OpenResult::ok);
    CHECK(receiver.rtp(sender.rtp(99, 66'000 + 1000, {1})) == OpenResult::replay);
  }
}

TEST(srtp_flipped_bit_anywhere) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    CHECK(receiver.rtp(sender.rtp(5, 99, {1})) == OpenResult::ok);
    Buffer rtp = sender.rtp(5, 100, {1, 2, 3, 4, 5}), rtcp = sender.rtcp(kReport, 3);
    for (size_t bit = 0; bit < rtp.size() * 8; bit++) {
      Buffer bad = rtp;
      bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      CHECK(receiver.rtp(bad) != OpenResult::ok);
    }
    for (size_t bit = 0; bit < rtcp.size() * 8; bit++) {
      Buffer bad = rtcp;
      bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      CHECK(receiver.rtcp(bad) != OpenResult::ok);
    }
    // None of the bad ones left a trace.
    CHECK(receiver.rtp(rtp) == OpenResult::ok);
    CHECK(receiver.rtcp(rtcp) == OpenResult::ok);
  }
}

TEST(srtp_every_prefix_and_short_junk) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    Random random(10);
    Buffer rtp = sender.rtp(5, 1, random.bytes(60)), rtcp = sender.rtcp(kReport, 3);
    for (size_t length = 0; length < rtp.size(); length++) {
      CHECK(receiver.rtp(Buffer(rtp.begin(), rtp.begin() + static_cast<long>(length))) != OpenResult::ok);
    }
    for (size_t length = 0; length < rtcp.size(); length++) {
      CHECK(receiver.rtcp(Buffer(rtcp.begin(), rtcp.begin() + static_cast<long>(length))) != OpenResult::ok);
    }
    for (size_t length = 0; length <= 64; length++) {
      for (int first : {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf}) {
        Buffer junk = random.bytes(length);
        if (length > 0) junk[0] = static_cast<uint8_t>(first);
        CHECK(receiver.rtp(junk) != OpenResult::ok);
        CHECK(receiver.rtcp(junk) != OpenResult::ok);
      }
    }
  }
}

TEST(srtp_ssrcs_are_bounded_and_cost_authentication) {
  Sender sender(SrtpProfile::aeadAes128Gcm);
  Receiver receiver(SrtpProfile::aeadAes128Gcm);
  for (uint32_t ssrc = 0; ssrc < 1000; ssrc++) {
    Buffer bad = sender.rtp(ssrc, 2000, {1});
    bad.back() ^= 1;
    CHECK(receiver.rtp(bad) == OpenResult::auth);
  }
  for (uint32_t ssrc = 0; ssrc < SrtpReceiver::kMaxSsrcs; ssrc++) {
    CHECK(receiver.rtp(sender.rtp(ssrc, 2000, {1})) == OpenResult::ok);
  }
  CHECK(receiver.rtp(sender.rtp(5000, 2000, {1})) == OpenResult::ssrcLimit);
  CHECK(receiver.rtp(sender.rtp(3, 2001, {1})) == OpenResult::ok);
}

TEST(srtcp_unencrypted_is_refused) {
  for (SrtpProfile profile : kProfiles) {
    Sender sender(profile);
    Receiver receiver(profile);
    Buffer packet = sender.rtcp(kReport, 3);
    size_t word = packet.size() - 4 - (profile == SrtpProfile::aeadAes128Gcm ? 0 : 10);
    packet[word] &= 0x7f;
    CHECK(receiver.rtcp(packet) == OpenResult::malformed);
  }
}

// RFC 3711 appendix A, as a table: highest index, seq, index it must mean (-1: none).
TEST(index_estimate) {
  const struct {
    uint64_t highest;
    uint16_t seq;
    int64_t index;
  } cases[] = {
      {0, 0, 0}, {0, 0x8000, 0x8000}, {0, 0x8001, -1}, {0x7fff, 0xffff, 0xffff}, {0xffff, 0, 0x10000},
      {0xffff, 0x7fff, 0x7fff}, {0xffff, 0x7ffe, 0x17ffe}, {0x10000, 0xffff, 0xffff}, {0x18000, 0, 0x10000},
      {0x18001, 0, 0x20000}, {0xffffffffffff, 0, -1}, {0xffffffffffff, 0xfffe, 0xfffffffffffe},
  };
  for (const auto& c : cases) {
    uint64_t index = 0;
    bool ok = estimateIndex(c.highest, c.seq, index);
    CHECK_EQUAL(ok ? static_cast<int64_t>(index) : -1, c.index);
  }
}

// The window against a plain list of everything received.
TEST(replay_window_against_a_list) {
  Random random(5);
  ReplayWindow window;
  std::vector<uint64_t> received;
  uint64_t highest = 0;
  for (int i = 0; i < 5000; i++) {
    uint64_t index = highest + random.below(40) - std::min<uint64_t>(highest, random.below(1200));
    if (random.below(200) == 0) index = highest + 1024 + random.below(3000);
    bool old = !received.empty() && index < highest && highest - index >= ReplayWindow::kBits;
    bool seen = std::find(received.begin(), received.end(), index) != received.end();
    CHECK_EQUAL(window.fresh(index), !old && !seen);
    if (window.fresh(index)) {
      window.mark(index);
      received.push_back(index);
      highest = std::max(highest, index);
    }
  }
}
