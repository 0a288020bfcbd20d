// How much memory a heap has, how much of it is idle, and how much may be.
//
// A permanent heap has nobody who comes by while all its threads rest. So the thread that frees
// looks, with no lock held, whether more is idle than the heap keeps, and calls a hook.
#pragma once

#include <atomic>
#include <cstdint>

#include "heap/heap_core.h"
#include "heap/idle_bound.h"
#include "learn/idle_times.h"
#include "policy/samples.h"

namespace superslab {

class MemoryAccount {
 public:
  explicit MemoryAccount(HeapCore& core);
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  /// Memory that was taken from the operating system and not given back.
  ByteCount committed_bytes() const { return committed_.load(std::memory_order_relaxed); }
  void change_committed(std::int64_t bytes) {
    committed_.fetch_add(static_cast<ByteCount>(bytes), std::memory_order_relaxed);
    core_.space.note_resident(bytes);
    // What may lie idle follows the room that is left.
    if (counts_idle() && is_room_scarce()) set_looks_from();
  }

  /// How much memory all heaps of the space may have beside what they have.
  ByteCount room_left() const {
    const ByteCount used = core_.space.resident_bytes() + core_.space.idle_bytes();
    return used < core_.shape.memory ? core_.shape.memory - used : 0;
  }
  bool is_room_scarce() const { return room_left() < core_.shape.memory / 2; }
  Pressure pressure() const {
    if (!core_.shape.is_limited() || !is_room_scarce()) return Pressure::kNone;
    return room_left() < core_.shape.memory / 8 ? Pressure::kFull : Pressure::kSome;
  }

  /// How long memory stays idle before it goes back: less, the less room there is under a limit.
  Nanos purge_delay() const { return fitted(to_nanos(purge_delay_of(*core_.policy.read()))); }
  Nanos big_cache_age() const { return fitted(to_nanos(big_cache_age_of(*core_.policy.read()))); }

  // How long memory is idle, for who learns that --------------------------------------------

  /// From now on; nullptr for nobody. Without the lock, which guards what `times` counts from then
  /// on.
  void observe_idle(IdleTimes* times) {
    HeapLock guard(core_.lock);
    idle_times_ = times;
  }
  /// What `times` counted so far, and how long a span is by which it judges from then on.
  void sample_idle(IdleSamples& out, Nanos now, IdleTimes& times, Nanos break_even) {
    HeapLock guard(core_.lock);
    times.set_break_even(break_even);
    times.sample(out, now);
  }
  /// Memory that was kept serves again; memory was purged; memory without pages was taken. Under
  /// the lock.
  void note_used(IdleBand band, ByteCount bytes, Nanos since) {
    if (idle_times_ != nullptr && bytes != 0) note_used_locked(band, bytes, since);
  }
  void note_purged(IdleBand band, ByteCount bytes, Nanos since) {
    if (idle_times_ != nullptr && bytes != 0) note_purged_locked(band, bytes, since);
  }
  void note_without_pages(IdleBand band, ByteCount bytes) {
    if (idle_times_ != nullptr && bytes != 0) note_without_pages_locked(band, bytes);
  }

  // What is idle ------------------------------------------------------------------------------

  /// Set before the first thread attaches. Without a hook the heap does not count what is idle.
  using ExcessHook = void (*)();
  void set_excess_hook(ExcessHook hook) { excess_hook_ = hook; }
  bool counts_idle() const { return excess_hook_ != nullptr; }

  /// For a thread that freed something and holds no lock.
  void after_frees() const {
    if (excess_hook_ != nullptr && idle_bytes() > looks_from_.load(std::memory_order_relaxed))
        [[unlikely]]
      excess_hook_();
  }

  /// Of a heap that counts it: memory that was touched and that no caller and no magazine has. Idle
  /// superslabs of its space are among it, free blocks that purge left where they lie are not.
  ByteCount idle_bytes() const {
    const std::int64_t in_slabs = idle_in_slabs_.load(std::memory_order_relaxed);
    return core_.space.idle_bytes() + free_bytes() +
           (in_slabs > 0 ? static_cast<ByteCount>(in_slabs) : 0);
  }

  /// Of slices in no slab that hold memory. It changes under the lock.
  ByteCount free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  void change_free(std::int64_t bytes) {
    free_bytes_.fetch_add(static_cast<ByteCount>(bytes), std::memory_order_relaxed);
  }

  /// An owner has `change` more idle bytes in its slabs.
  void note_idle_in_slabs(std::int64_t change) {
    idle_in_slabs_.fetch_add(change, std::memory_order_relaxed);
  }

  // How much may be idle ----------------------------------------------------------------------

  /// The policy may have changed. Under the lock.
  void follow_policy();
  /// `bytes` come from the operating system. Under the lock.
  void note_fresh(ByteCount bytes);
  /// Blocks on pages that may have been purged were taken. Without the lock, as what follows.
  void note_taken_again(ByteCount bytes);
  /// `bytes` went back that had been idle for as long as the purge delay.
  void note_unused(ByteCount bytes);
  /// `bytes` went back because they were beyond the bound.
  void note_given_back(ByteCount bytes);

  /// Idle bytes beyond the bound, and a little more, so that not every free has some to give back;
  /// 0 when there are none.
  ByteCount excess() const;

  /// The excess went back, but for what cannot: frees look again when there is more.
  void look_from_here();

  /// Of the bytes that went back because of the bound: all, and those that were taken again soon.
  std::uint64_t excess_bytes() const { return excess_bytes_.get(); }
  std::uint64_t regretted_bytes() const { return regretted_bytes_.get(); }
  /// Idle memory that the heap keeps beyond its policy's bound, since it was taken again soon.
  ByteCount earned_idle_bytes() const NO_THREAD_SAFETY_ANALYSIS {
    return idle_bound_.earned();  // a counter, for any thread
  }

  // In the child of a fork --------------------------------------------------------------------

  /// Counting starts anew: what is idle in slabs, and what is free in no slab.
  void forget_idle_in_slabs() { idle_in_slabs_.store(0, std::memory_order_relaxed); }
  void forget_free() { free_bytes_.store(0, std::memory_order_relaxed); }

 private:
  Nanos fitted(Nanos delay) const;
  ByteCount idle_bound() const;
  void set_looks_from() { looks_from_.store(idle_bound(), std::memory_order_relaxed); }
  void note_fresh_locked(ByteCount bytes) REQUIRES(core_.lock);
  void note_used_locked(IdleBand band, ByteCount bytes, Nanos since);
  void note_purged_locked(IdleBand band, ByteCount bytes, Nanos since);
  void note_without_pages_locked(IdleBand band, ByteCount bytes);
  Nanos delay_of(IdleBand band) const {
    return band == IdleBand::kSlabs ? purge_delay() : big_cache_age();
  }
  void count(const IdleTimes::Wrong& wrong) const;

  HeapCore& core_;
  ExcessHook excess_hook_ = nullptr;
  std::atomic<ByteCount> committed_{0};
  std::atomic<ByteCount> free_bytes_{0};
  std::atomic<std::int64_t> idle_in_slabs_{0};  // as far as the owners told
  std::atomic<ByteCount> looks_from_;  // idle bytes from which a thread that frees looks closer
  IdleBound idle_bound_ GUARDED_BY(core_.lock);
  IdleTimes* idle_times_ = nullptr;  // changed and used under the lock
  Counter excess_bytes_;
  Counter regretted_bytes_;
};

}  // namespace superslab
