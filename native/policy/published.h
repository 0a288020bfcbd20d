// The one pointer through which the data plane sees policy.
//
// A published snapshot is never written again, so a reader needs no lock and may keep its reference
// for as long as this object lives. That makes a grace period unnecessary for now: retired
// snapshots are not freed but kept, and their number is bounded, because each takes one of
// kMaxSnapshots slots (about 100 bytes each) and a publisher that finds none left is told so. A
// heap is published to once, when it is made; a control plane that publishes again and again will
// need slots to come back after a real grace period.
#pragma once

#include <atomic>
#include <cstddef>

#include "policy/snapshot.h"

namespace superslab {

class PublishedSnapshot {
 public:
  static constexpr std::size_t kMaxSnapshots = 16;

  explicit PublishedSnapshot(const Snapshot& first) : used_(1), current_(&slots_[0]) {
    slots_[0] = first;
  }
  PublishedSnapshot(const PublishedSnapshot&) = delete;
  PublishedSnapshot& operator=(const PublishedSnapshot&) = delete;

  /// From any thread. The reference stays good, and what it refers to unchanged, for as long as
  /// this object lives; call again to see a newer snapshot.
  const Snapshot& get() const { return *current_.load(std::memory_order_acquire); }

  /// From any thread; of two at once either may end up current. False, with nothing changed, when
  /// all slots are taken.
  [[nodiscard]] bool publish(const Snapshot& next) {
    std::size_t slot = used_.load(std::memory_order_relaxed);
    do {
      if (slot == kMaxSnapshots) return false;
    } while (!used_.compare_exchange_weak(slot, slot + 1, std::memory_order_relaxed));
    slots_[slot] = next;
    // Pairs with get(): whoever sees the pointer sees the values.
    current_.store(&slots_[slot], std::memory_order_release);
    return true;
  }

 private:
  Snapshot slots_[kMaxSnapshots];
  std::atomic<std::size_t> used_;
  std::atomic<const Snapshot*> current_;
};

}  // namespace superslab
