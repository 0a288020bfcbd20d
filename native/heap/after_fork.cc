// A heap in the child of a fork, in which only one of its threads goes on.
//
// Nothing waits for a fork, so that the others may have been at any instruction. What they changed
// under a lock is put together again from what is always whole: the entries of superslabs and slabs
// in the directory, each of which one last store makes valid or ends, and the free bits of slabs.
//
//   a superslab is of a heap    `heap` and `use` say so, which come last and go first
//   a slab has an owner         `owner`, likewise; its slices are in no mask of the superslab
//   a block is free             its bit in one of the slab's two arrays of words
//
// Lists, counts and queues follow from these. What a vanished thread had taken and not yet handed
// on (blocks, slices, superslabs) stays out: a fork in the midst of an operation loses memory of
// that operation's size at most. The thread that forked may stand in the middle of one itself, if
// it did so in a signal handler. What it holds is left alone, for it will go on.
#include <algorithm>

#include "heap/heap.h"
#include "heap/slab_bits.h"

namespace superslab {

class HeapSurvivor {
 public:
  HeapSurvivor(Heap& heap, const SlabOwner* mine)
      : heap_(heap), mine_(mine), my_slab_(mine == nullptr ? nullptr : mine->sending_) {}

  /// Whether this thread stands in the middle of something.
  bool take_over_locks() NO_THREAD_SAFETY_ANALYSIS {
    lists_ = heap_.core_.lock.survive_fork();
    bool is_inside = lists_ == Holder::kMe;
    is_inside |= heap_.core_.policy.survive_fork() == Holder::kMe;
    is_inside |= heap_.core_.reserve.survive_fork() == Holder::kMe;
    is_inside |= heap_.core_.room.survive_fork() == Holder::kMe;
    is_inside |= heap_.core_.caches.survive_fork() == Holder::kMe;
    for (SlabOwner* owner = heap_.owners_.first_; owner != nullptr; owner = owner->next) {
      owner->at_fork_ = owner->lock_.survive_fork();
      const bool is_mine = owner == mine_ || owner->at_fork_ == Holder::kMe;
      is_inside |= owner->at_fork_ == Holder::kMe || (is_mine && owner->sending_ != nullptr);
      is_suspect_ |= owner->at_fork_ == Holder::kVanished;
      if (owner->sending_ == nullptr) continue;
      if (is_mine) {
        my_slab_ = owner->sending_;
      } else {
        owner->sending_ = nullptr;
        is_suspect_ = true;
      }
    }
    return is_inside;
  }

  bool needs_repair() const { return is_suspect_ || lists_ == Holder::kVanished; }

  void repair() NO_THREAD_SAFETY_ANALYSIS {
    if (lists_ == Holder::kVanished) {
      heap_.slabs_.shelf_ = {};
      heap_.huge_.leased_ = {};
      heap_.account_.forget_free();
    }
    heap_.account_.forget_idle_in_slabs();
    for (SlabOwner* owner = heap_.owners_.first_; owner != nullptr; owner = owner->next) {
      if (owner->at_fork_ != Holder::kVanished)
        heap_.account_.note_idle_in_slabs(owner->told_bytes_);
      if (owner->at_fork_ == Holder::kMe) continue;
      empty_queue(*owner);
      if (owner->at_fork_ == Holder::kVanished) empty_lists(*owner);
    }
    heap_.space().for_each_entry([this](Superslab& s) {
      if (s.heap == &heap_) repair(s);
    });
    for (SlabOwner* owner = heap_.owners_.first_; owner != nullptr; owner = owner->next) {
      if (owner->at_fork_ == Holder::kVanished) repair_spares(*owner);
    }
  }

 private:
  /// All but what is of an owner that this thread is at work with: that one goes on collecting.
  static void empty_queue(SlabOwner& owner) {
    Slab* slab = owner.remote_.exchange(nullptr, std::memory_order_relaxed);
    while (slab != nullptr) {
      Slab* following = slab->next_remote;
      auto* now = static_cast<SlabOwner*>(slab->owner.load(std::memory_order_relaxed));
      if (now != nullptr && now->at_fork_ == Holder::kMe) now->push_remote(slab);
      slab = following;
    }
  }

