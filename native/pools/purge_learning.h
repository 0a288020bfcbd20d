// Runs the controller that learns a heap's purge delays: has the heap tell how long memory lay
// idle, has the controller decide, and publishes that. Part of CapacityLearning, by whose turns and
// lock it goes, and which keeps what it did for who asks.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "heap/heap.h"
#include "learn/purge_controller.h"

namespace superslab {

class PurgeLearning {
 public:
  explicit PurgeLearning(const HeapSnapshot& policy) : controller_(purge_rules(policy)) {}
  PurgeLearning(const PurgeLearning&) = delete;
  PurgeLearning& operator=(const PurgeLearning&) = delete;

  using Events = std::array<PurgeEvent, kIdleBands>;

  /// A turn, in the mode in which what is better stays. `least_tick`: no window is shorter.
  Events step(Heap& heap, const HeapSnapshot& policy, Nanos least_tick, Nanos now);
  /// What was learned stays, and nothing more is counted.
  void hold(Heap& heap) { observe(heap, false); }
  /// The delays of the policy hold again.
  void take_back(Heap& heap);
  void rest() { controller_.rest(); }

  const PurgeDelays& delays() const { return published_; }
  PurgeController::State state(IdleBand band) const { return controller_.state(band); }

 private:
  void observe(Heap& heap, bool is_wanted);
  void publish(Heap& heap, const PurgeDelays& delays);

  PurgeController controller_;
  IdleTimes times_;  // guarded by the heap's lock while that observes
  IdleSamples samples_;
  PurgeDelays published_;
  double saved_us_ = 0;  // beyond those that were counted; may be negative
  bool is_observing_ = false;
};

}  // namespace superslab
