// A controller on synthetic time: what a heap would tell that kept what it was told to keep.
#pragma once

#include <algorithm>
#include <array>

#include "learn/demand_windows.h"
#include "learn/reserve_controller.h"

namespace superslab_test {

inline constexpr superslab::Nanos kSecond = 1'000'000'000;
inline constexpr superslab::Nanos kMinute = 60 * kSecond;

/// A heap with slabs of 1 MiB of one class and of 256 KiB of another.
class Learner {
 public:
  static constexpr superslab::ClassIndex kLarge{40};
  static constexpr superslab::ClassIndex kSmall{20};

  Learner() {
    for (auto& one : samples_.classes) one.slab_bytes = 64 * superslab::kKiB;
    of(kLarge).slab_bytes = superslab::kMiB;
    of(kSmall).slab_bytes = 256 * superslab::kKiB;
  }
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  superslab::ClassSample& of(superslab::ClassIndex c) { return samples_.classes[to_index(c)]; }
  superslab::Samples& samples() { return samples_; }

  /// From now on so many slabs of the class are in use; the peaks of this tick tell of both.
  void use(superslab::ClassIndex c, std::uint32_t slabs) {
    superslab::ClassSample& one = of(c);
    if (slabs > one.busy_slabs) one.acquires += 100;
    one.busy_slabs = slabs;
    one.peak_busy_slabs = std::max(one.peak_busy_slabs, slabs);
    one.low_busy_slabs = std::min(one.low_busy_slabs, slabs);
  }

  /// Nobody looks for so long.
  void wait(superslab::Nanos span) { now_ += span; }

  /// A second passes.
  void tick() {
    now_ += kSecond;
    for (std::size_t i = 0; i < superslab::kClassSlots; ++i) keep(i);
    windows_.note(samples_, now_);
    last_ = controller_.step(samples_, now_);
    shrinks_ += last_.shrinks;
    moved_ += last_.moved_slabs;
    for (auto& one : samples_.classes) one.peak_busy_slabs = one.low_busy_slabs = one.busy_slabs;
  }
  void pass(superslab::Nanos span) {
    for (superslab::Nanos passed = 0; passed < span; passed += kSecond) tick();
  }
  /// A minute with one burst of a second; what was in use stays so besides.
  void burst(superslab::ClassIndex c, std::uint32_t slabs) {
    const std::uint32_t base = of(c).busy_slabs;
    pass(20 * kSecond);
    use(c, base + slabs);
    tick();
    use(c, base);
    pass(39 * kSecond);
  }

  const superslab::Decision& last() const { return last_; }
  const superslab::DemandWindows& windows() const { return windows_; }
  /// Slabs of the class that stay, beyond those in use.
  std::uint32_t ready(superslab::ClassIndex c) {
    const std::uint32_t slabs = last_.reserve.slabs[to_index(c)];
    return slabs - std::min(slabs, of(c).busy_slabs);
  }
  superslab::ByteCount ready_bytes() {
    superslab::ByteCount sum = 0;
    for (std::size_t i = 0; i < superslab::kClassSlots; ++i)
      sum += ready(static_cast<superslab::ClassIndex>(i)) * samples_.classes[i].slab_bytes;
    return sum;
  }
  superslab::ByteCount busy_bytes() const {
    superslab::ByteCount sum = 0;
    for (const auto& one : samples_.classes) sum += one.busy_slabs * one.slab_bytes;
    return sum;
  }
  std::uint32_t shrinks() const { return shrinks_; }
  std::uint32_t moved() const { return moved_; }
  bool did(superslab::Action::Kind kind) const {
    for (const superslab::Action& action : last_.actions)
      if (action.kind == kind) return true;
    return false;
  }

 private:
  /// Slabs that nobody uses stay as far as the last decision keeps them.
  void keep(std::size_t i) {
    superslab::ClassSample& one = samples_.classes[i];
    const std::uint64_t slabs = one.slabs_made - one.slabs_retired;
    const std::uint64_t stays = std::max<std::uint64_t>(
        one.busy_slabs, std::min<std::uint64_t>(slabs, last_.reserve.slabs[i]));
    if (stays > slabs) one.slabs_made += stays - slabs;
    if (stays < slabs) one.slabs_retired += slabs - stays;
  }

  superslab::Nanos now_ = 5 * kSecond;
  superslab::Samples samples_{};
  superslab::DemandWindows windows_{kMinute};
  superslab::ReserveController controller_{windows_, kSecond};
  superslab::Decision last_{};
  std::uint32_t shrinks_ = 0;
  std::uint32_t moved_ = 0;
};

}  // namespace superslab_test
