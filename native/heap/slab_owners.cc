#include "heap/slab_owners.h"

#include <cassert>
#include <new>

#include "base/program_order.h"

namespace superslab {

SlabOwner* SlabOwners::take_vacant(NodeOrdinal node) {
  HeapLock guard(core_.lock);
  for (SlabOwner* owner = first_; owner != nullptr; owner = owner->next) {
    if (!owner->vacant || owner->node() != node) continue;
    owner->vacant = false;
    vacant_.fetch_sub(1, std::memory_order_relaxed);
    return owner;
  }
  return nullptr;
}

SlabOwner* SlabOwners::attach(SlabSource& slabs, NodeOrdinal node) {
  if (SlabOwner* vacant = take_vacant(node); vacant != nullptr) return vacant;
  const OwnerPlace place = core_.space.take_owner_place(sizeof(SlabOwner), alignof(SlabOwner));
  if (place.memory == nullptr) return nullptr;
  auto* owner = new (place.memory) SlabOwner(slabs, place.id, node);
  HeapLock guard(core_.lock);
  owner->number = first_ == nullptr ? 0 : first_->number + 1;
  owner->next = first_;
  in_program_order();
  first_ = owner;
  return owner;
}

void SlabOwners::detach(SlabOwner* owner) {
  // Its unused slabs stay for the next thread; the purger dissolves them when none comes.
  owner->collect();
  owner->note_running_on(kNoNode);
  HeapLock guard(core_.lock);
  assert(!owner->vacant && "its thread is attached");
  owner->vacant = true;
  vacant_.fetch_add(1, std::memory_order_relaxed);
}

bool SlabOwners::inherit_slab(ClassIndex c, SlabOwner& to) {
  assert(to_index(c) < kFixedClasses);
  return for_each_vacant([&](SlabOwner& vacant) {
    return vacant.node() == to.node() && vacant.try_collect() && vacant.try_hand_over(c, to);
  });
}

ByteCount SlabOwners::retire_unused(const SlabOwner* but, ByteCount min_bytes) {
  ByteCount sum = 0;
  for_each([&](SlabOwner& owner) {
    // A visit interrupts every processor.
    if (&owner != but && (owner.unused_bytes() >= min_bytes || owner.has_remote_frees()))
      sum += owner.try_retire_unused(min_bytes);
    return true;
  });
  return sum;
}

void SlabOwners::vacate_others(const SlabOwner* mine) {
  HeapLock guard(core_.lock);
  std::uint32_t vacant = 0;
  for (SlabOwner* owner = first_; owner != nullptr; owner = owner->next) {
    owner->vacant = owner != mine;
    vacant += owner->vacant;
  }
  vacant_.store(vacant, std::memory_order_relaxed);
}

void SlabOwners::end() NO_THREAD_SAFETY_ANALYSIS {
  // Twice: a slab that was handed over while it was queued is forwarded to its owner's queue, and
  // that owner may have had its turn.
  for (int round = 0; round < 2; ++round) {
    for (SlabOwner* owner = first_; owner != nullptr; owner = owner->next) owner->retire_unused();
  }
  while (SlabOwner* owner = first_) {
    first_ = owner->next;
    // The next owner with this id must find no route of this one.
    owner->dissolve();
    const OwnerId id = owner->id();
    owner->~SlabOwner();
    core_.space.give_owner_place({owner, id});
  }
}

bool SlabOwners::is_valid() const {
  core_.lock.assert_held();
  for (const SlabOwner* owner = first_; owner != nullptr; owner = owner->next)
    if (!owner->is_valid()) return false;
  return true;
}

}  // namespace superslab
