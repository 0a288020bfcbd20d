#include "heap/heap.h"

#include <algorithm>
#include <cassert>
#include <new>

#include "base/program_order.h"
#include "heap/heap_parts.h"
#include "heap/slab_bits.h"

namespace superslab {
namespace {

constexpr ByteCount kFirstPopulateBytes = 16 * kKiB;

/// Only of memory behind views: what code that trusts its pointers has in malloc's memory must
/// survive a fork.
Secrecy secrecy_of(const Snapshot& policy, const HeapShape& shape) {
  Secrecy secrecy = Secrecy::kNone;
  if (shape.access != Access::kViews) return secrecy;
  if (policy.sensitive) secrecy = secrecy | Secrecy::kNoDump | Secrecy::kWipeOnFork;
  if (policy.lock_memory) secrecy = secrecy | Secrecy::kLocked;
  return secrecy;
}

}  // namespace

Heap::Heap(Space& space, const Clock& clock, const Snapshot& policy, HeapShape shape)
    : space_(space),
      clock_(clock),
      shape_(shape),
      is_charged_(shape.is_always_charged || policy.max_bytes != 0),
      secrecy_(secrecy_of(policy, shape)),
      policy_(policy),
      budget_(policy.max_bytes),
      big_cache_(policy.big_cache_bytes),
      populate_bytes_(kFirstPopulateBytes),
      idle_bound_(policy.malloc_idle_bytes),
      looks_from_(is_limited() ? 0 : policy.malloc_idle_bytes) {}

// Nobody else has the heap any more.
Heap::~Heap() NO_THREAD_SAFETY_ANALYSIS {
  // Twice: a slab that was handed over while it was queued is forwarded to its owner's queue, and
  // that owner may have had its turn.
  for (int round = 0; round < 2; ++round) {
    for (SlabOwner* owner = owners_; owner != nullptr; owner = owner->next) owner->retire_unused();
  }
  for (SlabOwner* owner = owners_; owner != nullptr;) {
    SlabOwner* next = owner->next;
    // The next owner with this id must find no route of this one.
    owner->dissolve();
    const OwnerId id = owner->id();
    owner->~SlabOwner();
    space_.give_owner_place({owner, id});
    owner = next;
  }
  owners_ = nullptr;  // trim() looks at the vacant ones
  trim(0);
  // What trim() could not purge.
  while (Superslab* idle = big_cache_.pop_oldest(~Nanos{0})) give_back_idle(idle);
  shelf_.for_each([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    shelf_.remove(s);
    free_bytes_.fetch_sub(bytes_of(s->dirty_slices), std::memory_order_relaxed);
    give_back_unused(s);
  });
  assert(budget_.charged() == 0 && "every block came home");
}

// Owners -------------------------------------------------------------------------------------

SlabOwner* Heap::attach() {
  visitors_.fetch_add(1, std::memory_order_relaxed);
  counters_.threads.shared_add(1);
  {
    Lock guard(*this);
    for (SlabOwner* owner = owners_; owner != nullptr; owner = owner->next) {
      if (!owner->vacant) continue;
      owner->vacant = false;
      vacant_owners_.fetch_sub(1, std::memory_order_relaxed);
      return owner;
    }
  }
  const OwnerPlace place = space_.take_owner_place(sizeof(SlabOwner), alignof(SlabOwner));
  if (place.memory == nullptr) {
    counters_.threads.shared_sub(1);
    visitors_.fetch_sub(1, std::memory_order_release);
    return nullptr;
  }
  auto* owner = new (place.memory) SlabOwner(*this, place.id);
  Lock guard(*this);
  owner->next = owners_;
  in_program_order();
  owners_ = owner;
  return owner;
}

void Heap::detach(SlabOwner* owner) {
  assert(&owner->heap() == this && !owner->vacant);
  // Its unused slabs stay for the next thread; tick() dissolves them when none comes.
  owner->collect();
  counters_.threads.shared_sub(1);
  {
    Lock guard(*this);
    owner->vacant = true;
    vacant_owners_.fetch_add(1, std::memory_order_relaxed);
  }
  // Last: the heap may end now. Release, as in Visit.
  visitors_.fetch_sub(1, std::memory_order_release);
}

bool Heap::inherit_slab(ClassIndex c, SlabOwner& to) {
  return for_each_vacant(
      [&](SlabOwner& vacant) { return vacant.try_collect() && vacant.try_hand_over(c, to); });
}

bool Heap::is_whole() const {
  LockGuard guard(lock_);
  if (!is_valid()) return false;
  for (const SlabOwner* owner = owners_; owner != nullptr; owner = owner->next)
    if (!owner->is_valid()) return false;
  return true;
}

// Slabs --------------------------------------------------------------------------------------

HugePages Heap::pages_for_slabs(ClassIndex c) const {
  const HugePages pages = policy_.get().huge_pages;
  const bool is_small = to_index(c) < kFirstLargeClass;
  const bool early =
      committed_bytes() < (is_small ? shape_.thp_from_bytes_small : shape_.thp_from_bytes_large);
  return pages == HugePages::kTransparent && early ? HugePages::kOff : pages;
}

/// Under pressure everything idle goes that is a superslab or more.
void Heap::give_back_whole() {
  assert(is_valid());
  while (Superslab* idle = big_cache_.pop_oldest(~Nanos{0})) {
    give_back_idle(idle);
  }
  shelf_.for_each_whole([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    shelf_.remove(s);
    free_bytes_.fetch_sub(bytes_of(s->dirty_slices), std::memory_order_relaxed);
    give_back_unused(s);
  });
}

Backing Heap::backing(HugePages pages, ByteCount tail_bytes) const {
  return {.pages = pages,
          .placement = policy_.get().numa,
          .access = access(),
          .secrecy = secrecy_,
          .tail_bytes = tail_bytes};
}

TakenRun Heap::take_run(std::uint32_t count, ByteCount bytes, HugePages pages, std::uint32_t unit,
                        ByteCount tail_bytes) {
  const Backing wanted = backing(pages, tail_bytes);
  // A limit on memory does not refuse: it kills.
  if (is_limited() && room_left() < bytes + shape_.memory / 8) give_back_whole();
  TakenRun taken = space_.take(count, bytes, wanted, unit);
  if (taken.head == nullptr) {
    give_back_whole();  // it may hold the memory, or the addresses
    taken = space_.take(count, bytes, wanted, unit);
  }
  if (taken.fell_back) counters_.huge_fallbacks.add(count);
  if (taken.head == nullptr) {
    counters_.os_failures.add(1);
  } else {
    note_taken(taken, count);
  }
  return taken;
}

void Heap::note_taken(const TakenRun& taken, std::uint32_t count) {
  note_refused(taken.refused);
  counters_.superslabs_taken.add(count);
  for (std::uint32_t i = 0; i < count; ++i) taken.head[i].heap = this;
}

void Heap::give_run(Superslab* head) {
  counters_.superslabs_given.add(head->run);
  space_.tag_slices(*head, 0, 1, kTagNone);
  note_refused(space_.give(head));
}

void Heap::note_refused(Secrecy what) {
  if (what == Secrecy::kNone) return;
  counters_.secret_failures.shared_add(
      static_cast<std::uint64_t>(std::popcount(static_cast<unsigned>(what))));
  Secrecy before = refused_secrecy_.load(std::memory_order_relaxed);
  while (
      !refused_secrecy_.compare_exchange_weak(before, before | what, std::memory_order_relaxed)) {
  }
}

bool Heap::bring_in_huge_page(Superslab* s) {
  if (s->pages != HugePages::kTransparent) return s->pages != HugePages::kOff;
  const Populate mode = policy_.get().populate;
  // Its first touch will most likely bring it all.
  if (mode == Populate::kOff) return true;
  counters_.populates.shared_add(1);
  space_.os().populate(s->base, space_.os().page_bytes());
  // One page asked for and the last one there: the kernel gave a huge page.
  return space_.os().is_resident(s->base + kSuperslabBytes - space_.os().page_bytes());
}

Superslab* Heap::fresh_superslab(ClassIndex c) {
  const TakenRun taken = take_run(1, kSuperslabBytes, pages_for_slabs(c));
  Superslab* s = taken.head;
  if (s == nullptr) return nullptr;
  s->free_slices = kAllSlices;
  s->zero_slices = taken.is_zero ? kAllSlices : 0;
  s->dirty_slices = !taken.is_zero || bring_in_huge_page(s) ? kAllSlices : 0;
  if (s->dirty_slices == 0 && policy_.get().populate == Populate::kSuperslab) {
    counters_.populates.shared_add(1);
    space_.os().populate(s->base, kSuperslabBytes);
    s->dirty_slices = kAllSlices;
  }
  s->idle_since = clock_.now();
  s->use.store(SuperslabUse::kSlabs, std::memory_order_release);
  change_committed(static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
  free_bytes_.fetch_add(bytes_of(s->dirty_slices), std::memory_order_relaxed);
  shelf_.insert(s);
  return s;
}

Slab* Heap::make_slab(ClassIndex c, Growth growth) {
  assert(to_index(c) < kClassCount);
  const unsigned slices = size_class(c).slices;
  Lock guard(*this);
  Superslab* s = shelf_.find(slices);
  if (s == nullptr && growth == Growth::kIfNeeded) s = fresh_superslab(c);
  if (s == nullptr) return nullptr;

  shelf_.remove(s);
  // Slices that still hold memory first: they cost no page fault.
  SliceMask starts = SuperslabShelf::starts_of_runs(s->dirty_slices, slices);
  const bool dirty = starts != 0;
  if (!dirty) starts = SuperslabShelf::starts_of_runs(s->free_slices, slices);
  const auto first = static_cast<unsigned>(std::countr_zero(starts));
  const SliceMask mask = slice_run(first, slices);
  assert(starts != 0 && (s->free_slices & mask) == mask);
  const ByteCount fresh = bytes_of(mask & ~s->dirty_slices);
  change_committed(static_cast<std::int64_t>(fresh));
  free_bytes_.fetch_sub(bytes_of(mask) - fresh, std::memory_order_relaxed);
  note_fresh(fresh);
  const bool is_clean = (s->zero_slices & mask) == mask;
  s->free_slices &= ~mask;
  s->dirty_slices &= ~mask;
  s->zero_slices &= ~mask;
  shelf_.insert(s);
  counters_.slabs_made.add(1);

  // Nobody's until it is adopted, and so are its slices: a fork in between loses them, no more.
  Slab* slab = space_.slab_at(*s, first);
  const ByteCount colour = (colour_++ % size_class(c).colours) * size_class(c).colour_bytes;
  slab_init(*slab, c, s->base + first * kSliceBytes + colour, space_.words_at(*s, first));
  slab->is_clean = is_clean;
  // What is not carved yet nobody has touched, unless it is brought in ahead of that.
  if (is_clean && policy_.get().populate == Populate::kOff) note_purged(*slab, fresh);
  if (shape_.slab_was_cut != nullptr && is_lease_class(to_index(c)))
    shape_.slab_was_cut(space_, *s, first, c, colour);
  slabs_[to_index(c)].add(1);
  slab_blocks_[to_index(c)].add(slab->block_count);
  if (dirty || policy_.get().populate == Populate::kOff) slab->populated_bytes = kSuperslabBytes;
  space_.tag_slices(*s, first, slices, tag_of(c));
  return slab;
}

void Heap::retire_slab(Slab* slab, Nanos idle_since) {
  assert(slab_is_unused(*slab) && slab_is_valid(*slab));
  Superslab& s = space_.superslab_of(slab->start);
  const auto first = static_cast<unsigned>((slab->start - s.base) >> kSliceShift);
  const SliceMask mask = slice_run(first, slab->slices);
  // Slices behind what was carved are as they were.
  const bool is_known =
      slab->is_clean && s.pages == HugePages::kOff && policy_.get().populate == Populate::kOff;
  const ByteCount used = (address_of(slab->start) - address_of(s.base)) % kSliceBytes +
                         ByteCount{slab->carved} * slab->block_bytes;
  const SliceMask touched =
      is_known ? slice_run(first, static_cast<unsigned>(div_up(used, kSliceBytes))) : mask;
  Lock guard(*this);
  assert((s.free_slices & mask) == 0 && "its slices were in use");
  slab->owner.store(nullptr, std::memory_order_relaxed);
  in_program_order();
  space_.tag_slices(s, first, slab->slices, kTagNone);
  space_.route_slices(slab->start, slab->slices, kNoRoute);
  slab->slices = 0;
  slabs_[to_index(slab->size_class)].add(-std::uint64_t{1});
  slab_blocks_[to_index(slab->size_class)].add(-std::uint64_t{slab->block_count});
  shelf_.remove(&s);
  s.free_slices |= mask;
  s.dirty_slices |= touched;
  s.zero_slices |= mask & ~touched;
  change_committed(-static_cast<std::int64_t>(bytes_of(mask & ~touched)));
  free_bytes_.fetch_add(bytes_of(touched), std::memory_order_relaxed);
  s.idle_since = idle_since;
  shelf_.insert(&s);
  counters_.slabs_retired.add(1);
}

/// Dissolves the unused slabs of all owners but one that have at least `least` bytes of them; their
/// bytes.
ByteCount Heap::retire_unused_of(const SlabOwner* but, ByteCount least) {
  SlabOwner* owner;
  {
    Lock guard(*this);
    owner = owners_;
  }
  // Owners stay as long as the heap: only the first link changes.
  ByteCount sum = 0;
  for (; owner != nullptr; owner = owner->next) {
    // A visit interrupts every processor.
    if (owner != but && (owner->unused_bytes() >= least || owner->has_remote_frees()))
      sum += owner->try_retire_unused(least);
  }
  return sum;
}

bool Heap::retire_unused_of_others(const SlabOwner& self) {
  // Superslabs that still hold memory are there for the taking; a visit is not.
  if (access() != Access::kPointers || space_.idle_bytes() != 0) return false;
  return retire_unused_of(&self, kSuperslabBytes) != 0;
}

void Heap::populate(Slab& slab, ByteCount end) {
  assert(end > slab.populated_bytes && end <= ByteCount{slab.block_count} * slab.block_bytes);
  const ByteCount page = space_.os().page_bytes();
  const ByteCount batch = populate_bytes_.load(std::memory_order_relaxed);
  const ByteCount slab_bytes = ByteCount{slab.block_count} * slab.block_bytes;
  const ByteCount to = std::min(std::max(end, slab.populated_bytes + batch), slab_bytes);
  std::byte* low = slab.start + slab.populated_bytes;
  low -= address_of(low) % page;
  const ByteCount bytes = align_up(static_cast<ByteCount>(slab.start + to - low), page);
  // A refusal costs nothing but the faults that the first touches take.
  space_.os().populate(low, bytes);
  counters_.populates.shared_add(1);
  slab.populated_bytes = static_cast<std::uint32_t>(to);
  if (batch < kSuperslabBytes) populate_bytes_.store(batch * 2, std::memory_order_relaxed);
}

// Looking at it ------------------------------------------------------------------------------

HeapStats Heap::stats() const { return stats(space_.os().fault_counts()); }

HeapStats Heap::stats(const FaultCounts& faults) const {
  HeapStats out;
#define HEAP_STAT(field, json, unit, meaning) out.field = counters_.field.get();
#define LEASE_STAT(field, json, unit, meaning)
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
  out.reserved_bytes = space_.reserved_bytes();
  out.committed_bytes = committed_bytes();
  out.charged_bytes = budget_.charged();
  out.peak_charged_bytes = budget_.peak();
  out.max_bytes = budget_.max_bytes();
  out.minor_faults = faults.minor;
  out.major_faults = faults.major;
  out.page_faults = faults.minor + faults.major;
  Lock guard(*this);
  out.big_cache_bytes = big_cache_.bytes();
  return out;
}

void Heap::note_nearness(const void* block) {
  const Nearness nearness = space_.os().nearness(block);
  if (nearness == Nearness::kLocal) counters_.numa_local.shared_add(1);
  if (nearness == Nearness::kRemote) counters_.numa_remote.shared_add(1);
}

ClassStats Heap::class_stats(ClassIndex c) const {
  ClassStats sum;
  Lock guard(*this);
  add_owners(c, sum);
  conclude(c, caches_.cached(c), sum);
  return sum;
}

void Heap::class_stats(ClassStats (&sums)[kClassCount]) const {
  std::uint64_t cached[kClassCount] = {};
  Lock guard(*this);
  caches_.add_cached(cached);
  for (std::size_t i = 0; i < kClassCount; ++i) {
    sums[i] = {};
    add_owners(static_cast<ClassIndex>(i), sums[i]);
    conclude(static_cast<ClassIndex>(i), cached[i], sums[i]);
  }
}

void Heap::add_owners(ClassIndex c, ClassStats& sum) const {
  for (const SlabOwner* owner = owners_; owner != nullptr; owner = owner->next)
    add_to(sum, owner->counters(c));
}

void Heap::conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const {
  // What left the slabs and neither came back nor lies in a magazine is with callers. The threads
  // go on counting meanwhile, so the differences are exact only while they rest.
  const std::uint64_t home = sent_home_[to_index(c)].get();
  sum.cached_blocks = cached;
  const std::uint64_t back = sum.flushed_blocks + home + sum.cached_blocks;
  sum.in_use_blocks = sum.refilled_blocks > back ? sum.refilled_blocks - back : 0;
  sum.releases = sum.acquires > sum.in_use_blocks ? sum.acquires - sum.in_use_blocks : 0;
  sum.hits = sum.acquires > sum.refills ? sum.acquires - sum.refills : 0;
  sum.remote_frees += home;
  sum.slabs = slabs_[to_index(c)].get();
  sum.slab_blocks = slab_blocks_[to_index(c)].get();
}

}  // namespace superslab
