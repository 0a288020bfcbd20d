// The pointer through which the data plane sees policy, published any number of times.
//
// A snapshot that is published is never written while anybody can read it. Each of a fixed number
// of slots counts who reads it; a publisher fills a slot that is not current and that nobody reads,
// and makes it current. So a slot is an epoch of its own: what was in it comes back once the last
// of those who saw it is done. Readers never wait and nothing is allocated.
//
// Who reads on a slow path keeps what it needs of a snapshot and looks at the generation: only when
// that has moved does it read again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/lock.h"
#include "base/this_thread.h"
#include "base/types.h"

namespace superslab {

/// `kSlots`: more than there are threads that read different ones at the same moment, mostly.
template <class Snapshot, std::size_t kSlots = 8>
class Published {
 public:
  static_assert(std::is_trivially_copyable_v<Snapshot>);

  explicit Published(const Snapshot& first) { slots_[0].snapshot = first; }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

 private:
  struct Slot;

 public:
  /// Keeps one snapshot as it is while it lives. For a few statements: a publisher may need the
  /// slot.
  class [[nodiscard]] Reading {
   public:
    explicit Reading(const Published& published) : slot_(published.enter()) {}
    // Release: what was read of the slot comes before it is filled anew.
    ~Reading() { slot_.readers.fetch_sub(1, std::memory_order_release); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    const Snapshot& operator*() const { return slot_.snapshot; }
    const Snapshot* operator->() const { return &slot_.snapshot; }

   private:
    const Slot& slot_;
  };

  /// From any thread: the snapshot that is current.
  Reading read() const { return Reading(*this); }

  /// Another number whenever another snapshot is current. Acquire: who sees it reads that snapshot
  /// or a later one.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  /// From any thread, with no lock of a rank beyond kPolicy held, and not while it reads. The last
  /// of several at once stays current. Waits in the one case that every slot is being read.
  void publish(const Snapshot& next) EXCLUDES(publishing_) {
    LockGuard guard(publishing_);
    Slot& slot = free_slot();
    slot.snapshot = next;
    make_current(slot);
  }

  /// The same of a copy of the current one that `change(Snapshot&)` changes: nothing that is
  /// published meanwhile is lost.
  template <class Change>
  void update(Change change) EXCLUDES(publishing_) {
    LockGuard guard(publishing_);
    Slot& slot = free_slot();
    slot.snapshot = current_.load(std::memory_order_relaxed)->snapshot;
    change(slot.snapshot);
    make_current(slot);
  }

  /// In the child of a fork: the readers that are not there any more have let go. Returns who was
  /// publishing. A reading of the thread that forked, which its signal handler interrupted, makes
  /// the slot look read for ever when it ends: the others are enough.
  Holder survive_fork() {
    const Holder holder = publishing_.survive_fork();
    // It may have made a snapshot current and not told yet.
    if (holder == Holder::kVanished) generation_.fetch_add(1, std::memory_order_release);
    for (Slot& slot : slots_) slot.readers.store(0, std::memory_order_relaxed);
    return holder;
  }

 private:
  struct alignas(kCacheLinePair) Slot {
    mutable std::atomic<std::uint32_t> readers{0};
    Snapshot snapshot{};
  };

  const Slot& enter() const {
    for (;;) {
      const Slot& slot = *current_.load(std::memory_order_seq_cst);
      slot.readers.fetch_add(1, std::memory_order_seq_cst);
      // A slot that is current again has been filled whole meanwhile.
      if (&slot == current_.load(std::memory_order_seq_cst)) [[likely]]
        return slot;
      slot.readers.fetch_sub(1, std::memory_order_release);
    }
  }

  void make_current(Slot& slot) REQUIRES(publishing_) {
    // Sequentially consistent, as is all in enter() and free_slot(): either a reader that enters
    // the slot which was current sees that it is not, or the next publisher sees the reader.
    current_.store(&slot, std::memory_order_seq_cst);
    generation_.fetch_add(1, std::memory_order_release);
  }

  Slot& free_slot() REQUIRES(publishing_) {
    for (std::size_t i = 0;; i = (i + 1) % kSlots) {
      Slot& slot = slots_[i];
      if (&slot != current_.load(std::memory_order_relaxed) &&
          slot.readers.load(std::memory_order_seq_cst) == 0)
        return slot;
      if (i + 1 == kSlots) yield_thread();
    }
  }

  Slot slots_[kSlots];
  std::atomic<Slot*> current_{&slots_[0]};
  std::atomic<std::uint64_t> generation_{0};
  Mutex publishing_{LockRank::kPolicy};
};

}  // namespace superslab
