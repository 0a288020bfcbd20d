// The owners among whom the slabs of a heap are divided. One whose thread has ended is vacant: it
// keeps its slabs, and the next thread takes it over whole.
#pragma once

#include <atomic>

#include "heap/heap_core.h"
#include "heap/slab_owner.h"

namespace superslab {

class SlabSource;

class SlabOwners {
 public:
  explicit SlabOwners(HeapCore& core) : core_(core) {}
  SlabOwners(const SlabOwners&) = delete;
  SlabOwners& operator=(const SlabOwners&) = delete;

  /// A share of the heap of `slabs` for the calling thread: a vacant one of that node, or a new
  /// one. nullptr without memory.
  SlabOwner* attach(SlabSource& slabs, NodeOrdinal node = 0);

  /// The calling thread is done with its share.
  void detach(SlabOwner* owner);

  /// Moves a slab of class `c` with free blocks from a vacant owner of the same node to `to`.
  bool inherit_slab(ClassIndex c, SlabOwner& to);

  /// Dissolves the unused slabs of all owners but one that have at least `min_bytes` of them; their
  /// bytes.
  ByteCount retire_unused(const SlabOwner* but, ByteCount min_bytes);

  /// In the child of a fork, once no thread is left but that with the share `mine`: all others are
  /// vacant.
  void vacate_others(const SlabOwner* mine);

  /// The heap's end: nobody else has it any more. Ends all owners.
  void end();

  /// Calls visit(SlabOwner&) for each, without the lock, until it returns false: owners stay as
  /// long as the heap, only the first link changes.
  template <class Visit>
  void for_each(Visit visit) const {
    for (SlabOwner* owner = first(); owner != nullptr; owner = owner->next)
      if (!visit(*owner)) return;
  }

  /// Calls act(SlabOwner&) for each vacant owner, as its owner and without the lock, until it
  /// returns true. The owner is not vacant meanwhile, so that no thread attaches to it.
  template <class Act>
  bool for_each_vacant(Act act);

  /// Whether the lists of each are whole, while no other thread works with them. Under the heap's
  /// lock.
  bool is_valid() const;

 private:
  friend class HeapSurvivor;

  SlabOwner* first() const {
    HeapLock guard(core_.lock);
    return first_;
  }
  SlabOwner* take_vacant(NodeOrdinal node);

  HeapCore& core_;
  SlabOwner* first_ GUARDED_BY(core_.lock) = nullptr;
  std::atomic<std::uint32_t> vacant_{0};  // written under the lock
};

template <class Act>
bool SlabOwners::for_each_vacant(Act act) {
  // One that becomes vacant now is for the next who looks.
  if (vacant_.load(std::memory_order_relaxed) == 0) return false;
  for (SlabOwner* at = nullptr;;) {
    SlabOwner* owner = nullptr;
    {
      HeapLock guard(core_.lock);
      owner = at == nullptr ? first_ : at->next;
      while (owner != nullptr && !owner->vacant) owner = owner->next;
      if (owner == nullptr) return false;
      owner->vacant = false;
    }
    const bool done = act(*owner);
    HeapLock guard(core_.lock);
    owner->vacant = true;
    if (done) return true;
    at = owner;
  }
}

}  // namespace superslab
