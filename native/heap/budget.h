// maxBytes: how much block capacity may be out of the slabs at once.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/types.h"

namespace superslab {

/// Charged for every block that leaves its slab, for a caller or for a magazine; discharged when it
/// is back. One atomic operation per batch.
class Budget {
 public:
  explicit Budget(ByteCount max_bytes) : max_bytes_(max_bytes) {}

  /// From now on. What is charged beyond a lower limit stays so until it is discharged.
  void set_max_bytes(ByteCount max_bytes) {
    max_bytes_.store(max_bytes, std::memory_order_relaxed);
  }

  /// Charges up to `wanted` units of `unit` bytes and returns how many fitted.
  std::size_t charge(ByteCount unit, std::size_t wanted) {
    const ByteCount max = max_bytes();
    ByteCount now = charged_.load(std::memory_order_relaxed);
    std::size_t granted;
    do {
      granted = wanted;
      if (max != 0) {
        const ByteCount room = now < max ? max - now : 0;
        if (granted > room / unit) granted = room / unit;
        if (granted == 0) return 0;
      }
      // Relaxed: the number guards no data.
    } while (!charged_.compare_exchange_weak(now, now + granted * unit, std::memory_order_relaxed));
    raise_peak(now + granted * unit);
    return granted;
  }

  /// Whether one unit of `unit` bytes would fit now.
  bool has_room(ByteCount unit) const {
    const ByteCount max = max_bytes();
    return max == 0 || charged() + unit <= max;
  }

  /// Release for is_empty().
  void discharge(ByteCount bytes) { charged_.fetch_sub(bytes, std::memory_order_release); }

  /// Takes a discharge back.
  void recharge(ByteCount bytes) { charged_.fetch_add(bytes, std::memory_order_relaxed); }

  /// Nothing is charged. What the threads did before their discharges happened before this.
  bool is_empty() const { return charged_.load(std::memory_order_acquire) == 0; }

  ByteCount charged() const { return charged_.load(std::memory_order_relaxed); }
  /// Most that was ever charged, and when.
  ByteCount peak() const { return peak_.load(std::memory_order_relaxed); }
  Nanos peak_at() const { return peak_at_.load(std::memory_order_relaxed); }
  ByteCount max_bytes() const { return max_bytes_.load(std::memory_order_relaxed); }

 private:
  void raise_peak(ByteCount to) {
    ByteCount peak = peak_.load(std::memory_order_relaxed);
    if (peak >= to) return;
    while (peak < to && !peak_.compare_exchange_weak(peak, to, std::memory_order_relaxed)) {
    }
    // Of two threads that raise it at once either's time is the peak's.
    peak_at_.store(wall_now(), std::memory_order_relaxed);
  }

  std::atomic<ByteCount> max_bytes_;
  std::atomic<ByteCount> charged_{0};
  std::atomic<ByteCount> peak_{0};
  std::atomic<Nanos> peak_at_{0};  // since the Unix epoch
};

}  // namespace superslab
