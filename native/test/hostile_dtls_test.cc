// Handshakes that want to cost memory or time: fragments that are never a message, certificates that hurt whoever reads them.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "dtls_end.h"
#include "handshake_records.h"
#include "odd_certificate.h"

using namespace rostra;
using namespace check;

// Of AddressSanitizer, whose header for it not every compiler brings along.
extern "C" size_t __sanitizer_get_current_allocated_bytes();

namespace {

size_t allocatedBytes() { return __sanitizer_get_current_allocated_bytes(); }

long cpuMs() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

// What does not end, fails.
struct Alarm {
  explicit Alarm(unsigned seconds) { alarm(seconds); }
  ~Alarm() { alarm(0); }
};

// More than a handshake may have.
constexpr uint32_t kRecords = 4000;
// Ten messages ahead of their turn, of 16 KiB each, are what OpenSSL keeps at most; and the buffers of its records.
constexpr size_t kMaxHeldBytes = 320 * 1024;
constexpr long kMaxCpuMs = 2000;

using MakeFragment = std::function<Fragment(uint32_t)>;

// Feeds records of one kind to a session in the middle of its handshake.
void feedFragments(const char* name, Identity& self, DtlsRole role, const MakeFragment& make) {
  End victim(self, role, self.digest);
  victim.session->begin();
  victim.out.clear();
  size_t before = allocatedBytes(), most = 0;
  long began = cpuMs();
  for (uint32_t i = 0; i < kRecords; i++) {
    Buffer datagram = writeRecord({kHandshakeRecord, 0, i, writeFragment(make(i))});
    victim.session->feed(datagram.data(), datagram.size());
    uint8_t record[1536];
    while (victim.session->read(record, sizeof record) > 0) failed(__FILE__, __LINE__, name);
    most = std::max(most, allocatedBytes() - before);
  }
  if (most > kMaxHeldBytes) failed(__FILE__, __LINE__, std::string(name) + " holds " + std::to_string(most) + " bytes");
  long took = cpuMs() - began;
  if (took > kMaxCpuMs) failed(__FILE__, __LINE__, std::string(name) + " takes " + std::to_string(took) + " ms");
  CHECK(!victim.connected());
  // An alert, or nothing: whoever has not said hello gets no flight.
  CHECK(victim.out.size() <= 1);
}

// The plain messages of a datagram in fragments that overlap, the last one first: until the first has come there is a
// gap. `seq` numbers the records of the first epoch.
std::vector<Buffer> inOverlappingFragments(const Buffer& datagram, uint64_t& seq) {
  std::vector<Buffer> out;
  for (Record& record : readRecords(datagram)) {
    if (!isWholeMessage(record)) {
      if (record.epoch == 0) record.seq = seq++;
      out.push_back(writeRecord(record));
      continue;
    }
    Fragment whole = readFragment(record.body);
    uint32_t step = std::max(1u, whole.total / 5);
    for (uint32_t offset = (whole.total / step) * step + step; offset >= step;) {
      offset -= step;
      if (offset >= whole.total && whole.total > 0) continue;
      Fragment part = whole;
      part.offset = offset;
      part.length = std::min(2 * step, whole.total - offset);
      auto begin = whole.bytes.begin() + static_cast<long>(offset);
      part.bytes.assign(begin, begin + static_cast<long>(part.length));
      out.push_back(writeRecord({kHandshakeRecord, 0, seq++, writeFragment(part)}));
    }
  }
  return out;
}

// What the alert that was sent last says, or −1.
int alertOf(const End& end) {
  for (auto datagram = end.sentOnce.rbegin(); datagram != end.sentOnce.rend(); datagram++) {
    for (const Record& record : readRecords(*datagram)) {
      if (record.type == kAlertRecord && record.epoch == 0) return record.body.at(1);
    }
  }
  return -1;
}

// Carries datagrams between the two, with `certificate` in place of the one that `liar` has.
void carryLies(End& liar, End& victim, const Buffer& certificate, int& replaced) {
  while (!liar.out.empty() || !victim.out.empty()) {
    std::vector<Buffer> lies, answers;
    lies.swap(liar.out);
    answers.swap(victim.out);
    for (const Buffer& datagram : lies) victim.feed(withCertificate(datagram, certificate, replaced));
    for (const Buffer& datagram : answers) {
      victim.sentOnce.push_back(datagram);
      liar.feed(datagram);
    }
  }
}

}  // namespace

