// Sets of size classes: every place that a class can have, also those beyond the first 64.

#include <initializer_list>
#include <set>
#include <vector>

#include "check.h"
#include "heap/class_set.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ClassIndex at(std::size_t i) { return static_cast<ClassIndex>(i); }

constexpr ClassSet set_of(std::initializer_list<std::size_t> members) {
  ClassSet set;
  for (const std::size_t i : members) set.add(at(i));
  return set;
}

std::vector<std::size_t> members_of(const ClassSet& set) {
  std::vector<std::size_t> members;
  for (const ClassIndex c : set) members.push_back(to_index(c));
  return members;
}

static_assert(ClassSet{}.is_empty());
static_assert(kClassSlots > 64, "the tests below look at more than a word");

}  // namespace

TEST(heap, "a set of classes holds each place apart from all others") {
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    ClassSet set = set_of({i});
    CHECK(!set.is_empty());
    CHECK_EQ(to_index(set.first()), i);
    CHECK_EQ(to_index(set.last()), i);
    for (std::size_t other = 0; other < kClassSlots; ++other)
      CHECK_EQ(set.contains(at(other)), other == i);
    set.remove(at(i));
    CHECK(set.is_empty() && set == ClassSet{});
  }
}

TEST(heap, "a set of classes agrees with a set of the library's") {
  ClassSet set;
  std::set<std::size_t> model;
  Random random(7);
  for (int step = 0; step < 4000; ++step) {
    const std::size_t i = random.below(kClassSlots);
    // Long stretches of mostly one or the other: it becomes full, and empty.
    if (random.below(100) < (step / 500 % 2 == 0 ? 90u : 10u)) {
      set.add(at(i));
      model.insert(i);
    } else {
      set.remove(at(i));
      model.erase(i);
    }
    CHECK_EQ(set.is_empty(), model.empty());
    CHECK_EQ(set.contains(at(i)), model.count(i) != 0);
    CHECK(members_of(set) == std::vector<std::size_t>(model.begin(), model.end()));
    if (model.empty()) continue;
    CHECK_EQ(to_index(set.first()), *model.begin());
    CHECK_EQ(to_index(set.last()), *model.rbegin());
  }
}

TEST(heap, "what two sets of classes share is in both") {
  const ClassSet a = set_of({0, 5, 63, 64});
  const ClassSet b = set_of({5, 62, 64, kClassSlots - 1});
  CHECK((a & b) == set_of({5, 64}));
  CHECK((a & ClassSet{}).is_empty());
  CHECK(a != b);
}

TEST(heap, "a set of classes may change while it is walked") {
  ClassSet set = set_of({1, 40, 64, 65});
  std::vector<std::size_t> seen;
  for (const ClassIndex c : set) {
    seen.push_back(to_index(c));
    set = {};
  }
  CHECK(seen == std::vector<std::size_t>({1, 40, 64, 65}));
}
