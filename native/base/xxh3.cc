#include "base/xxh3.h"

#include <bit>
#include <cassert>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace superslab {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

using Word = std::uint64_t;

// The specification's names.
constexpr Word kPrime32_1 = 0x9e3779b1, kPrime32_2 = 0x85ebca77, kPrime32_3 = 0xc2b2ae3d;
constexpr Word kPrime64_1 = 0x9e3779b185ebca87, kPrime64_2 = 0xc2b2ae3d27d4eb4f,
               kPrime64_3 = 0x165667b19e3779f9, kPrime64_4 = 0x85ebca77c2b2ae63,
               kPrime64_5 = 0x27d4eb2f165667c5;
constexpr Word kMix = 0x165667919e3779f9;

constexpr int kLanes = 8;
constexpr ByteCount kStripeBytes = kLanes * sizeof(Word);
constexpr ByteCount kSecretBytes = 192;
/// Stripes that are added with one pass through the secret, of which each takes the next word.
constexpr ByteCount kStripesPerBlock = (kSecretBytes - kStripeBytes) / sizeof(Word);
constexpr ByteCount kBlockBytes = kStripesPerBlock * kStripeBytes;

using Byte = unsigned char;

alignas(64) constexpr Byte kSecret[kSecretBytes] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

Word word_at(const Byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

constexpr Word kFirstLanes[kLanes] = {kPrime32_3, kPrime64_1, kPrime64_2, kPrime64_3,
                                      kPrime64_4, kPrime32_2, kPrime64_5, kPrime32_1};

/// The eight lanes, and how a stripe is added to them. Each processor has a way of its own.
struct ByWords {
  Word lane[kLanes];

  ByWords() { std::memcpy(lane, kFirstLanes, sizeof lane); }
  void store(Word* to) const { std::memcpy(to, lane, sizeof lane); }

  void add(const Byte* stripe, const Byte* secret) {
    for (int i = 0; i < kLanes; ++i) {
      const Word data = word_at(stripe + i * sizeof(Word));
      const Word keyed = data ^ word_at(secret + i * sizeof(Word));
      lane[i ^ 1] += data;
      lane[i] += (keyed & UINT32_MAX) * (keyed >> 32);
    }
  }

  /// At the end of a block.
  void scramble(const Byte* secret) {
    for (int i = 0; i < kLanes; ++i) {
      lane[i] ^= lane[i] >> 47;
      lane[i] ^= word_at(secret + i * sizeof(Word));
      lane[i] *= kPrime32_1;
    }
  }
};

#if defined(__x86_64__)

/// Two lanes at once, as every x86-64 can.
struct BySse2 {
  static constexpr int kPairs = kLanes / 2;
  __m128i pair[kPairs];

  static __m128i load(const void* from, int i) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from) + i);
  }
  BySse2() {
    for (int i = 0; i < kPairs; ++i) pair[i] = load(kFirstLanes, i);
  }
  void store(Word* to) const {
    for (int i = 0; i < kPairs; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + i, pair[i]);
  }

  void add(const Byte* stripe, const Byte* secret) {
    for (int i = 0; i < kPairs; ++i) {
      const __m128i data = load(stripe, i);
      const __m128i keyed = _mm_xor_si128(data, load(secret, i));
      const __m128i product = _mm_mul_epu32(keyed, _mm_srli_epi64(keyed, 32));
      const __m128i swapped = _mm_shuffle_epi32(data, _MM_SHUFFLE(1, 0, 3, 2));
      pair[i] = _mm_add_epi64(product, _mm_add_epi64(pair[i], swapped));
    }
  }

  void scramble(const Byte* secret) {
    const __m128i prime = _mm_set1_epi32(static_cast<int>(kPrime32_1));
    for (int i = 0; i < kPairs; ++i) {
      __m128i lanes = _mm_xor_si128(pair[i], _mm_srli_epi64(pair[i], 47));
      lanes = _mm_xor_si128(lanes, load(secret, i));
      const __m128i high = _mm_mul_epu32(_mm_srli_epi64(lanes, 32), prime);
      pair[i] = _mm_add_epi64(_mm_mul_epu32(lanes, prime), _mm_slli_epi64(high, 32));
    }
  }
};

using Fastest = BySse2;

#else
using Fastest = ByWords;
#endif

Word folded_product(Word a, Word b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<Word>(product) ^ static_cast<Word>(product >> 64);
}

Word merged(const Word* lanes, const Byte* secret, Word begin) {
  Word sum = begin;
  for (int i = 0; i < kLanes; i += 2)
    sum += folded_product(lanes[i] ^ word_at(secret + i * sizeof(Word)),
                          lanes[i + 1] ^ word_at(secret + (i + 1) * sizeof(Word)));
  sum ^= sum >> 37;
  sum *= kMix;
  return sum ^ (sum >> 32);
}

/// The secret of a seed, which is added to its words, and taken from every other one.
void seed_secret(Word seed, Byte* secret) {
  for (ByteCount i = 0; i < kSecretBytes; i += 2 * sizeof(Word)) {
    const Word words[2] = {word_at(kSecret + i) + seed, word_at(kSecret + i + sizeof(Word)) - seed};
    std::memcpy(secret + i, words, sizeof words);
  }
}

template <class Way>
Word sum_by(const Byte* at, ByteCount bytes, Word seed) {
  assert(bytes >= kXxh3Shortest);
  alignas(16) Byte secret[kSecretBytes];
  seed_secret(seed, secret);
  const Byte* const last_secret = secret + kSecretBytes - kStripeBytes;
  const Byte* const last_stripe = at + bytes - kStripeBytes;
  Way way;
  const auto add_stripes = [&](ByteCount count) {
    for (ByteCount i = 0; i < count; ++i, at += kStripeBytes)
      way.add(at, secret + i * sizeof(Word));
  };
  // The last stripe ends where the input does, and may have been added in part.
  ByteCount rest = bytes - 1;
  for (; rest >= kBlockBytes; rest -= kBlockBytes) {
    add_stripes(kStripesPerBlock);
    way.scramble(last_secret);
  }
  add_stripes(rest / kStripeBytes);
  way.add(last_stripe, last_secret - 7);
  Word lanes[kLanes];
  way.store(lanes);
  return merged(lanes, secret + 11, bytes * kPrime64_1);
}

}  // namespace

std::uint64_t xxh3(const void* data, ByteCount bytes, std::uint64_t seed) {
  return sum_by<Fastest>(static_cast<const Byte*>(data), bytes, seed);
}

std::uint64_t xxh3_by_words(const void* data, ByteCount bytes, std::uint64_t seed) {
  return sum_by<ByWords>(static_cast<const Byte*>(data), bytes, seed);
}

}  // namespace superslab
