// Compresses the values of one pool in the background, within a share of one processor.
#pragma once

#include <atomic>
#include <cassert>

#include "pools/compressed/tiers.h"
#include "runtime/background_thread.h"

namespace superslab {

class Cooler final : private BackgroundTask {
 public:
  /// `share` of one processor's time that it may take, above 0 and up to 1, over any second.
  Cooler(Tiers& tiers, double share) : tiers_(tiers), share_(share) {}
  /// stop() came first.
  ~Cooler() { assert(!thread_.is_there()); }

  /// After values came: has it go to work if there is need to. Any thread, with no lock held.
  void nudge() {
    if (tiers_.is_warm()) thread_.wake(*this);
  }
  /// While memory is scarce: has it compress values of about `bytes`, hot or not. Any thread, with
  /// no lock held.
  void cool_soon(ByteCount bytes) {
    wanted_.store(bytes, std::memory_order_relaxed);
    thread_.wake(*this);
  }
  /// Ends it for good, after the value that it is at.
  void stop() { thread_.stop(); }

  /// What it has taken so far, by the processor's clock.
  Nanos cpu() const { return cpu_.load(std::memory_order_relaxed); }

 private:
  Rest step(Nanos now) override;
  /// Whether there is more to compress.
  bool cool(Nanos until);
  bool has_work() const { return tiers_.is_warm() || wanted_.load(std::memory_order_relaxed) != 0; }

  Tiers& tiers_;
  const double share_;
  std::atomic<ByteCount> wanted_{0};  // to be compressed beyond need
  std::atomic<Nanos> cpu_{0};
  BackgroundThread thread_;
};

}  // namespace superslab
