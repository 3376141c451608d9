// A test registers itself, runs, and counts as failed when any check in it failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};
std::vector<Test>& tests();
struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};
void failed(const char* file, int line, const std::string& what);

using Buffer = std::vector<uint8_t>;
// Spaces are ignored.
Buffer hex(const char* text);
std::string text(const Buffer& bytes);

// Reproducible numbers (xorshift64*).
struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 2654435769u + 1) {}
  uint32_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<uint32_t>((state * 0x2545F4914F6CDD1DULL) >> 32);
  }
  uint32_t below(uint32_t bound) { return next() % bound; }
  Buffer bytes(size_t length) {
    Buffer out(length);
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(next());
    return out;
  }
};

}  // namespace check

#define TEST(name)                                             \
  static void name();                                          \
  static const check::Register register_##name(#name, name);   \
  static void name()
#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) check::failed(__FILE__, __LINE__, #condition); \
  } while (0)
#define CHECK_EQUAL(actual, expected)                                                                         \
  do {                                                                                                        \
    auto actual_ = (actual);                                                                                  \
    auto expected_ = (expected);                                                                              \
    if (!(actual_ == static_cast<decltype(actual_)>(expected_)))                                              \
      check::failed(__FILE__, __LINE__,                                                                       \
                    std::string(#actual " is ") + std::to_string(static_cast<long long>(actual_)) + ", not " + \
                        std::to_string(static_cast<long long>(expected_)));                                   \
  } while (0)
#define CHECK_BYTES(actual, expected)                                                                     \
  do {                                                                                                    \
    check::Buffer actual_ = (actual), expected_ = (expected);                                             \
    if (actual_ != expected_)                                                                             \
      check::failed(__FILE__, __LINE__, #actual " is\n    " + check::text(actual_) + ", not\n    " + check::text(expected_)); \
  } while (0)
