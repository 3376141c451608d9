// Every input of the corpus through the body it belongs to.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "check.h"

void fuzz_packet(const uint8_t* bytes, size_t length);
void fuzz_srtp(const uint8_t* bytes, size_t length);
void fuzz_srtcp(const uint8_t* bytes, size_t length);
void fuzz_dtls(const uint8_t* bytes, size_t length);
void fuzz_frames(const uint8_t* bytes, size_t length);

namespace {

void replay(const char* name, void (*body)(const uint8_t*, size_t)) {
  const char* corpus = std::getenv("CORPUS");
  int replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(corpus ? corpus : "fuzz/corpus") + "/" + name)) {
    std::ifstream file(entry.path(), std::ios::binary);
    check::Buffer bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    // Whole, and every prefix: an input cut short is another one.
    for (size_t length = 0; length <= bytes.size(); length += bytes.size() > 400 ? 97 : 1) {
      check::Buffer prefix(bytes.begin(), bytes.begin() + static_cast<long>(length));
      body(prefix.data(), prefix.size());
    }
    body(bytes.data(), bytes.size());
    replayed++;
  }
  CHECK(replayed > 0);
}

}  // namespace

TEST(corpus_packet) { replay("packet", fuzz_packet); }
TEST(corpus_srtp) { replay("srtp", fuzz_srtp); }
TEST(corpus_srtcp) { replay("srtcp", fuzz_srtcp); }
TEST(corpus_dtls) { replay("dtls", fuzz_dtls); }
TEST(corpus_frames) { replay("frames", fuzz_frames); }
