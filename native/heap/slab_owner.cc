#include "heap/slab_owner.h"

#include "heap/heap.h"
#include "heap/slab_bits.h"

namespace superslab {

Slab*& SlabOwner::list_of(const Slab* slab) {
  return (slab->partial ? partial_ : drained_)[to_index(slab->size_class)];
}

void SlabOwner::link(Slab* slab, bool partial) {
  slab->partial = partial;
  Slab*& first = list_of(slab);
  slab->prev = nullptr;
  slab->next = first;
  if (first != nullptr) first->prev = slab;
  first = slab;
}

void SlabOwner::unlink(Slab* slab) {
  if (slab->prev != nullptr) slab->prev->next = slab->next;
  if (slab->next != nullptr) slab->next->prev = slab->prev;
  if (list_of(slab) == slab) list_of(slab) = slab->next;
  slab->next = slab->prev = nullptr;
}

void SlabOwner::adopt(Slab* slab) {
  // Release: a remote thread that reads the new owner sees it whole.
  slab->owner.store(this, std::memory_order_release);
  heap_.space().route_slices(slab->start, slab->slices,
                             route_of(id_) + static_cast<Route>(to_index(slab->size_class)));
  link(slab, !slab_is_drained(*slab));
}

bool SlabOwner::hand_over(ClassIndex c, SlabOwner& to) {
  Slab* slab = partial_[to_index(c)];
  if (slab == nullptr) return false;
  unlink(slab);
  to.adopt(slab);
  return true;
}

std::size_t SlabOwner::take(ClassIndex c, void** out, std::size_t wanted) {
  const ByteCount unit = size_class(c).block_bytes;
  wanted = heap_.charge(unit, wanted);
  std::size_t got = 0;
  while (got < wanted) {
    Slab* slab = partial_[to_index(c)];
    if (slab == nullptr) {
      collect();
      slab = partial_[to_index(c)];
    }
    if (slab == nullptr) {
      if (heap_.inherit_slab(c, *this)) continue;
      slab = heap_.make_slab(c);
      if (slab == nullptr) break;
      adopt(slab);
    }
    got += slab_take(*slab, out + got, wanted - got);
    const ByteCount end = ByteCount{slab->carved} * slab->block_bytes;
    if (end > slab->populated_bytes) heap_.populate(*slab, end);
    if (slab_is_drained(*slab)) {
      unlink(slab);
      link(slab, false);
    }
  }
  if (got < wanted) heap_.discharge(unit * (wanted - got));
  return got;
}

void SlabOwner::after_free(Slab* slab) {
  if (!slab->partial) {
    unlink(slab);
    link(slab, true);
  }
  // One unused slab a class stays for the next refill; see retire_unused().
  const bool only_one = slab->next == nullptr && slab->prev == nullptr;
  if (only_one || !slab_is_unused(*slab)) return;
  unlink(slab);
  heap_.retire_slab(slab);
}

std::uint64_t SlabOwner::give_run_remote(Slab* slab, std::uint32_t word, std::uint64_t mask) {
  const RemoteFree freed = remote_free(*slab, word, mask);
  // Acquire pairs with adopt(). If the slab was handed over since, the owner that pops it forwards
  // it.
  if (freed.must_queue)
    static_cast<SlabOwner*>(slab->owner.load(std::memory_order_acquire))->push_remote(slab);
  return freed.already_free;
}

void SlabOwner::give_remote(Heap& heap, void* block) {
  Slab* slab = heap.space().slab_of(block);
  const std::uint32_t index = block_index(*slab, block);
  // The size is read first: once the block is free, its owner may retire the slab.
  const ByteCount unit = slab->block_bytes;
  heap.count_sent_home(slab->size_class);
  if (give_run_remote(slab, index / 64, std::uint64_t{1} << (index % 64)) != 0) {
    heap.count_double_frees(1);
  } else {
    heap.discharge(unit);
  }
}

ByteCount SlabOwner::give_run(Slab* slab, std::uint32_t word, std::uint64_t mask) {
  const auto blocks = static_cast<std::uint64_t>(std::popcount(mask));
  std::uint64_t already_free;
  const ByteCount unit = slab->block_bytes;  // read first, as in give_remote()
  const ClassIndex c = slab->size_class;
  // Relaxed is enough to recognise oneself: only this thread ever stores `this` here or takes it
  // away, but for a vacant owner, which nobody is.
  if (slab->owner.load(std::memory_order_relaxed) == this) {
    already_free = slab_free(*slab, word, mask);
    after_free(slab);
  } else {
    already_free = give_run_remote(slab, word, mask);
    counters_[to_index(c)].remote_frees.add(blocks);
  }
  const auto repeated = static_cast<std::uint64_t>(std::popcount(already_free));
  if (repeated != 0) heap_.count_double_frees(repeated);
  return unit * (blocks - repeated);
}

void SlabOwner::give(void* const* blocks, std::size_t count) {
  Slab* slab = nullptr;
  std::uint32_t word = 0;
  std::uint64_t mask = 0;
  ByteCount freed = 0;  // discharged together: each discharge is a fence
  for (std::size_t i = 0; i < count; ++i) {
    Slab* of = heap_.space().slab_of(blocks[i]);
    const std::uint32_t index = block_index(*of, blocks[i]);
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if (of != slab || index / 64 != word || (mask & bit) != 0) {
      if (mask != 0) freed += give_run(slab, word, mask);
      slab = of;
      word = index / 64;
      mask = 0;
    }
    mask |= bit;
  }
  if (mask != 0) freed += give_run(slab, word, mask);
  if (freed != 0) heap_.discharge(freed);
}

void SlabOwner::push_remote(Slab* slab) {
  Slab* top = remote_.load(std::memory_order_relaxed);
  do {
    slab->next_remote = top;
    // Release: the owner that pops it sees next_remote.
  } while (!remote_.compare_exchange_weak(top, slab, std::memory_order_release,
                                          std::memory_order_relaxed));
}

void SlabOwner::collect() {
  if (remote_.load(std::memory_order_relaxed) == nullptr) return;
  Slab* slab = remote_.exchange(nullptr, std::memory_order_acquire);
  while (slab != nullptr) {
    Slab* following = slab->next_remote;  // before the slab can be queued again
    auto* owner = static_cast<SlabOwner*>(slab->owner.load(std::memory_order_acquire));
    if (owner != this) {
      owner->push_remote(slab);  // it was handed over after the remote thread looked
    } else {
      if (const std::uint32_t repeated = slab_collect(*slab); repeated != 0) {
        heap_.count_double_frees(repeated);
        heap_.recharge(ByteCount{slab->block_bytes} * repeated);
      }
      if (!slab_is_drained(*slab)) after_free(slab);
    }
    slab = following;
  }
}

void SlabOwner::retire_unused() {
  collect();
  for_each_slab([this](Slab& slab) {
    if (!slab.partial || !slab_is_unused(slab)) return;
    unlink(&slab);
    heap_.retire_slab(&slab);
  });
}

}  // namespace superslab
