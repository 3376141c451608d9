// Clients that are who they say they are, and mean no good: oversize packets under the right keys, a certificate that hurts
// whoever reads it.
#include "handshake_records.h"
#include "odd_certificate.h"
#include "raw_client.h"

using namespace rostra;
using namespace check;

namespace {

constexpr uint32_t kSsrc = 0xabcd;

// A connected client that seals packets of any size.
struct Sealer {
  Side server;
  RawClient client{server};
  SrtpAlgorithms algorithms;
  SrtpCipher cipher;
  uint16_t seq = 100;
  uint32_t reports = 1;

  explicit Sealer(const EngineOptions& options) : server(options) {
    client.handshake(client.identity.digest);
    CHECK(client.end->connected());
    CHECK_EQUAL(server.count(Kind::connected), 1);
    SrtpKeyMaterial keys;
    CHECK(client.end->session->exportKeys(keys) && keys.profile == options.profiles[0]);
    CHECK(algorithms.load());
    CHECK(cipher.init(algorithms, keys.profile, keys.localKey, keys.localSalt, true));
    server.rows.clear();
  }

  // The next packet, of `size` bytes in all.
  Buffer rtp(size_t size) {
    Buffer out(size), payload(size - 12 - tagBytes(cipher.profile()), 7);
    out[0] = 0x80;
    out[1] = 96;
    write16(&out[2], seq);
    write32(&out[8], kSsrc);
    CHECK_EQUAL(cipher.sealRtp(out.data(), 12, {payload.data(), 0}, {payload.data(), payload.size()}, kSsrc, seq), size);
    seq++;
    return out;
  }

  // A receiver report with whatever makes it `size` bytes behind it.
  Buffer rtcp(size_t size) {
    Buffer out(size, 0);
    size_t plain = size - tagBytes(cipher.profile()) - kSrtcpIndexBytes;
    out[0] = 0x80;
    out[1] = 201;
    out[3] = 1;
    write32(&out[4], kSsrc);
    CHECK_EQUAL(cipher.sealRtcp(out.data(), plain, reports++), size);
    return out;
  }
};

Buffer lengthened(const Buffer& packet, size_t size) {
  Buffer out = packet;
  out.resize(size, 0x55);
  return out;
}

constexpr size_t kLargest = 65'507;

}  // namespace

TEST(H14_packets_under_the_right_keys_that_are_too_large_are_dropped_whole) {
  for (SrtpProfile profile : kBoth) {
    EngineOptions options;
    options.profiles = {profile};
    Sealer sealer(options);
    const size_t sizes[] = {1501, 1502, kSlotBytes - 1, kSlotBytes, kSlotBytes + 1, 2000, 9000, kLargest};
    int sent = 0;
    for (size_t size : sizes) {
      sealer.client.send(sealer.rtp(size));
      sealer.client.send(sealer.rtcp(size));
      sent += 2;
    }
    CHECK_EQUAL(sealer.server.counter(Counter::dropOversize), sent);
    CHECK_EQUAL(sealer.server.rows.size(), 0);
    sealer.client.send(sealer.rtp(1500));
    sealer.client.send(sealer.rtcp(1500));
    CHECK_EQUAL(sealer.server.rows.size(), 2);
    CHECK_EQUAL(sealer.server.rows[0].bytes.size(), 1500 - tagBytes(profile));
    CHECK_EQUAL(sealer.server.rows[1].bytes.size(), 1500 - tagBytes(profile) - kSrtcpIndexBytes);
  }
}

// Cut off where they were lengthened, they would be authentic.
TEST(H14_authentic_packets_with_bytes_appended_are_dropped_and_the_genuine_ones_are_not) {
  for (SrtpProfile profile : kBoth) {
    EngineOptions options;
    options.profiles = {profile};
    Sealer sealer(options);
    std::vector<Buffer> genuine;
    int oversize = 0, rtpForged = 0, rtcpForged = 0;
    for (size_t size : {size_t{100}, size_t{1400}, size_t{1499}, size_t{1500}}) {
      for (bool isRtcp : {false, true}) {
        genuine.push_back(isRtcp ? sealer.rtcp(size) : sealer.rtp(size));
        for (size_t longer : {size + 1, size + 4, size + 16, kMaxDatagram, kMaxDatagram + 1, kSlotBytes, size_t{3000}, kLargest}) {
          if (longer <= size) continue;
          sealer.client.send(lengthened(genuine.back(), longer));
          if (longer > kMaxDatagram) {
            oversize++;
          } else {
            (isRtcp ? rtcpForged : rtpForged)++;
          }
        }
      }
    }
    CHECK_EQUAL(sealer.server.rows.size(), 0);
    CHECK_EQUAL(sealer.server.counter(Counter::dropOversize), oversize);
    CHECK_EQUAL(sealer.server.counter(Counter::dropSrtpAuth), rtpForged);
    // What stands where index and E bit are looked for is not always one.
    CHECK_EQUAL(sealer.server.counter(Counter::dropSrtcpAuth) + sealer.server.counter(Counter::dropSrtcpMalformed), rtcpForged);
    for (const Buffer& packet : genuine) sealer.client.send(packet);
    CHECK_EQUAL(sealer.server.rows.size(), genuine.size());
    CHECK_EQUAL(sealer.server.counter(Counter::dropSrtpReplay) + sealer.server.counter(Counter::dropSrtcpReplay), 0);
  }
}

TEST(H17_a_certificate_with_bad_curve_parameters_ends_its_transport_and_no_other) {
  Side server;
  RawClient liar(server), honest(server);
  const Buffer certificate = endlessCertificate();
  int replaced = 0;
  liar.rewrite = [&](const Buffer& datagram) { return withCertificate(datagram, certificate, replaced); };
  liar.handshake(sha256(certificate));
  CHECK_EQUAL(replaced, 1);
  CHECK(!liar.end->connected());
  CHECK_EQUAL(server.count(Kind::connected), 0);
  CHECK_EQUAL(server.count(Kind::closed), 1);
  CHECK(server.rows.back().transport == liar.id);
  CHECK_EQUAL(server.rows.back().extra, static_cast<int>(CloseReason::handshake));
  // What comes from it later is counted.
  double dropped = server.counter(Counter::dropDtlsError);
  liar.send(writeRecord({kHandshakeRecord, 0, 1000, writeFragment({kClientHello, 0, 9, 0, 0, {}})}));
  CHECK_EQUAL(server.counter(Counter::dropDtlsError), dropped + 1);

  honest.handshake(honest.identity.digest);
  CHECK(honest.end->connected());
  CHECK_EQUAL(server.count(Kind::connected), 1);
  CHECK_EQUAL(server.count(Kind::closed), 1);
}
