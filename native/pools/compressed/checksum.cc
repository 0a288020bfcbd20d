#include "pools/compressed/checksum.h"

#include <bit>
#include <cstring>

#ifdef SUPERSLAB_XXH3
#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#define XXH_STATIC_LINKING_ONLY
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <xxhash.h>
#pragma GCC diagnostic pop
#endif

namespace superslab {

#ifdef SUPERSLAB_XXH3

std::uint64_t checksum(const void* bytes, ByteCount size) { return XXH3_64bits(bytes, size); }

#else

std::uint64_t checksum(const void* bytes, ByteCount size) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const auto* at = static_cast<const std::byte*>(bytes);
  std::uint64_t sum = size * kOdd;
  // Each step is a bijection of the sum: once two sums differ, equal words keep them apart.
  const auto add = [&](std::uint64_t word) { sum = (std::rotl(sum, 29) ^ word) * kOdd; };
  ByteCount left = size;
  for (; left >= sizeof(std::uint64_t);
       left -= sizeof(std::uint64_t), at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    add(word);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, at, left);
  add(rest);
  return sum ^ (sum >> 32);
}

#endif

}  // namespace superslab
