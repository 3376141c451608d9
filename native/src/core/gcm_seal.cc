#include "gcm_seal.h"

#include <openssl/crypto.h>

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rostra {

GcmSealer::~GcmSealer() { OPENSSL_cleanse(this, sizeof *this); }

#if defined(__x86_64__)

// Inlined into each other, as functions that pass vectors have to be; nothing else of the addon is compiled so.
#define ROSTRA_VECTOR __attribute__((target("avx,aes,pclmul")))
#define ROSTRA_INLINE __attribute__((target("avx,aes,pclmul"), always_inline)) inline

namespace {

ROSTRA_INLINE __m128i load(const uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
ROSTRA_INLINE void store(uint8_t* to, __m128i block) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block); }

// GHASH numbers bits from the other end than the CPU: its blocks are turned around. What is left of the difference is a
// factor x in H (RFC 8452 appendix A: GHASH by POLYVAL).
ROSTRA_INLINE __m128i turned(__m128i block) {
  return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

// x · `block` modulo x^128 + x^127 + x^126 + x^121 + 1, in the same time for all blocks.
ROSTRA_INLINE __m128i timesX(__m128i block) {
  __m128i carries = _mm_srli_epi64(block, 63);
  __m128i shifted = _mm_or_si128(_mm_slli_epi64(block, 1), _mm_slli_si128(carries, 8));
  __m128i overflow = _mm_sub_epi64(_mm_setzero_si128(), _mm_srli_si128(carries, 8));
  __m128i mask = _mm_unpacklo_epi64(overflow, overflow);
  __m128i polynomial = _mm_set_epi64x(static_cast<int64_t>(0xc200000000000000ull), 1);
  return _mm_xor_si128(shifted, _mm_and_si128(mask, polynomial));
}

// A sum of products of 128 bits each, 256 bits wide: high · x^128 + middle · x^64 + low.
struct Product {
  __m128i low, middle, high;
};

ROSTRA_INLINE void addProduct(Product& sum, __m128i a, __m128i b) {
  sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128(a, b, 0x00));
  sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128(a, b, 0x11));
  __m128i crossed = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
  sum.middle = _mm_xor_si128(sum.middle, crossed);
}

// Divides by x^128 modulo the polynomial (Montgomery): each step makes the lower 64 bits vanish.
ROSTRA_INLINE __m128i reduced(const Product& sum) {
  const __m128i polynomial = _mm_set_epi64x(0, static_cast<int64_t>(0xc200000000000000ull));
  __m128i low = _mm_xor_si128(sum.low, _mm_slli_si128(sum.middle, 8));
  __m128i high = _mm_xor_si128(sum.high, _mm_srli_si128(sum.middle, 8));
  for (int half = 0; half < 2; half++) {
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, polynomial, 0x00));
  }
  return _mm_xor_si128(high, low);
}

ROSTRA_INLINE Product nothing() { return {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()}; }

ROSTRA_INLINE __m128i product(__m128i a, __m128i b) {
  Product sum = nothing();
  addProduct(sum, a, b);
  return reduced(sum);
}

template <int constant>
ROSTRA_INLINE __m128i nextRoundKey(__m128i key) {
  __m128i assist = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, constant), 0xff);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, assist);
}

ROSTRA_INLINE __m128i encrypted(const uint8_t (*keys)[16], __m128i block) {
  block = _mm_xor_si128(block, load(keys[0]));
  for (int round = 1; round < 10; round++) block = _mm_aesenc_si128(block, load(keys[round]));
  return _mm_aesenclast_si128(block, load(keys[10]));
}

// |  IV, 12 bytes  | number |     number 1 makes the tag, the payload begins with 2
ROSTRA_INLINE __m128i counterBlock(__m128i iv, uint32_t number) {
  return _mm_insert_epi32(iv, static_cast<int>(__builtin_bswap32(number)), 3);
}

ROSTRA_INLINE __m128i loadPart(const uint8_t* from, size_t length) {
  alignas(16) uint8_t block[16] = {};
  std::memcpy(block, from, length);
  return load(block);
}

// Key stream of as many blocks as there are lanes.
template <int lanes>
ROSTRA_INLINE void keyStream(const uint8_t (*keys)[16], __m128i iv, uint32_t number, __m128i* stream) {
  __m128i key = load(keys[0]);
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++) stream[i] = _mm_xor_si128(counterBlock(iv, number + static_cast<uint32_t>(i)), key);
#pragma GCC unroll 9
  for (int round = 1; round < 10; round++) {
    key = load(keys[round]);
#pragma GCC unroll 8
    for (int i = 0; i < lanes; i++) stream[i] = _mm_aesenc_si128(stream[i], key);
  }
  key = load(keys[10]);
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++) stream[i] = _mm_aesenclast_si128(stream[i], key);
}

}  // namespace

