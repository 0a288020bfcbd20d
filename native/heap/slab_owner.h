// One thread's share of a heap: the slabs it owns. Only that thread calls the functions here, but
// for those that say otherwise.
//
// A thread that ends leaves its SlabOwner behind, vacant and with its slabs; the next thread takes
// it over whole. So a remote thread may always push to the owner that it read from a slab.
#pragma once

#include <atomic>
#include <cstdint>

#include "heap/heap_stats.h"
#include "heap/size_class.h"
#include "heap/slab_bits.h"
#include "space/space.h"

namespace superslab {

class Heap;

class alignas(kCacheLinePair) SlabOwner {
 public:
  SlabOwner(Heap& heap, OwnerId id) : heap_(heap), id_(id) {}
  SlabOwner(const SlabOwner&) = delete;
  SlabOwner& operator=(const SlabOwner&) = delete;

  /// Takes up to `wanted` blocks of class `c` out of their slabs, lowest address first, and charges
  /// them. 0 when the budget or the operating system has no more.
  std::size_t take(ClassIndex c, void** out, std::size_t wanted);

  /// Puts blocks of this heap back into their slabs, its own or others', and discharges them.
  /// Neighbouring blocks in the array that share a slab cost one operation together.
  void give(void* const* blocks, std::size_t count);

  /// Any thread, whether it owns the block's slab or not: frees one block of `heap`.
  static void give_remote(Heap& heap, void* block);

  /// Collects what other threads have freed in the slabs of this owner.
  void collect();

  /// Dissolves every unused slab, also those that were kept for the next refill.
  void retire_unused();

  /// Any thread: puts a slab with fresh remote frees on the queue.
  void push_remote(Slab* slab);

  /// Takes over a slab that is new or whose former owner let go of it.
  void adopt(Slab* slab);

  /// Calls visit(Slab&) for each of its slabs; visit may free blocks of the slab it is given, but
  /// of no other, and must not take any.
  template <class Visit>
  void for_each_slab(Visit visit) {
    for (std::size_t c = 0; c < kClassCount; ++c) {
      for (Slab* list : {drained_[c], partial_[c]}) {
        for (Slab* slab = list; slab != nullptr;) {
          Slab* following = slab->next;
          visit(*slab);
          slab = following;
        }
      }
    }
  }

  /// Calls reclaim(block, bytes) for each block that is out of its slab, and frees those for which
  /// it answers true, without discharging them. No other thread may free blocks of these slabs
  /// meanwhile.
  template <class Reclaim>
  void for_each_leased(Reclaim reclaim);

  /// Hands a slab of class `c` with free blocks to `to`; false when it has none.
  bool hand_over(ClassIndex c, SlabOwner& to);

  Heap& heap() const { return heap_; }
  OwnerId id() const { return id_; }
  ClassCounters& counters(ClassIndex c) { return counters_[to_index(c)]; }
  const ClassCounters& counters(ClassIndex c) const { return counters_[to_index(c)]; }

  // Under the heap's lock.
  SlabOwner* next = nullptr;
  bool vacant = false;

 private:
  Slab*& list_of(const Slab* slab);
  void link(Slab* slab, bool partial);
  void unlink(Slab* slab);
  /// Returns the bytes to discharge.
  ByteCount give_run(Slab* slab, std::uint32_t word, std::uint64_t mask);
  static std::uint64_t give_run_remote(Slab* slab, std::uint32_t word, std::uint64_t mask);
  void after_free(Slab* slab);

  Heap& heap_;
  const OwnerId id_;
  Slab* partial_[kClassCount] = {};  // slabs with something to take
  Slab* drained_[kClassCount] = {};  // slabs whose blocks are all out
  ClassCounters counters_[kClassCount];

  // Written by remote threads: a Treiber stack, popped whole by the owner, so no ABA.
  alignas(kCacheLinePair) std::atomic<Slab*> remote_{nullptr};
};

template <class Reclaim>
void SlabOwner::for_each_leased(Reclaim reclaim) {
  collect();
  for_each_slab([&](Slab& slab) {
    for (std::uint32_t index = 0; index < slab.carved; ++index) {
      if (!slab_holds(slab, index) &&
          reclaim(block_address(slab, index), ByteCount{slab.block_bytes})) {
        slab_free(slab, index / 64, std::uint64_t{1} << (index % 64));
      }
    }
    if (!slab_is_drained(slab)) after_free(&slab);
  });
}

}  // namespace superslab
