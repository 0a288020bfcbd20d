// The set of places, against std::set.
#if defined(__linux__)

#include <random>
#include <set>

#include "check.h"
#include "pools/mapped/granule_set.h"

namespace superslab_test {
namespace {

using superslab::mapped::GranuleSet;

TEST(pools, "a granule set has what was put in and not taken out, in whatever order") {
  std::minstd_rand chance(1);
  GranuleSet set;
  std::set<std::uint32_t> model;
  for (unsigned i = 0; i < 20'000; ++i) {
    // Few, so that they meet, and some at the ends of the range.
    const auto granule = static_cast<std::uint32_t>(chance() % 300) - 100u;
    CHECK_EQ(set.contains(granule), model.contains(granule));
    if (chance() % 2 == 0) {
      set.insert(granule);
      model.insert(granule);
    } else {
      set.erase(granule);
      model.erase(granule);
    }
    CHECK_EQ(set.size(), model.size());
    if (i % 5'000 == 4'999) {
      for (std::uint32_t all = 0; all < 300; ++all)
        CHECK_EQ(set.contains(all - 100u), model.contains(all - 100u));
      set.clear();
      model.clear();
      CHECK(set.empty() && !set.contains(0));
    }
  }
}

}  // namespace
}  // namespace superslab_test

#endif
