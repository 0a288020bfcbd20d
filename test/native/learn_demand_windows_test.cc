// Demand by interval: what is counted where, and what controllers are told of it.
#include "check.h"
#include "learn_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ClassIndex kClass{7};

struct Windows {
  DemandWindows windows{kMinute};
  Samples samples{};
  Nanos now = 3 * kSecond;

  Windows() { samples.classes[to_index(kClass)].slab_bytes = kMiB; }
  ClassSample& one() { return samples.classes[to_index(kClass)]; }
  void note(Nanos later) {
    now += later;
    windows.note(samples, now);
    one().peak_busy_slabs = one().low_busy_slabs = one().busy_slabs;
  }
  void set_busy(std::uint32_t slabs) {
    one().busy_slabs = slabs;
    one().peak_busy_slabs = std::max(one().peak_busy_slabs, slabs);
    one().low_busy_slabs = std::min(one().low_busy_slabs, slabs);
  }
};

}  // namespace

TEST(learn, "allocations are counted in the interval in which they happened") {
  Windows w;
  w.note(0);
  w.one().acquires = 10;
  w.note(kSecond);
  w.note(kMinute - kSecond);
  w.one().acquires = 17;
  w.samples.huge_misses = 2;
  w.note(kSecond);
  CHECK_EQ(w.windows.count(), 2u);
  CHECK_EQ(w.windows.of(kClass, 0).acquires, 7u);
  CHECK_EQ(w.windows.of(kClass, 1).acquires, 10u);
  CHECK_EQ(w.windows.huge_acquires(0), 2u);
  CHECK_EQ(w.windows.huge_acquires(1), 0u);
  CHECK_EQ(w.windows.started(1), 3 * kSecond);
  CHECK_EQ(w.windows.started(0), 3 * kSecond + kMinute);
}

TEST(learn, "the first sample counts what the heap lent before") {
  Windows w;
  w.one().acquires = 1000;
  w.note(0);
  CHECK_EQ(w.windows.of(kClass, 0).acquires, 1000u);
}

TEST(learn, "a sum that was told twice for a moment counts once") {
  Windows w;
  w.note(0);
  for (const std::uint64_t told : {100u, 130u, 115u, 130u, 140u}) {
    w.one().acquires = told;
    w.note(kSecond);
  }
  CHECK_EQ(w.windows.of(kClass, 0).acquires, 140u);
}

TEST(learn, "more allocations than the type holds are told as its most") {
  Windows w;
  w.note(0);
  w.one().acquires = std::uint64_t{1} << 40;
  w.note(kSecond);
  w.one().acquires += 5;
  w.note(kSecond);
  CHECK_EQ(w.windows.of(kClass, 0).acquires, UINT32_MAX);
}

TEST(learn, "the last sixty intervals are known, and no more") {
  Windows w;
  w.note(0);
  for (std::uint32_t minute = 1; minute <= 200; ++minute) {
    w.one().acquires += minute;
    w.samples.huge_hits += minute;
    w.note(kSecond);
    w.note(kMinute - kSecond);
  }
  w.note(kSecond);
  CHECK_EQ(w.windows.count(), 60u);
  for (std::size_t age = 1; age < 60; ++age)
    CHECK_EQ(w.windows.of(kClass, age).acquires, 201 - age);
  for (std::size_t age = 1; age < 60; ++age) CHECK_EQ(w.windows.huge_acquires(age), 201 - age);
}

TEST(learn, "a sample tells of the tenth of an interval before it") {
  Windows w;
  w.note(0);
  w.note(kMinute - kSecond);
  w.one().acquires = 10;
  w.note(6 * kSecond);  // 5 s into the second minute
  CHECK_EQ(w.windows.of(kClass, 0).acquires, 10u);
  CHECK_EQ(w.windows.count(), 1u);
  w.one().acquires = 30;
  w.note(2 * kSecond);  // 7 s into it, and of 2 s
  CHECK_EQ(w.windows.count(), 2u);
  CHECK_EQ(w.windows.of(kClass, 0).acquires, 20u);
  CHECK_EQ(w.windows.of(kClass, 1).acquires, 10u);
}

TEST(learn, "intervals that nobody looked at are empty, however many they were") {
  for (const Nanos minutes : {Nanos{3}, Nanos{59}, Nanos{60}, Nanos{61}, Nanos{100'000}}) {
    Windows w;
    w.one().acquires = 9;
    w.note(0);
    w.note(kSecond);
    w.one().acquires = 13;
    w.note(minutes * kMinute + 10 * kSecond);
    const std::size_t count = std::min<std::size_t>(minutes + 1, 60);
    CHECK_EQ(w.windows.count(), count);
    CHECK_EQ(w.windows.of(kClass, 0).acquires, 4u);
    for (std::size_t age = 1; age < w.windows.count(); ++age)
      CHECK_EQ(w.windows.of(kClass, age).acquires, minutes < 60 && age == minutes ? 9u : 0u);
  }
}

TEST(learn, "a peak between two looks is seen, and so is a low") {
  Windows w;
  w.note(0);
  for (int minute = 0; minute < 3; ++minute) {
    w.note(kSecond);
    w.set_busy(8);
    w.set_busy(3);
    w.note(kSecond);
    w.note(kMinute - 2 * kSecond);
  }
  CHECK_EQ(w.windows.of(kClass, 1).peak_slabs, 8u);
  CHECK_EQ(w.windows.usual_peak(kClass), 8u);
  CHECK_EQ(w.windows.usual_peak_bytes(), 8 * kMiB);
  // The first minute began with none.
  CHECK_EQ(w.windows.usual_rise(kClass), 5u);
}

TEST(learn, "what is usual takes three intervals of the last six") {
  Windows w;
  w.note(0);
  const auto minute_with = [&](std::uint32_t slabs) {
    w.note(10 * kSecond);
    w.set_busy(slabs);
    w.set_busy(0);
    w.note(kSecond);
    w.note(kMinute - 11 * kSecond);
  };
  minute_with(6);
  minute_with(9);
  CHECK_EQ(w.windows.usual_rise(kClass), 0u);
  minute_with(7);
  CHECK_EQ(w.windows.usual_rise(kClass), 6u);
  minute_with(100);
  CHECK_EQ(w.windows.usual_rise(kClass), 7u);
  for (int quiet = 0; quiet < 2; ++quiet) minute_with(0);
  CHECK_EQ(w.windows.usual_rise(kClass), 7u);
  minute_with(0);
  w.note(kSecond);
  CHECK_EQ(w.windows.usual_rise(kClass), 0u);
}

TEST(learn, "a class is wanted in the interval of its last allocation and the next one") {
  Windows w;
  w.note(0);
  CHECK(!w.windows.is_wanted(kClass));
  w.one().acquires = 1;
  w.note(kSecond);
  CHECK(w.windows.is_wanted(kClass));
  w.note(kMinute);
  w.note(kSecond);
  CHECK(w.windows.is_wanted(kClass));
  w.note(kMinute);
  w.note(kSecond);
  CHECK(!w.windows.is_wanted(kClass));
}
