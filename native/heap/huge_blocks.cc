// Blocks beyond 2 MiB: a span of superslabs for each.
#include <cassert>

#include "base/bits.h"
#include "heap/heap_parts.h"
#include "heap/huge.h"

namespace superslab {

HugePages Heap::pages_for_huge() const {
  // Of a huge block often only a part is touched. Where views are exact, the whole block is.
  const HugePages pages = policy_.read()->huge_pages;
  return pages == HugePages::kTransparent && access() == Access::kPointers ? HugePages::kOff
                                                                           : pages;
}

ByteCount Heap::huge_capacity(ByteCount bytes) const {
  // Blocks whose superslabs are reused one by one are whole superslabs; what is not touched of the
  // last one costs addresses, not memory.
  if (access() == Access::kPointers) return align_up(bytes, kSuperslabBytes);
  // The guard begins where the block ends.
  if (shape_.has_guard_pages) return align_up(bytes, space_.os().page_bytes());
  return huge_block_bytes(bytes, pages_for_huge());
}

Superslab* Heap::make_huge(ByteCount bytes, std::uint32_t unit, bool& is_zero) {
  // Behind a guarded block one page at least was never committed. It is reserved memory, which no
  // view can reach: JavaScript cannot be made to crash there, only native code that overruns.
  const ByteCount guard = shape_.has_guard_pages ? space_.os().page_bytes() : 0;
  const auto span = static_cast<std::uint32_t>(div_up(bytes + guard, kSuperslabBytes));
  const ByteCount tail = guard == 0 ? kSuperslabBytes : bytes - (span - 1) * kSuperslabBytes;
  const TakenSpan taken = take_span(span, bytes, pages_for_huge(), unit, tail);
  is_zero = taken.is_zero;
  return taken.head == nullptr ? nullptr : as_huge(taken, bytes);
}

/// Makes a span one block.
Superslab* Heap::as_huge(const TakenSpan& taken, ByteCount bytes) {
  Superslab* head = taken.head;
  for (std::uint32_t i = 1; i < head->span; ++i)
    head[i].use.store(SuperslabUse::kHugeTail, std::memory_order_release);
  head->huge_bytes = bytes;
  head->use.store(SuperslabUse::kHugeHead, std::memory_order_release);
  space_.tag_slices(*head, 0, 1, kTagHuge);
  change_committed(static_cast<std::int64_t>(bytes));
  if (taken.is_zero) note_fresh(bytes);
  if (policy_.read()->populate == Populate::kSuperslab) {
    counters_.populates.shared_add(1);
    space_.os().populate(head->base, bytes);
  }
  return head;
}

/// Before the heap takes fresh superslabs: has the space reuse those in which nothing is.
void Heap::gather_idle() {
  retire_unused_of(nullptr, kSliceBytes);
  Lock guard(*this);
  shelf_.for_each_whole([this](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    shelf_.remove(s);
    change_committed(-static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
    free_bytes_.fetch_sub(bytes_of(s->dirty_slices), std::memory_order_relaxed);
    counters_.superslabs_given.add(1);
    space_.give_idle(s, 0, s->idle_since);
  });
}

/// The request is charged for its own size, though a cached block may be up to a quarter larger.
void Heap::lease_huge(Superslab* head, ByteCount bytes, SlabOwner* lessee, bool is_zero) {
  (is_zero ? counters_.huge_misses : counters_.huge_hits).add(1);
  assert(head->charged_bytes == 0 && head->huge_bytes >= bytes && "free, and long enough");
  head->charged_bytes = bytes;
  head->lessee = lessee;
  leased_huge_.push(head);
}

Superslab* Heap::reuse_huge(ByteCount bytes, SlabOwner* lessee, ByteCount alignment,
                            bool& is_zero) {
  const ByteCount rounded = huge_capacity(bytes);
  if (space_.idle_bytes() < rounded || charge(rounded, 1) == 0) return nullptr;
  const auto span = static_cast<std::uint32_t>(rounded / kSuperslabBytes);
  const auto unit = static_cast<std::uint32_t>(alignment / kSuperslabBytes);
  Lock guard(*this);
  const TakenSpan taken = space_.take_idle(span, backing(pages_for_huge()), unit);
  if (taken.head == nullptr) {
    discharge(rounded);
    return nullptr;
  }
  note_taken(taken, span);
  is_zero = taken.is_zero;
  lease_huge(as_huge(taken, rounded), rounded, lessee, is_zero);
  return taken.head;
}

Superslab* Heap::take_huge(ByteCount bytes, SlabOwner* lessee, ByteCount alignment, bool* is_zero) {
  assert(bytes > kMaxClassBytes && bytes <= kMaxHugeBytes);
  assert(is_power_of_two(alignment) && alignment >= kSuperslabBytes && alignment <= kArenaBytes);
  bool zero = false;
  if (access() == Access::kPointers) {
    Superslab* head = reuse_huge(bytes, lessee, alignment, zero);
    if (head != nullptr) {
      if (is_zero != nullptr) *is_zero = zero;
      return head;
    }
    gather_idle();
  }
  const ByteCount rounded = huge_capacity(bytes);
  // A block that is longer than asked for has its guard too far away.
  const ByteCount longest = shape_.has_guard_pages ? rounded : rounded + rounded / 4;
  if (charge(rounded, 1) == 0) return nullptr;
  Lock guard(*this);
  Superslab* head = alignment > kSuperslabBytes ? nullptr : big_cache_.take(rounded, longest);
  if (head == nullptr)
    head = make_huge(rounded, static_cast<std::uint32_t>(alignment / kSuperslabBytes), zero);
  if (head == nullptr) {
    discharge(rounded);
    return nullptr;
  }
  lease_huge(head, rounded, lessee, zero);
  if (is_zero != nullptr) *is_zero = zero;
  return head;
}

bool Heap::resize_huge(Superslab* head, ByteCount bytes) {
  assert(access() == Access::kPointers && head->heap == this && head->charged_bytes != 0);
  if (bytes <= kMaxClassBytes || bytes > kMaxHugeBytes) return false;
  bytes = align_up(bytes, kSuperslabBytes);
  const ByteCount before = head->huge_bytes;
  if (bytes == before) return true;
  const auto span = static_cast<std::uint32_t>(bytes / kSuperslabBytes);
  if (bytes > before && charge(bytes - before, 1) == 0) return false;
  // The block's length and that of its span change together, for the child of a fork as well.
  Lock guard(*this);
  if (bytes < before) {
    space_.give_idle(head, span, clock_.now());
    change_committed(-static_cast<std::int64_t>(before - bytes));
    discharge(before - bytes);
  } else {
    bool is_zero;
    if (!space_.extend(head, span, is_zero)) {
      discharge(bytes - before);
      return false;
    }
    change_committed(static_cast<std::int64_t>(bytes - before));
  }
  head->huge_bytes = head->charged_bytes = bytes;
  const ByteCount superslabs = (bytes < before ? before - bytes : bytes - before) / kSuperslabBytes;
  (bytes < before ? counters_.superslabs_given : counters_.superslabs_taken).add(superslabs);
  return true;
}

bool Heap::give_huge(Superslab* head) {
  ByteCount charged;
  bool over = false;
  {
    Lock guard(*this);
    charged = head->charged_bytes;
    if (charged == 0) {
      counters_.double_frees.shared_add(1);
      return false;
    }
    leased_huge_.remove(head);
    head->lessee = nullptr;
    head->charged_bytes = 0;
    counters_.huge_releases.add(1);
    if (access() == Access::kViews) {
      big_cache_.put(head, clock_.now());
      over = !big_cache_.within_limit();
    } else {
      change_committed(-static_cast<std::int64_t>(head->huge_bytes));
      counters_.superslabs_given.add(head->span);
      space_.tag_slices(*head, 0, 1, kTagNone);
      space_.give_idle(head, 0, clock_.now());
    }
  }
  discharge(charged);
  if (over) tick();
  after_frees();
  return true;
}

Superslab* Heap::orphan_huge(const SlabOwner* lessee) {
  Lock guard(*this);
  for (Superslab* s = leased_huge_.first(); s != nullptr; s = s->next) {
    if (s->lessee != lessee) continue;
    s->lessee = nullptr;
    return s;
  }
  return nullptr;
}

ByteCount Heap::leased_huge_bytes() const {
  ByteCount sum = 0;
  Lock guard(*this);
  for (const Superslab* s = leased_huge_.first(); s != nullptr; s = s->next) sum += s->huge_bytes;
  return sum;
}

}  // namespace superslab
