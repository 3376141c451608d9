// One libFuzzer target: the body is chosen at compile time (see test/Makefile).
#include <cstddef>
#include <cstdint>

void FUZZ_BODY(const uint8_t* bytes, size_t length);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  FUZZ_BODY(bytes, length);
  return 0;
}