  static void empty_lists(SlabOwner& owner) {
    for (auto& lists : owner.slabs_) std::fill(std::begin(lists), std::end(lists), nullptr);
    owner.unused_ = owner.idle_ = {};
    owner.unused_bytes_.set(0);
    owner.busy_.forget();
    owner.slab_bytes_ = 0;
    owner.idle_bytes_ = owner.left_bytes_ = owner.told_bytes_ = 0;
  }

  void repair(Superslab& s) NO_THREAD_SAFETY_ANALYSIS {
    switch (s.use.load(std::memory_order_relaxed)) {
      case SuperslabUse::kHugeHead:
        if (lists_ == Holder::kVanished && s.span != 0) heap_.huge_.leased_.push(&s);
        return;
      case SuperslabUse::kSlabs:
        break;
      default:
        return;
    }
    if (lists_ == Holder::kVanished) {
      // Slices leave the first mask first.
      s.dirty_slices &= s.free_slices;
      s.zero_slices &= s.free_slices;
      heap_.slabs_.shelf_.insert(&s);
      heap_.account_.change_free(static_cast<std::int64_t>(bytes_of(s.dirty_slices)));
    }
    for (unsigned i = 0; i < kSlicesPerSuperslab; ++i) {
      Slab& slab = *heap_.space().slab_at(s, i);
      auto* owner = static_cast<SlabOwner*>(slab.owner.load(std::memory_order_relaxed));
      if (owner != nullptr && owner->at_fork_ != Holder::kMe) repair(slab, *owner);
    }
  }

  void repair(Slab& slab, SlabOwner& owner) {
    if (&slab != my_slab_) {
      std::int32_t freed = 0;
      for (std::uint32_t w = 0; w < slab.words; ++w)
        freed += std::popcount(remote_word(slab, w).load(std::memory_order_relaxed));
      slab.pending.store(freed, std::memory_order_relaxed);
      if (freed != 0) owner.push_remote(&slab);
      heap_.account_.note_idle_in_slabs(std::int64_t{freed} * slab.block_bytes);
    }
    if (owner.at_fork_ != Holder::kVanished) return;
    slab.low_word = 0;
    heap_.space().route_slices(slab.start, slab.slices, route_of(owner.id(), slab.size_class));
    owner.idle_bytes_ += idle_bytes_of(slab);
    owner.slab_bytes_ += slab.slices * kSliceBytes;
    owner.link(&slab, slab_is_drained(slab)  ? SlabState::kDrained
                      : slab_is_unused(slab) ? SlabState::kUnused
                                             : SlabState::kPartial);
    if (slab.state != SlabState::kUnused) owner.busy_.add(slab.size_class);
  }

  /// Some may have gone back to their slabs, or lie in two places on the way to one.
  void repair_spares(SlabOwner& owner) {
    for (SlabOwner::Spares& spares : owner.spares_) {
      std::uint32_t kept = 0;
      for (std::uint32_t i = 0; i < spares.count; ++i) {
        void* block = spares.blocks[i];
        const Slab& slab = *heap_.space().slab_of(block);
        if (slab_holds(slab, block_index(slab, block)) ||
            std::find(spares.blocks, spares.blocks + kept, block) != spares.blocks + kept)
          continue;
        spares.blocks[kept++] = block;
      }
      spares.count = kept;
    }
  }

  Heap& heap_;
  const SlabOwner* const mine_;
  Holder lists_ = Holder::kNobody;
  bool is_suspect_ = false;
  const Slab* my_slab_;  // this thread is at a free of its blocks, which will go on
};

bool Heap::survive_fork(const SlabOwner* mine, bool is_suspect) {
  HeapSurvivor survivor(*this, mine);
  const bool is_inside = survivor.take_over_locks();
  if (is_suspect || survivor.needs_repair()) survivor.repair();
  // A thread may have vanished between a new policy and what follows from it.
  if (!is_inside) (void)follow_policy();
  return is_inside;
}

}  // namespace superslab
