// What is kept ready, on synthetic time: steps, ramps, bursts, noise, shares and pauses.
#include <cstdint>

#include "check.h"
#include "heap_fixture.h"
#include "learn_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ClassIndex kLarge = Learner::kLarge;
constexpr ClassIndex kSmall = Learner::kSmall;

}  // namespace

TEST(learn, "a burst that came three times is kept ready, and before that nothing is") {
  Learner learner;
  for (int minute = 0; minute < 2; ++minute) {
    learner.burst(kLarge, 24);
    CHECK_EQ(learner.ready(kLarge), 0u);
  }
  learner.pass(20 * kSecond);
  learner.use(kLarge, 24);
  learner.tick();
  CHECK(learner.did(Action::Kind::kKeep));
  learner.use(kLarge, 0);
  learner.tick();
  CHECK_EQ(learner.ready(kLarge), 24u);
  CHECK_EQ(learner.last().reserve.ready_bytes, 24 * kMiB);
  CHECK_EQ(learner.ready(kSmall), 0u);
}

TEST(learn, "in the middle of a burst what is kept for it is in use") {
  Learner learner;
  for (int minute = 0; minute < 5; ++minute) learner.burst(kLarge, 24);
  learner.pass(10 * kSecond);
  learner.use(kLarge, 24);
  learner.tick();
  CHECK_EQ(learner.last().reserve.slabs[to_index(kLarge)], 24u);
  CHECK_EQ(learner.last().reserve.ready_bytes, 0u);
  learner.use(kLarge, 10);
  learner.tick();
  CHECK_EQ(learner.last().reserve.slabs[to_index(kLarge)], 24u);
  CHECK_EQ(learner.last().reserve.ready_bytes, 14 * kMiB);
}

TEST(learn, "a load that came, stayed and went keeps no more than what fluctuated") {
  Learner learner;
  learner.use(kLarge, 100);
  learner.pass(20 * kMinute);
  CHECK_EQ(learner.ready(kLarge), 0u);
  learner.use(kLarge, 0);
  learner.tick();
  CHECK_EQ(learner.ready(kLarge), 0u);
  learner.pass(5 * kMinute);
  CHECK_EQ(learner.ready(kLarge), 0u);
  CHECK_EQ(learner.last().reserve.slabs[to_index(kLarge)], 0u);
}

TEST(learn, "bursts upon a load keep the burst, not the load") {
  Learner learner;
  learner.use(kLarge, 50);
  for (int minute = 0; minute < 5; ++minute) learner.burst(kLarge, 10);
  CHECK_EQ(learner.last().reserve.slabs[to_index(kLarge)], 60u);
  learner.use(kLarge, 0);
  learner.tick();
  CHECK_EQ(learner.last().reserve.slabs[to_index(kLarge)], 10u);
}

TEST(learn, "bursts that stop are let go of within four intervals, at once") {
  Learner learner;
  for (int minute = 0; minute < 10; ++minute) learner.burst(kLarge, 24);
  CHECK_EQ(learner.ready(kLarge), 24u);
  learner.pass(2 * kMinute);
  CHECK_EQ(learner.ready(kLarge), 24u);
  learner.pass(2 * kMinute + kSecond);
  CHECK_EQ(learner.ready(kLarge), 0u);
  CHECK_EQ(learner.shrinks(), 1u);
}

TEST(learn, "the last empty slab of a class that is wanted stays") {
  Learner learner;
  learner.use(kLarge, 1);
  for (int minute = 0; minute < 6; ++minute) learner.burst(kLarge, 8);
  for (int minute = 0; minute < 6; ++minute) {
    learner.of(kLarge).acquires += 1000;
    learner.pass(kMinute);
  }
  CHECK_EQ(learner.ready(kLarge), 1u);
  learner.pass(3 * kMinute);
  CHECK_EQ(learner.ready(kLarge), 0u);
}

