// The control loop: tasks take their steps when they are due, on synthetic time and on its thread.
#include <atomic>

#include "check.h"
#include "runtime/control_loop.h"

using namespace superslab;

namespace {

struct Counting final : ControlTask {
  explicit Counting(Nanos rest) : rest(rest) {}
  Nanos step(Nanos) override {
    steps.fetch_add(1);
    return rest;
  }
  const Nanos rest;
  std::atomic<unsigned> steps{0};
};

}  // namespace

TEST(runtime, "the loop's thread makes each task take its steps, and those that come later too") {
  // Never destroyed: its thread goes on.
  auto* const loop = new ControlLoop;
  static auto* const kept = loop;
  static_cast<void>(kept);
  auto* const quick = new Counting(kMillisecond);
  auto* const slow = new Counting(1'000'000 * kMillisecond);
  static ControlTask* const tasks[] = {quick, slow};
  static_cast<void>(tasks);
  CHECK(loop->add(*quick));
  const Nanos end = precise_now() + 10'000 * kMillisecond;
  while (quick->steps.load() < 5 && precise_now() < end) {
  }
  CHECK(quick->steps.load() >= 5);
  CHECK(loop->add(*slow));
  while (slow->steps.load() == 0 && precise_now() < end) {
  }
  CHECK_EQ(slow->steps.load(), 1u);
}
