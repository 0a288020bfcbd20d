// Runs the controllers of what a heap learns: its capacities, here, and its purge delays
// (pools/purge_learning.h). Samples the heap, has the controller decide, publishes that, and keeps
// what it did for who asks.
//
// It lies in metadata, which takes nothing from the heap that it tunes, and allocates nothing but
// the counters of each thread, which lie there, too. Where its turns end, as when the control loop
// does, the heap goes on with what was published last.
#pragma once

#include <cstdint>

#include "base/lock.h"
#include "base/types.h"
#include "heap/heap.h"
#include "learn/capacity_controller.h"
#include "pools/learning_figures.h"
#include "pools/purge_learning.h"

namespace superslab {

class CapacityLearning {
 public:
  /// `first`: what the heap began with. `most_blocks`: places of a magazine. `least_tick`: no
  /// window is shorter.
  CapacityLearning(const HeapSnapshot& first, std::uint32_t most_blocks, Nanos least_tick);
  CapacityLearning(const CapacityLearning&) = delete;
  CapacityLearning& operator=(const CapacityLearning&) = delete;

  /// Whether a policy has something to be learned, or to be taken back.
  static bool is_wanted(const HeapSnapshot& policy) {
    return policy.learn == LearnMode::kLearn || policy.learn == LearnMode::kTrial;
  }

  /// A turn. `share`: see Heap::cache_share(). From one thread at a time, with no lock of a rank
  /// beyond kAdaptation held.
  void step(Heap& heap, ByteCount share) EXCLUDES(lock_);
  /// There are no turns until there is something to look at again.
  void rest() EXCLUDES(lock_);

  /// Before it ends, while the heap is there: that tells it nothing from then on.
  void leave(Heap& heap) EXCLUDES(lock_);

  /// Any thread.
  void fill(const Heap& heap, LearningFigures& out) const EXCLUDES(lock_);

  /// In the child of a fork. Where a thread that is not there any more was in the middle of a turn,
  /// there are no more turns.
  Holder survive_fork();

 private:
  void learn(Heap& heap, const HeapSnapshot& policy, ByteCount share) REQUIRES(lock_);
  void learn_purging(Heap& heap, const HeapSnapshot& policy, Nanos now) REQUIRES(lock_);
  void take_back(Heap& heap) REQUIRES(lock_);
  void hold(Heap& heap) REQUIRES(lock_);
  void count_saved_calls(Heap& heap, double calls) REQUIRES(lock_);
  void publish(Heap& heap, const Capacities& next) REQUIRES(lock_);
  void note(const LearningFigures::Entry& entry) REQUIRES(lock_);

  mutable Mutex lock_{LockRank::kAdaptation};
  const Capacities first_;
  const std::uint32_t most_blocks_;
  const Nanos least_tick_;
  Nanos learned_at_ GUARDED_BY(lock_) = 0;
  double saved_calls_ GUARDED_BY(lock_) = 0;  // beyond those that were counted; may be negative
  bool is_broken_ GUARDED_BY(lock_) = false;
  bool has_learned_ GUARDED_BY(lock_) = false;  // since it was last off
  Capacities published_ GUARDED_BY(lock_);
  CapacityController controller_ GUARDED_BY(lock_);
  CapacitySamples samples_ GUARDED_BY(lock_);
  PurgeLearning purging_ GUARDED_BY(lock_);
  LearningFigures log_ GUARDED_BY(lock_){};
};

}  // namespace superslab