TEST(learn, "noise does not make it flap") {
  Learner learner;
  Random random(7);
  for (int minute = 0; minute < 10; ++minute)
    learner.burst(kLarge, 100 + static_cast<std::uint32_t>(random.below(20)));
  const std::uint32_t before = learner.shrinks();
  std::uint32_t least = UINT32_MAX;
  for (int minute = 0; minute < 500; ++minute) {
    learner.burst(kLarge, 100 + static_cast<std::uint32_t>(random.below(20)));
    least = std::min(least, learner.ready(kLarge));
  }
  CHECK_EQ(learner.shrinks(), before);
  CHECK(least >= 100);
}

TEST(learn, "whatever demand does, a class shrinks at most once in an interval") {
  Learner learner;
  Random random(11);
  for (int round = 0; round < 40; ++round) {
    const std::uint32_t before = learner.shrinks();
    for (int second = 0; second < 60; ++second) {
      learner.use(kLarge, static_cast<std::uint32_t>(random.below(200)));
      learner.tick();
    }
    CHECK(learner.shrinks() - before <= 2);  // the minute may touch two pauses
  }
}

TEST(learn, "one outlier changes nothing") {
  Learner learner;
  for (int minute = 0; minute < 6; ++minute) learner.burst(kLarge, 10);
  learner.burst(kLarge, 5000);
  CHECK_EQ(learner.ready(kLarge), 10u);
  for (int minute = 0; minute < 6; ++minute) learner.burst(kLarge, 10);
  CHECK_EQ(learner.ready(kLarge), 10u);
  CHECK_EQ(learner.shrinks(), 0u);
}

TEST(learn,
     "bursts of one class after another share what the heap took at once, and keep their shares") {
  Learner learner;
  const auto both = [&] {
    learner.pass(10 * kSecond);
    learner.use(kLarge, 24);
    learner.tick();
    learner.use(kLarge, 0);
    learner.pass(19 * kSecond);
    learner.use(kSmall, 96);
    learner.tick();
    learner.use(kSmall, 0);
    learner.pass(29 * kSecond);
  };
  for (int minute = 0; minute < 8; ++minute) both();
  CHECK_EQ(learner.ready(kLarge), 12u);
  CHECK_EQ(learner.ready(kSmall), 48u);
  const std::uint32_t shrinks = learner.shrinks();
  for (int minute = 0; minute < 60; ++minute) both();
  CHECK_EQ(learner.shrinks(), shrinks);
}

TEST(learn, "a class that comes up takes from one that goes out, which is told as a move") {
  Learner learner;
  for (int minute = 0; minute < 10; ++minute) learner.burst(kLarge, 24);
  CHECK_EQ(learner.ready(kLarge), 24u);
  bool moved = false;
  for (int minute = 0; minute < 8; ++minute) {
    for (int second = 0; second < 60; ++second) {
      if (second == 20) learner.use(kSmall, 96);
      if (second == 21) learner.use(kSmall, 0);
      learner.tick();
      moved |= learner.did(Action::Kind::kMove);
      CHECK(learner.ready_bytes() <= 30 * kMiB);
    }
  }
  CHECK(moved);
  CHECK(learner.moved() > 0);
  CHECK_EQ(learner.ready(kSmall), 96u);
  CHECK_EQ(learner.ready(kLarge), 0u);
}

TEST(learn, "never is more kept than a quarter beyond what the heap had in use at once") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Learner learner;
    Random random(seed);
    ByteCount peak = 0;
    for (int second = 0; second < 1500; ++second) {
      if (random.below(4) == 0) {
        const ClassIndex c{static_cast<std::uint8_t>(30 + random.below(6))};
        learner.use(c, static_cast<std::uint32_t>(random.below(2) == 0 ? 0 : random.below(40)));
      }
      peak = std::max(peak, learner.busy_bytes());
      learner.samples().pressure =
          static_cast<Pressure>(random.below(50) == 0 ? random.below(3) : 0);
      learner.tick();
      CHECK(learner.ready_bytes() <= peak + peak / 4);
      CHECK(learner.last().reserve.ready_bytes <= peak);
      CHECK(learner.last().expand_bytes <= peak / 2);
    }
  }
}

