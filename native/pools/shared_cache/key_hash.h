// Hashes of keys and tags. All processes of a cache use the same seed, which its file has, and
// which nobody can guess.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "pools/shared_cache/format.h"

namespace superslab::shared_cache {

/// Both halves of the product of two words, mixed: every bit depends on all of them.
inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) {
  // Odd numbers with about as many ones as zeros: the fractions of two square roots.
  constexpr std::uint64_t kOne = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kOther = 0xbb67ae8584caa73b;
  std::uint64_t hash = folded_product(seed ^ kOne, bytes.size() ^ kOther);
  const char* next = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t words[2];
  for (; left >= sizeof words; left -= sizeof words, next += sizeof words) {
    std::memcpy(words, next, sizeof words);
    hash = folded_product(hash ^ words[0], words[1] ^ kOne);
  }
  words[0] = words[1] = 0;
  std::memcpy(words, next, left);
  hash = folded_product(hash ^ words[0], words[1] ^ kOther);
  return folded_product(hash ^ seed, kOne);
}

/// A key with its hash.
struct Key {
  std::string_view text;
  std::uint64_t hash;

  /// Never 0, so that no slot in use is.
  std::uint64_t tag() const { return tag_of(hash); }
  static std::uint64_t tag_of(std::uint64_t hash) { return (hash >> 8 & 0xffff) | 1; }
};

}  // namespace superslab::shared_cache
