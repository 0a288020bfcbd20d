// Magazines without memory, on synthetic time: what a heap's threads would count whose magazines
// hold what they were told to hold.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "heap_fixture.h"
#include "learn/capacity_controller.h"

namespace superslab_test {

/// One thread's magazine of one class. It moves half of what it holds with each slow call.
class ModelMagazine {
 public:
  void set_capacity(std::uint32_t capacity) { capacity_ = capacity; }
  void allocate() {
    ++acquires;
    if (depth_ == 0) {
      note(superslab::RunLengthCounters::Call::kRefill);
      ++refills;
      depth_ = half();
    }
    --depth_;
  }
  void free() {
    if (depth_ >= capacity_) {
      note(superslab::RunLengthCounters::Call::kSpill);
      ++spills;
      depth_ = std::min(depth_, capacity_) - std::min(half(), capacity_);
    }
    ++depth_;
  }
  /// Demand goes up by so many blocks, and down again.
  void swing(std::uint32_t blocks) {
    for (std::uint32_t i = 0; i < blocks; ++i) allocate();
    for (std::uint32_t i = 0; i < blocks; ++i) free();
  }
  /// Demand goes up by `least` to `most` blocks, and down by another such number: where it turns is
  /// nowhere in particular.
  void wander(Random& random, std::uint32_t least, std::uint32_t most) {
    const auto blocks = [&] {
      return least + static_cast<std::uint32_t>(random.below(most - least + 1));
    };
    for (std::uint32_t left = blocks(); left != 0; --left) allocate();
    for (std::uint32_t left = blocks(); left != 0; --left) free();
  }
  std::uint32_t depth() const { return depth_; }
  std::uint32_t capacity() const { return capacity_; }

  std::uint64_t acquires = 0;
  std::uint64_t refills = 0;
  std::uint64_t spills = 0;
  superslab::RunLengthCounters counters;

 private:
  std::uint32_t half() const { return std::max(capacity_ / 2, 1u); }
  void note(superslab::RunLengthCounters::Call call) { counters.note(call, capacity_); }

  std::uint32_t capacity_ = 1;
  std::uint32_t depth_ = 0;
};

struct ModelClass {
  std::uint32_t block_bytes;
  std::uint8_t fixed_blocks;
};

/// Threads with a magazine of each class, and a controller that tells them what those hold.
class ModelHeap {
 public:
  static constexpr superslab::Nanos kTick = 1'000'000'000;

  ModelHeap(std::vector<ModelClass> classes, std::size_t threads,
            superslab::CapacityRules rules = {.tick = kTick})
      : classes_(std::move(classes)), controller_(rules) {
    threads_.resize(threads);
    for (auto& magazines : threads_) magazines.resize(classes_.size());
    apply({});
  }

  ModelMagazine& magazine(std::size_t thread, std::size_t c) { return threads_[thread][c]; }
  std::size_t threads() const { return threads_.size(); }
  superslab::CapacityController& controller() { return controller_; }

  superslab::CapacityDecision tick(superslab::Nanos after = kTick) {
    now_ += after;
    superslab::CapacityDecision decision = controller_.step(samples(), now_);
    if (follows) apply(decision.capacities);
    last_ = decision;
    saved_calls += decision.saved_calls;
    return decision;
  }
  /// For a clock that jumps.
  superslab::CapacityDecision tick_at(superslab::Nanos now) {
    now_ = now;
    return tick(0);
  }
  superslab::Nanos now() const { return now_; }
  const superslab::CapacityDecision& last() const { return last_; }

  std::uint64_t slow_calls() const {
    std::uint64_t sum = 0;
    for (const auto& magazines : threads_)
      for (const ModelMagazine& one : magazines) sum += one.refills + one.spills;
    return sum;
  }
  /// What one thread's magazines may hold.
  superslab::ByteCount bytes(std::size_t thread) const {
    superslab::ByteCount sum = 0;
    for (std::size_t c = 0; c < classes_.size(); ++c)
      sum += superslab::ByteCount{threads_[thread][c].capacity()} * classes_[c].block_bytes;
    return sum;
  }
  std::uint32_t blocks(std::size_t c) const {
    const std::uint8_t learned = last_.capacities.blocks[c];
    return learned != 0 ? learned : classes_[c].fixed_blocks;
  }

  superslab::CapacitySamples samples() const {
    superslab::CapacitySamples out;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      superslab::CapacitySample& one = out.classes[c];
      one.block_bytes = classes_[c].block_bytes;
      one.fixed_blocks = classes_[c].fixed_blocks;
      one.is_large = classes_[c].block_bytes > 32 * superslab::kKiB;
      for (std::size_t t = 0; t < threads_.size(); ++t) {
        const ModelMagazine& magazine = threads_[t][c];
        magazine.counters.add_to(one.runs);
        one.cached_blocks += magazine.depth();
        one.refills += magazine.refills;
        one.acquires += magazine.acquires;
        out.arms[t % 2].slow_calls += magazine.refills + magazine.spills;
        if (counts_acquires) out.arms[t % 2].acquires += magazine.acquires;
      }
      if (!counts_acquires) one.acquires = 0;
    }
    return out;
  }

  bool follows = true;          // what is decided
  bool counts_acquires = true;  // as JavaScript's heaps do, and malloc's does not
  double saved_calls = 0;

 private:
  void apply(const superslab::Capacities& capacities) {
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      const bool is_on_trial = ((capacities.trial_arms >> (t % 2)) & 1) != 0;
      const auto& blocks = is_on_trial ? capacities.trial_blocks : capacities.blocks;
      for (std::size_t c = 0; c < classes_.size(); ++c)
        threads_[t][c].set_capacity(blocks[c] != 0 ? blocks[c] : classes_[c].fixed_blocks);
    }
  }

  std::vector<ModelClass> classes_;
  std::vector<std::vector<ModelMagazine>> threads_;
  superslab::CapacityController controller_;
  superslab::CapacityDecision last_{};
  superslab::Nanos now_ = 5 * kTick;
};

}  // namespace superslab_test
