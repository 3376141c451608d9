#include <cctype>
#include <cstdio>
#include <cstring>

#include "check.h"

namespace check {

static int failures = 0;

std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

void failed(const char* file, int line, const std::string& what) {
  // The first few tell the story.
  if (++failures <= 5) std::fprintf(stderr, "  %s:%d: %s\n", file, line, what.c_str());
}

Buffer hex(const char* text) {
  Buffer out;
  int digits = 0, value = 0;
  for (; *text != 0; text++) {
    if (!std::isxdigit(static_cast<unsigned char>(*text))) continue;
    int digit = std::isdigit(static_cast<unsigned char>(*text)) ? *text - '0' : std::tolower(*text) - 'a' + 10;
    value = value << 4 | digit;
    if (++digits % 2 == 0) {
      out.push_back(static_cast<uint8_t>(value));
      value = 0;
    }
  }
  return out;
}

std::string text(const Buffer& bytes) {
  std::string out;
  char pair[3];
  for (uint8_t byte : bytes) {
    std::snprintf(pair, sizeof pair, "%02x", byte);
    out += pair;
  }
  return out;
}

}  // namespace check

// `run [NAME]`: tests whose name contains NAME.
int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const check::Test& test : check::tests()) {
    if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr) continue;
    check::failures = 0;
    test.run();
    if (check::failures > 0) std::printf("not ok %s\n", test.name);
    (check::failures > 0 ? failed : passed)++;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0 ? 1 : 0;
}
