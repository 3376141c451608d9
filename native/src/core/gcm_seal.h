// Sealing with AES-128-GCM (NIST SP 800-38D) by the CPU's own instructions for AES and carry-less multiplication.
//
// OpenSSL does the arithmetic as fast, but a packet of 1,100 bytes costs as much again around it: parameters that are
// looked up by name, and a context that lies in three places, cold in the cache when a packet comes every few
// milliseconds. Here everything that a packet needs of a key is in five cache lines. Opening stays with OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rostra {

class GcmSealer {
 public:
  static constexpr size_t kKeyBytes = 16, kIvBytes = 12, kTagBytes = 16;

  // Whether this CPU has the instructions (x86-64 with AES, PCLMULQDQ and AVX). Nothing else may be called if not.
  static bool available();

  GcmSealer() = default;
  GcmSealer(const GcmSealer&) = delete;
  GcmSealer& operator=(const GcmSealer&) = delete;
  ~GcmSealer();

  void init(const uint8_t* key);

  // Writes `length` bytes of ciphertext to `out` (`in` itself, or memory apart from it), and the tag behind them. An
  // `iv` must not be used twice with one key.
  void seal(const uint8_t* iv, const uint8_t* associated, size_t associatedLength, const uint8_t* in, size_t length,
            uint8_t* out) const;

  // Fetches the key into the cache.
  void prefetch() const {
    for (size_t at = 0; at < sizeof *this; at += 64) __builtin_prefetch(reinterpret_cast<const uint8_t*>(this) + at);
  }

 private:
  static constexpr int kRounds = 10;
  // Blocks that are encrypted, and hashed, side by side.
  static constexpr int kLanes = 8;
  struct Hash;

  alignas(64) uint8_t roundKeys_[kRounds + 1][16];
  // H^1 … H^8 as `gcm_seal.cc` wants them.
  uint8_t powers_[kLanes][16];
};

}  // namespace rostra
