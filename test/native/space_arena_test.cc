// Runs of superslabs in an arena.

#include "space/arena.h"

#include <random>
#include <vector>

#include "check.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr std::uint32_t kEnd = kSuperslabsPerArena;

/// An arena in which stretches of random length are spare, idle, or neither.
struct RandomArena {
  Arena arena{nullptr};
  std::vector<bool> spare = std::vector<bool>(kEnd);
  std::vector<bool> idle = std::vector<bool>(kEnd);
  std::vector<bool> fits = std::vector<bool>(kEnd);

  RandomArena(std::mt19937& random, std::uint32_t longest) {
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (std::uint32_t i = 0; i < kEnd;) {
      const std::uint32_t end = std::min(i + 1 + below(longest), kEnd);
      const bool is_spare = below(4) != 0;
      const bool is_idle = below(2) != 0;
      if (is_spare) arena.set_spare(i, end - i, true);
      if (is_idle) arena.set_idle(i, end - i);
      for (; i < end; ++i) {
        spare[i] = is_spare;
        idle[i] = is_idle;
        fits[i] = below(64) != 0;
      }
    }
  }

  bool is_wanted(Spare wanted, std::uint32_t i) const {
    if (!spare[i] || !fits[i]) return false;
    return wanted == Spare::kAny || idle[i] == (wanted == Spare::kIdle);
  }

  int lowest(Spare wanted, std::uint32_t count, std::uint32_t unit) const {
    for (std::uint32_t first = 0; first + count <= kEnd; first += unit) {
      std::uint32_t i = first;
      while (i < first + count && is_wanted(wanted, i)) ++i;
      if (i == first + count && i % 3 != 0) return static_cast<int>(first);
    }
    return -1;
  }
};

}  // namespace

TEST(space, "the span that is found is the lowest that is spare as wanted and fits") {
  std::mt19937 random(5);
  unsigned found = 0;
  unsigned missed = 0;
  for (int round = 0; round < 40; ++round) {
    const RandomArena a(random, 1u << (round % 10));
    for (const std::uint32_t count : {1u, 2u, 3u, 7u, 31u, 32u, 33u, 63u, 64u, 65u, 100u, 300u}) {
      for (const std::uint32_t unit : {1u, 2u, 16u, 128u}) {
        for (const Spare wanted : {Spare::kAny, Spare::kIdle, Spare::kNotIdle}) {
          const int first = a.arena.find_spare(
              wanted, count, unit, [&](std::uint32_t i) { return a.fits[i]; },
              [&](std::uint32_t i) { return a.fits[i] && (i + 1) % 3 != 0; });
          CHECK_EQ(first, a.lowest(wanted, count, unit));
          ++(first < 0 ? missed : found);
        }
      }
    }
  }
  CHECK(found > 1000 && missed > 1000);
}

TEST(space, "an arena knows which superslabs are idle, and how many of them are spare") {
  Arena arena(nullptr);
  arena.set_idle(60, 10);
  CHECK(!arena.is_idle(59) && arena.is_idle(60) && arena.is_idle(69) && !arena.is_idle(70));
  CHECK_EQ(arena.count_idle(), 0u);
  arena.set_spare(63, 20, true);
  CHECK_EQ(arena.count_idle(), 7u);
  CHECK_EQ(arena.clear_idle(58, 8), 6u);
  CHECK_EQ(arena.clear_idle(58, 8), 0u);
  CHECK(!arena.is_idle(65) && arena.is_idle(66));
  CHECK_EQ(arena.count_idle(), 4u);
}
