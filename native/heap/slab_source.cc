#include "heap/slab_source.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "base/program_order.h"
#include "heap/slab_bits.h"
#include "heap/slab_owners.h"

namespace superslab {

SlabSource::SlabSource(HeapCore& core, MemoryAccount& account, SpanSource& spans,
                       SlabOwners& owners)
    : core_(core), account_(account), spans_(spans), owners_(owners) {}

// Superslabs ---------------------------------------------------------------------------------

SpanWish SlabSource::wish_for(ClassIndex c, NodeOrdinal node) const {
  const auto policy = core_.policy.read();
  // A small heap would pay for memory that it does not use. Many slabs of small blocks are used in
  // part, so that they cost more.
  const ByteCount factor = to_index(c) < kFirstLargeClass ? 4 : 1;
  const bool is_early = account_.committed_bytes() / factor < policy->thp_from_bytes;
  const bool is_small = policy->huge_pages == HugePages::kTransparent && is_early;
  return {.bytes = kSuperslabBytes,
          .pages = is_small ? HugePages::kOff : policy->huge_pages,
          .node_placement = core_.placement_for(node, kSuperslabBytes),
          .home_node = node};
}

bool SlabSource::prefault_huge_page(Superslab* s) {
  if (s->pages != HugePages::kTransparent) return s->pages != HugePages::kOff;
  const Populate mode = core_.policy.read()->populate;
  // Its first touch will most likely bring it all.
  if (mode == Populate::kOff) return true;
  core_.counters.populates.shared_add(1);
  Os& os = core_.space.os();
  os.populate(s->base, os.page_bytes());
  // One page asked for and the last one there: the kernel gave a huge page.
  return os.is_resident(s->base + kSuperslabBytes - os.page_bytes());
}

Superslab* SlabSource::fresh_superslab(const SpanWish& wish) {
  const TakenSpan taken = spans_.take(1, wish);
  Superslab* s = taken.head;
  if (s == nullptr) return nullptr;
  s->free_slices = kAllSlices;
  s->zero_slices = taken.is_zero ? kAllSlices : 0;
  s->dirty_slices = !taken.is_zero || prefault_huge_page(s) ? kAllSlices : 0;
  if (s->dirty_slices == 0 && core_.policy.read()->populate == Populate::kSuperslab) {
    core_.counters.populates.shared_add(1);
    core_.space.os().populate(s->base, kSuperslabBytes);
    s->dirty_slices = kAllSlices;
  }
  s->idle_since = core_.clock.now();
  s->use.store(SuperslabUse::kSlabs, std::memory_order_release);
  account_.change_committed(static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
  account_.change_free(static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
  if (taken.is_zero) account_.note_without_pages(IdleBand::kSlabs, bytes_of(s->dirty_slices));
  shelf_.insert(s);
  return s;
}

/// For good: its memory is not free memory of this heap any more.
void SlabSource::take_off_shelf(Superslab* s) {
  shelf_.remove(s);
  account_.change_free(-static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
}

void SlabSource::give_back_whole() {
  core_.lock.assert_held();
  shelf_.for_each_whole([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    take_off_shelf(s);
    spans_.scrub_and_give(s, kSuperslabBytes, bytes_of(s->dirty_slices));
  });
}

void SlabSource::give_whole_with_memory() {
  core_.lock.assert_held();
  shelf_.for_each_whole([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    account_.change_committed(-static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
    take_off_shelf(s);
    spans_.give_with_memory(s, s->idle_since);
  });
}

void SlabSource::give_back_all() {
  core_.lock.assert_held();
  shelf_.for_each([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    take_off_shelf(s);
    spans_.scrub_and_give(s, kSuperslabBytes, bytes_of(s->dirty_slices));
  });
}

// Slabs --------------------------------------------------------------------------------------
// The parts of what is done to a slab are inlined: a slab is often cut for one large block.

[[gnu::always_inline]] inline SlabSource::Cut SlabSource::cut_slices(Superslab& s,
                                                                     unsigned slices) {
  shelf_.remove(&s);
  // Slices that still hold memory first: they cost no page fault.
  SliceMask starts = SuperslabShelf::starts_of_ranges(s.dirty_slices, slices);
  const bool is_dirty = starts != 0;
  if (!is_dirty) starts = SuperslabShelf::starts_of_ranges(s.free_slices, slices);
  const auto first = static_cast<unsigned>(std::countr_zero(starts));
  const SliceMask mask = slice_range(first, slices);
  assert(starts != 0 && (s.free_slices & mask) == mask);
  const Cut cut{.first = first,
                .mask = mask,
                .fresh = bytes_of(mask & ~s.dirty_slices),
                .is_dirty = is_dirty,
                .is_clean = (s.zero_slices & mask) == mask};
  account_.change_committed(static_cast<std::int64_t>(cut.fresh));
  account_.change_free(-static_cast<std::int64_t>(bytes_of(mask) - cut.fresh));
  account_.note_fresh(cut.fresh);
  account_.note_without_pages(IdleBand::kSlabs, cut.fresh);
  account_.note_used(IdleBand::kSlabs, bytes_of(mask) - cut.fresh, s.idle_since);
  s.free_slices &= ~mask;
  s.dirty_slices &= ~mask;
  s.zero_slices &= ~mask;
  shelf_.insert(&s);
  return cut;
}

[[gnu::always_inline]] inline Slab* SlabSource::init_slab(Superslab& s, const Cut& cut,
                                                          ClassIndex c) {
  // Nobody's until it is adopted, and so are its slices: a fork in between loses them, no more.
  Space& space = core_.space;
  Slab* slab = space.slab_at(s, cut.first);
  const std::uint32_t turn = core_.shape.has_colours ? colour_++ : 0;
  const ByteCount colour = (turn % size_class(c).colours) * size_class(c).colour_bytes;
  slab_init(*slab, c, s.base + cut.first * kSliceBytes + colour, space.words_at(s, cut.first));
  slab->is_clean = cut.is_clean;
  const bool is_populated = core_.policy.read()->populate != Populate::kOff;
  // What is not carved yet nobody has touched, unless it is populated ahead of that.
  if (cut.is_clean && !is_populated) note_purged(*slab, cut.fresh);
  if (core_.shape.slab_was_cut != nullptr && is_lease_class(to_index(c)))
    core_.shape.slab_was_cut(space, s, cut.first, c, colour);
  core_.slab_counters.made[to_index(c)].add(1);
  core_.slab_counters.slab_blocks[to_index(c)].add(slab->block_count);
  if (cut.is_dirty || !is_populated) slab->populated_bytes = kSuperslabBytes;
  space.tag_slices(s, cut.first, size_class(c).slices, tag_of(c));
  return slab;
}

Slab* SlabSource::make_slab(ClassIndex c, Growth growth, NodeOrdinal node) {
  assert(to_index(c) < kFixedClasses);
  const unsigned slices = size_class(c).slices;
  HeapLock guard(core_.lock);
  Superslab* s = core_.shape.has_nodes ? shelf_.find_of(node, slices) : shelf_.find(slices);
  if (s == nullptr && growth == Growth::kIfNeeded) s = fresh_superslab(wish_for(c, node));
  if (s == nullptr) return nullptr;
  Slab* slab = init_slab(*s, cut_slices(*s, slices), c);
  assert(slab_is_valid(*slab) && slab->size_class == c && slab->carved == 0);
  return slab;
}

/// Slices behind what was carved are as they were.
[[gnu::always_inline]] inline SliceMask SlabSource::touched_slices(const Slab& slab,
                                                                   const Superslab& s,
                                                                   unsigned first) const {
  const bool is_known = slab.is_clean && s.pages == HugePages::kOff &&
                        core_.policy.read()->populate == Populate::kOff;
  if (!is_known) return slice_range(first, slab.slices);
  const ByteCount used = (address_of(slab.start) - address_of(s.base)) % kSliceBytes +
                         ByteCount{slab.carved} * slab.block_bytes;
  return slice_range(first, static_cast<unsigned>(div_up(used, kSliceBytes)));
}

void SlabSource::retire_slab(Slab* slab, Nanos idle_since) {
  assert(slab_is_unused(*slab) && slab_is_valid(*slab));
  Superslab& s = core_.space.superslab_of(slab->start);
  const auto first = static_cast<unsigned>((slab->start - s.base) >> kSliceShift);
  const SliceMask mask = slice_range(first, slab->slices);
  const SliceMask touched = touched_slices(*slab, s, first);
  HeapLock guard(core_.lock);
  assert((s.free_slices & mask) == 0 && "its slices were in use");
  slab->owner.store(nullptr, std::memory_order_relaxed);
  in_program_order();
  core_.space.tag_slices(s, first, slab->slices, kTagNone);
  core_.space.route_slices(slab->start, slab->slices, kNoRoute);
  slab->slices = 0;
  const std::size_t c = to_index(slab->size_class);
  core_.slab_counters.retired[c].add(1);
  core_.slab_counters.slab_blocks[c].add(-std::uint64_t{slab->block_count});
  shelf_.remove(&s);
  s.free_slices |= mask;
  s.dirty_slices |= touched;
  s.zero_slices |= mask & ~touched;
  account_.change_committed(-static_cast<std::int64_t>(bytes_of(mask & ~touched)));
  account_.change_free(static_cast<std::int64_t>(bytes_of(touched)));
  s.idle_since = idle_since;
  shelf_.insert(&s);
}

bool SlabSource::inherit_slab(ClassIndex c, SlabOwner& to) { return owners_.inherit_slab(c, to); }

bool SlabSource::retire_unused_of_others(const SlabOwner& self) {
  // Superslabs that still hold memory are there for the taking; a visit is not.
  if (core_.is_behind_views() || core_.space.idle_bytes() != 0) return false;
  return owners_.retire_unused(&self, kSuperslabBytes) != 0;
}

void SlabSource::populate(Slab& slab, ByteCount end) {
  assert(end > slab.populated_bytes && end <= ByteCount{slab.block_count} * slab.block_bytes);
  Os& os = core_.space.os();
  const ByteCount page = os.page_bytes();
  const ByteCount batch = std::max(populate_bytes_.load(std::memory_order_relaxed),
                                   core_.policy.read()->populate_bytes);
  const ByteCount slab_bytes = ByteCount{slab.block_count} * slab.block_bytes;
  const ByteCount to = std::min(std::max(end, slab.populated_bytes + batch), slab_bytes);
  std::byte* low = slab.start + slab.populated_bytes;
  low -= address_of(low) % page;
  const ByteCount bytes = align_up(static_cast<ByteCount>(slab.start + to - low), page);
  // A refusal costs nothing but the faults that the first touches take.
  os.populate(low, bytes);
  core_.counters.populates.shared_add(1);
  slab.populated_bytes = static_cast<std::uint32_t>(to);
  if (batch < kSuperslabBytes) populate_bytes_.store(batch * 2, std::memory_order_relaxed);
}

// Idle memory --------------------------------------------------------------------------------

void SlabSource::collect_idle(PurgeBatch& batch, Nanos before, ByteCount target, ByteCount ready) {
  core_.lock.assert_held();
  shelf_.for_each([&](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    if (batch.is_full() || s->idle_since > before || !is_purgeable(s->pages)) return;
    const SliceMask dirty = s->dirty_slices;
    const bool is_whole = s->free_slices == kAllSlices;
    if (!is_whole && dirty == 0) return;
    if (dirty != 0 && account_.committed_bytes() <= target + batch.bytes) return;
    // What is in the batch is not free any more.
    if (dirty != 0 && account_.free_bytes() < ready + bytes_of(dirty)) return;
    take_off_shelf(s);
    batch.add(s, dirty, is_whole ? PurgeBatch::kWhole : PurgeBatch::kSlices);
    if (is_whole) {
      s->heap = nullptr;
      return;
    }
    // Out of both masks: neither a new slab nor another purge can have them meanwhile, and the
    // superslab cannot become whole.
    s->free_slices &= ~dirty;
    s->zero_slices &= ~dirty;
    s->dirty_slices = 0;
    shelf_.insert(s);
  });
}

void SlabSource::note_purged(const PurgeBatch::Item& item) {
  core_.lock.assert_held();
  Superslab* s = item.superslab;
  if (item.what == PurgeBatch::kWhole) return spans_.give(s);
  assert(item.what == PurgeBatch::kSlices && (s->free_slices & item.dirty) == 0);
  shelf_.remove(s);
  s->free_slices |= item.dirty;
  s->zero_slices |= item.dirty;
  shelf_.insert(s);
}

void SlabSource::put_back(const PurgeBatch::Item& item) {
  core_.lock.assert_held();
  Superslab* s = item.superslab;
  if (item.what == PurgeBatch::kSlices) {
    assert((s->free_slices & item.dirty) == 0);
    shelf_.remove(s);
    s->free_slices |= item.dirty;
    s->dirty_slices |= item.dirty;  // some of it may be gone: it need not read as zero
  } else {
    spans_.claim(s);
  }
  account_.change_free(static_cast<std::int64_t>(bytes_of(item.dirty)));
  shelf_.insert(s);
}

bool SlabSource::has_idle() {
  core_.lock.assert_held();
  bool is_left = false;
  shelf_.for_each([&](const Superslab* s) {
    is_left |= is_purgeable(s->pages) && (s->free_slices == kAllSlices || s->dirty_slices != 0);
  });
  return is_left;
}

bool SlabSource::is_valid() const {
  core_.lock.assert_held();
  return shelf_.is_valid();
}

}  // namespace superslab