TEST(learn, "a ramp gets memory ahead of it from its fourth tick on, as much as for its slowest") {
  Learner learner;
  learner.use(kLarge, 20);
  learner.pass(5 * kSecond);
  std::uint32_t slabs = 20;
  for (const std::uint32_t growth : {5u, 4u, 6u}) {
    CHECK_EQ(learner.last().expand_bytes, 0u);
    learner.use(kLarge, slabs += growth);
    learner.tick();
  }
  CHECK_EQ(learner.last().expand_bytes, 4 * kMiB);
  CHECK_EQ(learner.last().reserve.ready_bytes, 4 * kMiB);
  CHECK(learner.did(Action::Kind::kExpand));
  learner.use(kLarge, slabs += 7);
  learner.tick();
  CHECK_EQ(learner.last().expand_bytes, 4 * kMiB);
  learner.tick();
  CHECK_EQ(learner.last().expand_bytes, 0u);
  CHECK_EQ(learner.last().reserve.ready_bytes, 0u);
}

TEST(learn, "a ramp that nobody looked at for more than two ticks begins anew") {
  for (const Nanos pause : {kSecond, 2 * kSecond}) {
    Learner learner;
    for (std::uint32_t slabs = 2; slabs <= 8; slabs += 2) {
      learner.use(kLarge, slabs);
      learner.tick();
    }
    CHECK_EQ(learner.last().expand_bytes, 2 * kMiB);
    learner.wait(pause);  // and the second of the tick
    learner.use(kLarge, 10);
    learner.tick();
    CHECK_EQ(learner.last().expand_bytes, pause == kSecond ? 2 * kMiB : 0);
  }
}

TEST(learn, "memory that lies free already is part of what a ramp needs") {
  Learner learner;
  learner.use(kLarge, 20);
  learner.tick();
  learner.samples().free_bytes = 100 * kMiB;
  for (std::uint32_t slabs = 22; slabs <= 30; slabs += 2) {
    learner.use(kLarge, slabs);
    learner.tick();
  }
  CHECK(!learner.did(Action::Kind::kExpand));
}

TEST(learn, "a step and a load that goes up and down get nothing ahead") {
  Learner learner;
  learner.use(kLarge, 20);
  learner.pass(3 * kSecond);
  learner.use(kLarge, 400);
  for (int second = 0; second < 10; ++second) {
    learner.tick();
    CHECK_EQ(learner.last().expand_bytes, 0u);
  }
  for (int second = 0; second < 60; ++second) {
    learner.use(kLarge, second % 3 == 2 ? 400 : 410 + second % 3);
    learner.tick();
    CHECK_EQ(learner.last().expand_bytes, 0u);
  }
}

TEST(learn, "under pressure nothing is taken ahead and half is kept; when it is full, nothing") {
  Learner learner;
  for (int minute = 0; minute < 6; ++minute) learner.burst(kLarge, 24);
  learner.samples().pressure = Pressure::kSome;
  learner.tick();
  CHECK(learner.did(Action::Kind::kPressure));
  CHECK_EQ(learner.ready(kLarge), 12u);
  learner.tick();
  CHECK(!learner.did(Action::Kind::kPressure));
  learner.samples().pressure = Pressure::kFull;
  learner.tick();
  CHECK_EQ(learner.ready(kLarge), 0u);
  for (std::uint32_t slabs = 100; slabs < 110; ++slabs) {
    learner.use(kLarge, slabs);
    learner.tick();
    CHECK_EQ(learner.last().expand_bytes, 0u);
  }
  learner.use(kLarge, 0);
  learner.samples().pressure = Pressure::kNone;
  learner.pass(2 * kSecond);
  CHECK(learner.ready(kLarge) >= 24);
}
