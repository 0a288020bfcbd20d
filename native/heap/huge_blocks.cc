#include "heap/huge_blocks.h"

#include <algorithm>
#include <cassert>

#include "base/bits.h"
#include "heap/slab_owners.h"
#include "heap/slab_source.h"

namespace superslab {

HugeBlocks::HugeBlocks(HeapCore& core, MemoryAccount& account, SpanSource& spans,
                       SlabOwners& owners, SlabSource& slabs)
    : core_(core),
      account_(account),
      spans_(spans),
      owners_(owners),
      slabs_(slabs),
      policy_(read_policy()),
      cache_(core.policy.read()->big_cache_bytes) {}

HugeBlocks::Policy HugeBlocks::read_policy() const {
  const auto policy = core_.policy.read();
  // Of a huge block often only a part is touched. Where views are exact, the whole block is.
  const bool is_small = policy->huge_pages == HugePages::kTransparent && !core_.is_behind_views();
  return {.pages = is_small ? HugePages::kOff : policy->huge_pages,
          .node_placement = policy->numa,
          .is_populated = policy->populate == Populate::kSuperslab};
}

bool HugeBlocks::follow_policy() {
  core_.lock.assert_held();
  policy_ = read_policy();
  limit_cache();
  return cache_.within_limit();
}

/// To what threads have not set aside.
void HugeBlocks::limit_cache() {
  const ByteCount max = core_.policy.read()->big_cache_bytes;
  cache_.set_max_bytes(max - std::min(max, reserved_));
}

ByteCount HugeBlocks::reserve(ByteCount had, ByteCount wanted) {
  if (core_.shape.has_guard_pages) return 0;
  HeapLock guard(core_.lock);
  assert(reserved_ >= had);
  const ByteCount max = core_.policy.read()->big_cache_bytes;
  reserved_ -= had;
  const ByteCount granted = std::min(wanted, max - std::min(max, reserved_));
  reserved_ += granted;
  limit_cache();
  return granted;
}

ByteCount HugeBlocks::longest_leased(const SlabOwner& lessee) const {
  ByteCount longest = 0;
  HeapLock guard(core_.lock);
  for (const Superslab* s = leased_.first(); s != nullptr; s = s->next)
    if (s->lessee == &lessee) longest = std::max(longest, s->huge_bytes);
  return longest;
}

void HugeBlocks::count_reuses(std::uint64_t n) {
  HeapLock guard(core_.lock);
  core_.counters.huge_hits.add(n);
  core_.counters.huge_releases.add(n);
}

ByteCount HugeBlocks::capacity(ByteCount bytes) const {
  // Blocks whose superslabs are reused one by one are whole superslabs; what is not touched of the
  // last one costs addresses, not memory.
  if (!core_.is_behind_views()) return align_up(bytes, kSuperslabBytes);
  // The guard begins where the block ends.
  if (core_.shape.has_guard_pages) return align_up(bytes, core_.space.os().page_bytes());
  return huge_block_bytes(bytes, read_policy().pages);
}

/// Makes a span one block: its tail says so already.
[[gnu::always_inline]] inline Superslab* HugeBlocks::as_block(const TakenSpan& taken,
                                                              ByteCount bytes) {
  Superslab* head = taken.head;
  head->huge_bytes = bytes;
  head->use.store(SuperslabUse::kHugeHead, std::memory_order_release);
  core_.space.tag_slices(*head, 0, 1, kTagHuge);
  account_.change_committed(static_cast<std::int64_t>(bytes));
  if (taken.is_zero) {
    account_.note_fresh(bytes);
    account_.note_without_pages(band(), bytes);
  }
  if (policy_.is_populated) {
    core_.counters.populates.shared_add(1);
    core_.space.os().populate(head->base, bytes);
  }
  return head;
}

Superslab* HugeBlocks::take_fresh(ByteCount bytes, std::uint32_t unit, NodeOrdinal node,
                                  bool& is_zero) {
  // Behind a guarded block one page at least was never committed. It is reserved memory, which no
  // view can reach: JavaScript cannot be made to crash there, only native code that overruns.
  const ByteCount guard = core_.shape.has_guard_pages ? core_.space.os().page_bytes() : 0;
  const auto count = static_cast<std::uint32_t>(div_up(bytes + guard, kSuperslabBytes));
  const ByteCount tail = guard == 0 ? kSuperslabBytes : bytes - (count - 1) * kSuperslabBytes;
  const NodePlacement placement =
      core_.shape.has_nodes ? core_.placement_for(node, bytes) : policy_.node_placement;
  const TakenSpan taken = spans_.take(count, {.bytes = bytes,
                                              .pages = policy_.pages,
                                              .node_placement = placement,
                                              .home_node = node,
                                              .unit = unit,
                                              .tail_bytes = tail});
  is_zero = taken.is_zero;
  return taken.head == nullptr ? nullptr : as_block(taken, bytes);
}

/// Before the heap takes fresh superslabs: has the space reuse those in which nothing is.
void HugeBlocks::gather_idle() {
  owners_.retire_unused(nullptr, kSliceBytes);
  HeapLock guard(core_.lock);
  slabs_.give_whole_with_memory();
}

/// The request is charged for its own size, though a cached block may be up to a quarter larger.
void HugeBlocks::lease(Superslab* head, ByteCount bytes, SlabOwner* lessee, bool is_zero) {
  (is_zero ? core_.counters.huge_misses : core_.counters.huge_hits).add(1);
  assert(head->charged_bytes == 0 && head->huge_bytes >= bytes && "free, and long enough");
  head->charged_bytes = bytes;
  head->lessee = lessee;
  leased_.push(head);
}

Superslab* HugeBlocks::reuse(ByteCount bytes, SlabOwner* lessee, ByteCount alignment,
                             bool& is_zero) {
  assert(!core_.is_behind_views() && bytes > kMaxClassBytes && bytes <= kMaxHugeBytes);
  assert(is_power_of_two(alignment) && alignment >= kSuperslabBytes && alignment <= kArenaBytes);
  const ByteCount rounded = capacity(bytes);
  if (core_.space.idle_bytes() < rounded || core_.charge(rounded, 1) == 0) return nullptr;
  const auto count = static_cast<std::uint32_t>(rounded / kSuperslabBytes);
  const auto unit = static_cast<std::uint32_t>(alignment / kSuperslabBytes);
  HeapLock guard(core_.lock);
  const TakenSpan taken = spans_.take_idle(count, {.bytes = rounded,
                                                   .pages = policy_.pages,
                                                   .node_placement = policy_.node_placement,
                                                   .unit = unit});
  if (taken.head == nullptr) {
    core_.discharge(rounded);
    return nullptr;
  }
  is_zero = taken.is_zero;
  lease(as_block(taken, rounded), rounded, lessee, is_zero);
  return taken.head;
}

Superslab* HugeBlocks::take_cached_or_fresh(ByteCount bytes, ByteCount alignment, NodeOrdinal node,
                                            bool& is_zero) {
  // A block that is longer than asked for has its guard too far away.
  const ByteCount waste = bytes * core_.policy.read()->big_cache_waste / 100;
  const ByteCount max = core_.shape.has_guard_pages ? bytes : bytes + waste;
  Superslab* cached = alignment > kSuperslabBytes ? nullptr : cache_.take(bytes, max, node);
  if (cached != nullptr) {
    account_.note_used(band(), cached->huge_bytes, cached->idle_since);
    return cached;
  }
  return take_fresh(bytes, static_cast<std::uint32_t>(alignment / kSuperslabBytes), node, is_zero);
}

Superslab* HugeBlocks::take(ByteCount bytes, SlabOwner* lessee, ByteCount alignment,
                            bool* is_zero) {
  assert(bytes > kMaxClassBytes && bytes <= kMaxHugeBytes);
  assert(is_power_of_two(alignment) && alignment >= kSuperslabBytes && alignment <= kArenaBytes);
  bool zero = false;
  if (!core_.is_behind_views()) {
    Superslab* head = reuse(bytes, lessee, alignment, zero);
    if (head != nullptr) {
      if (is_zero != nullptr) *is_zero = zero;
      return head;
    }
    gather_idle();
  }
  const ByteCount rounded = capacity(bytes);
  if (core_.charge(rounded, 1) == 0) return nullptr;
  HeapLock guard(core_.lock);
  const NodeOrdinal node = lessee == nullptr ? NodeOrdinal{0} : lessee->node();
  Superslab* head = take_cached_or_fresh(rounded, alignment, node, zero);
  if (head == nullptr) {
    core_.discharge(rounded);
    return nullptr;
  }
  lease(head, rounded, lessee, zero);
  if (is_zero != nullptr) *is_zero = zero;
  assert(address_of(head->base) % alignment == 0);
  return head;
}

/// The span's length and the account of it. False when it cannot grow.
[[gnu::always_inline]] inline bool HugeBlocks::resize_span(Superslab* head, ByteCount bytes) {
  const ByteCount before = head->huge_bytes;
  const auto count = static_cast<std::uint32_t>(bytes / kSuperslabBytes);
  if (bytes < before) {
    core_.space.give_idle(head, count, core_.clock.now());
    account_.change_committed(-static_cast<std::int64_t>(before - bytes));
    core_.counters.superslabs_given.add((before - bytes) / kSuperslabBytes);
    return true;
  }
  bool is_zero;
  if (!core_.space.extend(head, count, is_zero)) return false;
  account_.change_committed(static_cast<std::int64_t>(bytes - before));
  core_.counters.superslabs_taken.add((bytes - before) / kSuperslabBytes);
  return true;
}

bool HugeBlocks::resize(Superslab* head, ByteCount bytes) {
  assert(!core_.is_behind_views() && head->charged_bytes != 0 && head->span != 0);
  if (bytes <= kMaxClassBytes || bytes > kMaxHugeBytes) return false;
  bytes = align_up(bytes, kSuperslabBytes);
  const ByteCount before = head->huge_bytes;
  if (bytes == before) return true;
  if (bytes > before && core_.charge(bytes - before, 1) == 0) return false;
  // The block's length and that of its span change together, for the child of a fork as well.
  HeapLock guard(core_.lock);
  if (!resize_span(head, bytes)) {
    core_.discharge(bytes - before);
    return false;
  }
  if (bytes < before) core_.discharge(before - bytes);
  head->huge_bytes = head->charged_bytes = bytes;
  assert(head->span == bytes / kSuperslabBytes);
  return true;
}

[[gnu::always_inline]] inline void HugeBlocks::free_to_space(Superslab* head) {
  account_.change_committed(-static_cast<std::int64_t>(head->huge_bytes));
  core_.space.tag_slices(*head, 0, 1, kTagNone);
  spans_.give_with_memory(head, core_.clock.now());
}

HugeBlocks::Given HugeBlocks::give(Superslab* head) {
  ByteCount charged;
  Given given = Given::kDone;
  {
    HeapLock guard(core_.lock);
    charged = head->charged_bytes;
    if (charged == 0) {
      core_.counters.double_frees.shared_add(1);
      return Given::kAlreadyFree;
    }
    assert(head->use.load(std::memory_order_relaxed) == SuperslabUse::kHugeHead);
    leased_.remove(head);
    head->lessee = nullptr;
    head->charged_bytes = 0;
    core_.counters.huge_releases.add(1);
    if (core_.is_behind_views()) {
      cache_.put(head, core_.clock.now());
      if (!cache_.within_limit()) given = Given::kBeyondLimit;
    } else {
      free_to_space(head);
    }
  }
  core_.discharge(charged);
  return given;
}

Superslab* HugeBlocks::orphan(const SlabOwner* lessee) {
  assert(lessee != nullptr);
  HeapLock guard(core_.lock);
  for (Superslab* s = leased_.first(); s != nullptr; s = s->next) {
    if (s->lessee != lessee) continue;
    s->lessee = nullptr;
    return s;
  }
  return nullptr;
}

ByteCount HugeBlocks::leased_bytes() const {
  ByteCount sum = 0;
  HeapLock guard(core_.lock);
  for (const Superslab* s = leased_.first(); s != nullptr; s = s->next) sum += s->huge_bytes;
  return sum;
}

ByteCount HugeBlocks::cached_bytes() const {
  HeapLock guard(core_.lock);
  return cache_.bytes();
}

// Idle memory --------------------------------------------------------------------------------

void HugeBlocks::give_back_cached() {
  core_.lock.assert_held();
  while (Superslab* idle = cache_.pop_oldest(~Nanos{0}))
    spans_.scrub_and_give(idle, idle->huge_bytes, idle->huge_bytes);
}

void HugeBlocks::collect_idle(PurgeBatch& batch, Nanos before, ByteCount target) {
  core_.lock.assert_held();
  while (!batch.is_full() && account_.committed_bytes() > target + batch.bytes) {
    Superslab* s = cache_.pop_oldest(before);
    if (s == nullptr && !cache_.within_limit()) s = cache_.pop_oldest(~Nanos{0});
    if (s == nullptr) break;
    batch.add(s, 0, PurgeBatch::kHuge);
  }
}

void HugeBlocks::note_purged(const PurgeBatch::Item& item) {
  assert(item.what == PurgeBatch::kHuge);
  spans_.give(item.superslab);
}

void HugeBlocks::put_back(const PurgeBatch::Item& item) {
  core_.lock.assert_held();
  assert(item.what == PurgeBatch::kHuge);
  cache_.put(item.superslab, item.superslab->idle_since);
}

bool HugeBlocks::has_idle() const {
  core_.lock.assert_held();
  return cache_.bytes() != 0;
}

bool HugeBlocks::is_valid() const {
  core_.lock.assert_held();
  return cache_.is_valid() && leased_.is_valid();
}

}  // namespace superslab