bool GcmSealer::available() {
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx");
}

ROSTRA_VECTOR void GcmSealer::init(const uint8_t* key) {
  __m128i k = load(key);
  store(roundKeys_[0], k);
  store(roundKeys_[1], k = nextRoundKey<0x01>(k));
  store(roundKeys_[2], k = nextRoundKey<0x02>(k));
  store(roundKeys_[3], k = nextRoundKey<0x04>(k));
  store(roundKeys_[4], k = nextRoundKey<0x08>(k));
  store(roundKeys_[5], k = nextRoundKey<0x10>(k));
  store(roundKeys_[6], k = nextRoundKey<0x20>(k));
  store(roundKeys_[7], k = nextRoundKey<0x40>(k));
  store(roundKeys_[8], k = nextRoundKey<0x80>(k));
  store(roundKeys_[9], k = nextRoundKey<0x1b>(k));
  store(roundKeys_[10], nextRoundKey<0x36>(k));
  __m128i h = timesX(turned(encrypted(roundKeys_, _mm_setzero_si128())));
  __m128i power = h;
  store(powers_[0], h);
  for (int i = 1; i < kLanes; i++) store(powers_[i], power = product(power, h));
}

// GHASH of blocks that come in runs of at most `kLanes`: one reduction for each run.
struct GcmSealer::Hash {
  const uint8_t (*powers)[16];
  __m128i state;

  ROSTRA_INLINE void run(const __m128i* blocks, int count) {
    Product sum = nothing();
    for (int i = 0; i < count; i++) {
      __m128i block = turned(blocks[i]);
      if (i == 0) block = _mm_xor_si128(block, state);
      addProduct(sum, block, load(powers[count - 1 - i]));
    }
    state = reduced(sum);
  }
  ROSTRA_INLINE void full(const __m128i* blocks) {
    Product sum = nothing();
    addProduct(sum, _mm_xor_si128(turned(blocks[0]), state), load(powers[kLanes - 1]));
#pragma GCC unroll 8
    for (int i = 1; i < kLanes; i++) addProduct(sum, turned(blocks[i]), load(powers[kLanes - 1 - i]));
    state = reduced(sum);
  }
  ROSTRA_INLINE void bytes(const uint8_t* from, size_t length) {
    while (length > 0) {
      __m128i blocks[kLanes];
      int count = 0;
      for (; count < kLanes && length > 0; count++) {
        size_t part = length < 16 ? length : 16;
        blocks[count] = part == 16 ? load(from) : loadPart(from, part);
        from += part;
        length -= part;
      }
      run(blocks, count);
    }
  }
};

ROSTRA_VECTOR void GcmSealer::seal(const uint8_t* iv, const uint8_t* associated, size_t associatedLength,
                                   const uint8_t* in, size_t length, uint8_t* out) const {
  constexpr size_t kRun = kLanes * 16;
  const __m128i counter = loadPart(iv, kIvBytes);
  Hash hash{powers_, _mm_setzero_si128()};
  hash.bytes(associated, associatedLength);
  __m128i lengths = _mm_set_epi64x(static_cast<int64_t>(associatedLength * 8), static_cast<int64_t>(length * 8));
  uint32_t number = 2;
  __m128i stream[kLanes], sealed[kLanes];
  for (; length >= kRun; length -= kRun, in += kRun, out += kRun, number += kLanes) {
    keyStream<kLanes>(roundKeys_, counter, number, stream);
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; i++) store(out + 16 * i, sealed[i] = _mm_xor_si128(stream[i], load(in + 16 * i)));
    hash.full(sealed);
  }
  if (length > 0) {
    keyStream<kLanes>(roundKeys_, counter, number, stream);
    int count = 0;
    for (; length >= 16; length -= 16, in += 16, out += 16, count++) {
      store(out, sealed[count] = _mm_xor_si128(stream[count], load(in)));
    }
    if (length > 0) {
      alignas(16) uint8_t block[16];
      store(block, _mm_xor_si128(stream[count], loadPart(in, length)));
      std::memcpy(out, block, length);
      sealed[count++] = loadPart(block, length);
      out += length;
    }
    hash.run(sealed, count);
  }
  // The lengths in bits end what is hashed; they are given turned around.
  __m128i sum = product(_mm_xor_si128(hash.state, lengths), load(powers_[0]));
  store(out, _mm_xor_si128(turned(sum), encrypted(roundKeys_, counterBlock(counter, 1))));
}

#else

bool GcmSealer::available() { return false; }
void GcmSealer::init(const uint8_t*) {}
void GcmSealer::seal(const uint8_t*, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t*) const {}

#endif

}  // namespace rostra
