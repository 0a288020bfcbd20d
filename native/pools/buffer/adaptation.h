// What a pool learns of its demand and does about it: the demand windows, a controller behind its
// interface, and a log of what that decided. It samples the pool's heap, has the controller
// decide, and applies that.
//
// It lies in metadata, which takes nothing from the heap that it tunes, and allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/lock.h"
#include "base/types.h"
#include "heap/heap.h"
#include "learn/demand_windows.h"
#include "learn/reserve_controller.h"
#include "pools/adaptation_figures.h"

namespace superslab {

class Adaptation {
 public:
  /// `interval` is that of the demand windows, `tick` the usual time between two steps.
  Adaptation(Nanos interval, Nanos tick) : windows_(interval), controller_(windows_, tick) {}
  Adaptation(const Adaptation&) = delete;
  Adaptation& operator=(const Adaptation&) = delete;

  /// What a step came to, for who counts it.
  struct Done {
    ByteCount expanded_bytes = 0;
    std::uint32_t shrinks = 0;
    std::uint32_t moved_slabs = 0;
  };

  /// A turn of the loop: samples `heap`, decides and applies. From one thread at a time, with no
  /// lock held.
  Done step(Heap& heap);

  /// The heap keeps nothing from now on.
  void stop(Heap& heap);

  /// The demand windows as they are now. Any thread.
  void history(const Heap& heap, DemandHistory& out);

  /// What was done last, latest first; places that are not needed have no time. Any thread.
  void fill(AdaptationFigures& out) const;

  /// Memory that is kept ready now. Any thread.
  ByteCount ready_bytes() const { return ready_bytes_.get(); }

 private:
  void note(const Action& action) REQUIRES(lock_);

  mutable Mutex lock_{LockRank::kAdaptation};
  DemandWindows windows_ GUARDED_BY(lock_);
  ReserveController controller_ GUARDED_BY(lock_);
  Samples samples_ GUARDED_BY(lock_);
  Reserve published_ GUARDED_BY(lock_);
  AdaptationFigures log_ GUARDED_BY(lock_){};
  Counter ready_bytes_;
};

}  // namespace superslab
