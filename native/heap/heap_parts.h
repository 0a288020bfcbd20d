// What the files that Heap is written in share, and nobody else includes.
#pragma once

#include "heap/heap.h"

namespace superslab {

/// The heap's lock, with a count of the times it was not free and of how long that lasted.
class SCOPED_CAPABILITY Heap::Lock {
 public:
  explicit Lock(const Heap& heap) ACQUIRE(heap.lock_) : heap_(heap) {
    if (heap.lock_.try_lock()) return;
    const Nanos start = precise_now();
    heap.lock_.lock();
    heap.counters_.contended.add(1);
    heap.counters_.lock_wait_ns.add(precise_now() - start);
  }
  ~Lock() RELEASE() { heap_.lock_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const Heap& heap_;
};

template <class Act>
bool Heap::for_each_vacant(Act act) {
  // One that becomes vacant now is for the next who looks.
  if (vacant_owners_.load(std::memory_order_relaxed) == 0) return false;
  for (SlabOwner* at = nullptr;;) {
    SlabOwner* vacant = nullptr;
    {
      Lock guard(*this);
      vacant = at == nullptr ? owners_ : at->next;
      while (vacant != nullptr && !vacant->vacant) vacant = vacant->next;
      if (vacant == nullptr) return false;
      vacant->vacant = false;
    }
    const bool done = act(*vacant);
    Lock guard(*this);
    vacant->vacant = true;
    if (done) return true;
    at = vacant;
  }
}

}  // namespace superslab
