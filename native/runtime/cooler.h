// Compresses the values of one pool in the background, within a share of one processor.
#pragma once

#include <atomic>

#include "pools/compressed/tiers.h"
#include "runtime/background_thread.h"

namespace superslab {

class Cooler {
 public:
  /// `share` of one processor's time that it may take, above 0 and up to 1, over any second.
  Cooler(Tiers& tiers, double share) : tiers_(tiers), share_(share), thread_(work, this) {}

  /// After values came: has it go to work if there is need to. Any thread, with no lock held.
  void nudge() {
    if (tiers_.is_warm()) thread_.wake();
  }
  /// Ends it for good, after the value that it is at.
  void stop() { thread_.stop(); }

  /// What it has taken so far, by the processor's clock.
  Nanos cpu() const { return cpu_.load(std::memory_order_relaxed); }

 private:
  static BackgroundThread::Pause work(void* self);
  /// Whether there is more to compress.
  bool cool(Nanos until);

  Tiers& tiers_;
  const double share_;
  std::atomic<Nanos> cpu_{0};
  BackgroundThread thread_;
};

}  // namespace superslab
