// The contract of every kind of pool. The process's list of pools, statistics and the inspector
// know pools by it alone: a new kind is visible from its first version.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "heap/heap.h"
#include "policy/relief_step.h"
#include "pools/pool_figures.h"

namespace superslab {

class RecentBlocks;

/// What check() finds wrong with a pool.
enum class PoolFault : std::uint8_t {
  kNone,
  kHeap,      // a list of superslabs, or an owner's slabs
  kDepth,     // a magazine has more blocks than places
  kMagazine,  // a magazine names what is no block of its class, or one twice
  kStaged,    // so do the blocks that a refill has brought and nobody can acquire yet
};

class Pool {
 public:
  virtual ~Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// UTF-8, cut if it is longer than PoolFigures has place for. Any thread.
  std::string_view name() const { return name_; }

  /// Most bytes of blocks that may be out at once; 0 without a limit. Any thread.
  ByteCount limit() const { return heap().budget().max_bytes(); }

  /// Where its memory comes from. The pool ends with it: see Heap::is_abandoned().
  virtual Heap& heap() = 0;
  const Heap& heap() const { return const_cast<Pool*>(this)->heap(); }

  /// Fills in what it counts, and its name; `faults` are the process's. Any thread.
  virtual void stats(const FaultCounts& faults, PoolFigures& out) const = 0;

  /// Looks whether its lists and magazines are whole. While no other thread uses the pool.
  virtual PoolFault check() const = 0;

  /// Gives idle memory back at once, until at most `target` bytes are committed. Returns the bytes
  /// that went back to the operating system. Any thread.
  virtual ByteCount trim(ByteCount target) { return heap().trim(target); }

  /// While memory is scarce: gives back what belongs to one step and is not a thread's own. Returns
  /// the bytes. Any thread.
  virtual ByteCount relieve(ReliefStep step) { return step == ReliefStep::kCaches ? trim(0) : 0; }

  /// Nothing is taken from it any more, and what lies idle goes back. What is out may still come
  /// home. Any thread.
  virtual void close() {
    note_closed();
    trim(0);
  }
  /// The first half of it, for a pool whose creator is gone.
  void note_closed() { is_closed_.store(true, std::memory_order_relaxed); }
  bool is_closed() const { return is_closed_.load(std::memory_order_relaxed); }

  /// A turn of the control loop: looks at its demand, and keeps memory ready for what comes back.
  /// Whether there is reason to come again. A kind that does not adapt has none. Any thread, one at
  /// a time.
  virtual bool adapt() { return false; }

  /// For the map: shows which blocks went in and out of caches since they were last looked at. A
  /// kind without caches has none to show. Any thread.
  virtual void show_recent(RecentBlocks&) {}

 protected:
  explicit Pool(std::string_view name);

 private:
  char name_[PoolFigures::kNameBytes] = {};
  std::atomic<bool> is_closed_{false};
};

}  // namespace superslab