TEST(H16_dtls_fragments_that_are_never_a_message_cost_little) {
  Alarm guard(120);
  Identity self, other;
  Random random(16);
  const Buffer some = random.bytes(1000);
  auto part = [&](size_t length) { return Buffer(some.begin(), some.begin() + static_cast<long>(length)); };
  const struct {
    const char* name;
    MakeFragment make;
  } kinds[] = {
      {"no length", [&](uint32_t i) { return Fragment{kClientHello, 200, 0, i % 200, 0, {}}; }},
      {"no length in another message each", [&](uint32_t i) { return Fragment{1, 200, static_cast<uint16_t>(i), 0, 0, {}}; }},
      {"an empty message", [&](uint32_t) { return Fragment{kClientHello, 0, 0, 0, 0, {}}; }},
      {"16 MiB", [&](uint32_t i) { return Fragment{kClientHello, 0xffffff, 0, i * 1000, 1000, some}; }},
      {"16 MiB ahead of its turn",
       [&](uint32_t i) { return Fragment{kClientHello, 0xffffff, static_cast<uint16_t>(1 + i % 9), 0, 1000, some}; }},
      {"16 MiB without length", [&](uint32_t) { return Fragment{kClientHello, 0xffffff, 0, 0, 0, {}}; }},
      {"the end of 16 MiB", [&](uint32_t) { return Fragment{kClientHello, 0xffffff, 0, 0xffffff - 100, 100, part(100)}; }},
      {"past the end", [&](uint32_t) { return Fragment{kClientHello, 200, 0, 150, 100, part(100)}; }},
      {"longer than its record", [&](uint32_t) { return Fragment{kClientHello, 16'000, 0, 0, 8000, part(100)}; }},
      {"an offset that wraps", [&](uint32_t) { return Fragment{kClientHello, 200, 0, 0xffffff, 0xffffff, part(100)}; }},
      {"every second byte", [&](uint32_t i) { return Fragment{kClientHello, 16'000, 0, 2 * (i % 7999), 1, part(1)}; }},
      {"all but the first byte",
       [&](uint32_t i) { return Fragment{kClientHello, 16'000, 0, 1 + (i * 700) % 15'000, 900, part(900)}; }},
      {"overlapping, each with something else",
       [&](uint32_t i) { return Fragment{kClientHello, 16'000, 0, 1 + i % 15'000, 900, random.bytes(900)}; }},
      {"another total each", [&](uint32_t i) { return Fragment{kClientHello, 2000 + i, 0, 0, 900, part(900)}; }},
      {"all messages ahead of their turn",
       [&](uint32_t i) { return Fragment{kClientHello, 16'000, static_cast<uint16_t>(1 + i % 9), (i / 9 * 800) % 15'000, 900, part(900)}; }},
      {"messages far ahead", [&](uint32_t i) { return Fragment{kClientHello, 900, static_cast<uint16_t>(11 + i), 0, 900, part(900)}; }},
      {"every type", [&](uint32_t i) { return Fragment{static_cast<uint8_t>(i), 16'000, 0, 900, 900, part(900)}; }},
  };
  // What OpenSSL and the test make once is made.
  feedFragments(kinds[0].name, self, DtlsRole::server, kinds[0].make);
  size_t before = allocatedBytes();
  for (const auto& kind : kinds) {
    for (DtlsRole role : {DtlsRole::server, DtlsRole::client}) feedFragments(kind.name, self, role, kind.make);
  }
  CHECK(allocatedBytes() <= before + 4096);
  // Whoever means well is served as before.
  End client(other, DtlsRole::client, self.digest), server(self, DtlsRole::server, other.digest);
  client.session->begin();
  carry(client, server);
  CHECK(client.connected() && server.connected());
}

TEST(H16_dtls_messages_in_overlapping_fragments_are_put_together) {
  Pair pair;
  uint64_t seqs[2] = {0, 0};
  size_t fragments = 0;
  pair.client.session->begin();
  while (!pair.client.out.empty() || !pair.server.out.empty()) {
    End* ends[2] = {&pair.client, &pair.server};
    for (int from = 0; from < 2; from++) {
      std::vector<Buffer> out;
      out.swap(ends[from]->out);
      for (const Buffer& datagram : out) {
        for (const Buffer& part : inOverlappingFragments(datagram, seqs[from])) {
          ends[1 - from]->feed(part);
          fragments++;
        }
      }
    }
  }
  CHECK(fragments > 40);
  CHECK(pair.client.connected() && pair.server.connected());
  CHECK(pair.client.session->write(reinterpret_cast<const uint8_t*>("one"), 3));
  carry(pair.client, pair.server);
  CHECK_BYTES(pair.server.read.at(0), hex("6f6e65"));
}

TEST(H17_dtls_certificates_with_bad_curve_parameters_end_the_handshake) {
  Alarm guard(120);
  const Buffer pointOf2 = hex("020000");
  const Buffer p256 = objectId("2a8648ce3d030107");
  const Buffer generator =
      hex("04 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  const Buffer offCurve = joined({{4}, Buffer(64, 0x77)});
  const Buffer bad[] = {
      endlessCertificate(),
      // The same search for the key in place of the generator.
      certificateOf(primeCurve(hex("02b9"), hex("02b6"), {1}, hex("0400000001"), hex("02b3")), hex("020001")),
      certificateOf(primeCurve(joined({{0}, Buffer(1024, 0xff)}), {1}, {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve({0}, {1}, {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve({1}, {1}, {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve(hex("010000"), {1}, {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve(hex("ff47"), {1}, {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve(hex("02b9"), Buffer(5000, 1), {1}, pointOf2, {7}), pointOf2),
      certificateOf(primeCurve(hex("02b9"), {1}, {1}, {0}, {0}), {0}),
      certificateOf(primeCurve(hex("02b9"), {1}, {1}, {}, {7}), {}),
      certificateOf(binaryCurve(hex("7fffffff"), joined({objectId("2a8648ce3d01020302"), integer({1})})), pointOf2),
      // CVE-2015-1788
      certificateOf(binaryCurve(hex("00a3"), joined({objectId("2a8648ce3d01020303"), sequence({integer({0}), integer({0}), integer({0})})})), pointOf2),
      certificateOf(objectId("2a8648ce3d03017f"), generator),
      certificateOf(der(0x05, {}), generator),
      certificateOf({}, generator),
      certificateOf(sequence({integer({1})}), generator),
      certificateOf(p256, offCurve),
  };
  // Keys on a good curve that are nobody's, one of them infinity: that is not seen before something was to be signed.
  const Buffer borrowed[] = {certificateOf(p256, generator), certificateOf(p256, {0})};
  constexpr int kDecryptError = 51;

  Identity liars, victims;
  struct Ended {
    CloseReason reason;
    int alert;
  };
  auto lie = [&](const Buffer& certificate, bool toServer, const Buffer& digest) -> Ended {
    End liar(liars, toServer ? DtlsRole::client : DtlsRole::server, victims.digest);
    End victim(victims, toServer ? DtlsRole::server : DtlsRole::client, digest);
    liar.session->begin();
    victim.session->begin();
    int replaced = 0;
    long began = cpuMs();
    carryLies(liar, victim, certificate, replaced);
    CHECK_EQUAL(replaced, 1);
    CHECK(cpuMs() - began < 1000);
    CHECK(victim.closed() && !liar.connected());
    SrtpKeyMaterial keys;
    CHECK(!victim.session->exportKeys(keys));
    return {victim.session->closeReason(), alertOf(victim)};
  };
  for (bool toServer : {true, false}) {
    for (const Buffer& certificate : bad) {
      Ended ended = lie(certificate, toServer, sha256(certificate));
      CHECK(ended.reason == CloseReason::handshake);
      CHECK(ended.alert >= 0 && ended.alert != kDecryptError);
    }
    for (const Buffer& certificate : borrowed) {
      Ended ended = lie(certificate, toServer, sha256(certificate));
      CHECK(ended.reason == CloseReason::handshake);
      CHECK_EQUAL(ended.alert, kDecryptError);
    }
    // One whose fingerprint is not the one of the description: its key is of no interest.
    Ended ended = lie(endlessCertificate(), toServer, liars.digest);
    CHECK(ended.reason == CloseReason::fingerprint);
  }
}
