#include <random>
#include <vector>

#include "base/xxh3.h"
#include "check.h"

#ifdef SUPERSLAB_XXH3
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

namespace superslab {
namespace {

/// The bytes that xxHash's own sanity check hashes.
std::vector<unsigned char> sanity_bytes(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  std::uint64_t generator = 2654435761;
  for (unsigned char& byte : bytes) {
    byte = static_cast<unsigned char>(generator >> 56);
    generator *= 11400714785074694797u;
  }
  return bytes;
}

TEST(base, "XXH3 gives what xxHash's sanity check expects") {
  struct {
    ByteCount bytes;
    std::uint64_t seed, sum;
  } constexpr kVectors[] = {
      {403, 0, 0xcdeb804d65c6dea4},  {403, 0x9e3779b185ebca8d, 0x6259f6ecfd6443fd},
      {512, 0, 0x617e49599013cb6b},  {512, 0x9e3779b185ebca8d, 0x3ce457de14c27708},
      {2048, 0, 0xdd59e2c3a5f038e0}, {2048, 0x9e3779b185ebca8d, 0x66f81670669ababc},
      {2240, 0, 0x6e73a90539cf2948}, {2240, 0x9e3779b185ebca8d, 0x757ba8487d1b5247},
      {2367, 0, 0xcb37aeb9e5d361ed}, {2367, 0x9e3779b185ebca8d, 0xd2db3415b942b42a},
  };
  const std::vector<unsigned char> bytes = sanity_bytes(2367);
  for (const auto& vector : kVectors) {
    CHECK_EQ(xxh3(bytes.data(), vector.bytes, vector.seed), vector.sum);
    CHECK_EQ(xxh3_by_words(bytes.data(), vector.bytes, vector.seed), vector.sum);
  }
}

TEST(base, "XXH3 is the same by words and by vectors, and what the library makes of any length") {
  const std::vector<unsigned char> bytes = sanity_bytes(70'000);
  std::minstd_rand chance(1);
  for (ByteCount length = kXxh3Shortest; length < 69'000; length += length < 3000 ? 1 : 977) {
    const std::uint64_t seed = chance();
    const unsigned char* const at = bytes.data() + chance() % 64;  // of any alignment
    const std::uint64_t sum = xxh3(at, length, seed);
    CHECK_EQ(sum, xxh3_by_words(at, length, seed));
#ifdef SUPERSLAB_XXH3
    CHECK_EQ(sum, XXH3_64bits_withSeed(at, length, seed));
#endif
  }
}

}  // namespace
}  // namespace superslab
