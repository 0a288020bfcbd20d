// Superslabs are taken and given back: found, committed, made longer.
#include <algorithm>
#include <cassert>

#include "base/program_order.h"
#include "space/space.h"

namespace superslab {
namespace {

/// Superslabs that one explicit page of this kind covers.
constexpr std::uint32_t superslabs_per_page(HugePages pages) {
  return pages == HugePages::k1GiB ? kGiB / kSuperslabBytes : 1;
}

}  // namespace

/// Which spare superslabs may be in such a span. What one front end has left behind is not for the
/// other: contents here, stale views in fits().
Spare Space::spare_for(Wanted wanted, const Backing& backing) {
  if (backing.access == Access::kViews) return Spare::kNotIdle;
  return wanted == Wanted::kIdle ? Spare::kIdle : Spare::kAny;
}

/// Whether one of those (nullptr: it was never taken) may be in such a span.
bool Space::fits(const Superslab* s, Wanted wanted, const Backing& backing) {
  if (s != nullptr && backing.access == Access::kPointers && s->is_exposed) return false;
  // Memory that a fork would wipe, or that is missing in dumps, is not for who did not ask.
  if (s != nullptr && without(s->secrecy, backing.secrecy) != Secrecy::kNone) return false;
  const bool fresh = s == nullptr || s->committed_bytes == 0;
  switch (wanted) {
    case Wanted::kFresh:
      return fresh;
    case Wanted::kBacked:
      return !fresh && s->pages == backing.pages;
    case Wanted::kFreshOrBacked:
      return fresh || s->pages == backing.pages;
    case Wanted::kPlain:
      return fresh || !is_explicit(s->pages);
    case Wanted::kIdle:
      return !fresh && !is_explicit(s->pages);
    case Wanted::kWhole:
      break;
  }
  return !fresh && s->committed_bytes == kSuperslabBytes && !is_explicit(s->pages);
}

bool Space::fits_last(const Superslab* s, Wanted wanted, const Backing& backing) {
  return fits(s, wanted, backing) && (s == nullptr || s->committed_bytes <= backing.tail_bytes);
}

Superslab* Space::claim(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                        const Backing& backing) {
  for (std::uint32_t ordinal = kFirstOrdinal; ordinal < ordinal_limit_; ++ordinal) {
    if (arenas_[ordinal] == nullptr) continue;
    Arena& arena = *arenas_[ordinal];
    const int first = arena.find_spare(
        spare_for(wanted, backing), count, unit,
        [&](std::uint32_t i) { return fits(entry_of(arena, i), wanted, backing); },
        [&](std::uint32_t i) { return fits_last(entry_of(arena, i), wanted, backing); });
    if (first < 0) continue;
    const auto start = static_cast<std::uint32_t>(first);
    arena.set_spare(start, count, false);
    make_ready(arena, start, count);
    return &superslabs_[index_of(arena, start)];
  }
  return nullptr;
}

Superslab* Space::claim_or_reserve(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                                   const Backing& backing) {
  do {
    if (Superslab* head = claim(count, unit, wanted, backing); head != nullptr) return head;
  } while (reserve_room(count, unit, wanted, backing));
  return nullptr;
}

void Space::set_spare(const Superslab* head, std::uint32_t count) {
  arena_of(*head).set_spare(place_of(*head), count, true);
}

OsStatus Space::commit_plain(Superslab* head, ByteCount bytes, HugePages pages) {
  const auto span = static_cast<std::uint32_t>(div_up(bytes, kSuperslabBytes));
  for (std::uint32_t i = 0; i < span;) {
    const ByteCount from = i * kSuperslabBytes + head[i].committed_bytes;
    if (from >= std::min((i + 1) * kSuperslabBytes, bytes)) {
      ++i;
      continue;
    }
    // One that was committed in part keeps the pages it began with; untouched ones go together.
    const HugePages own = head[i].committed_bytes == 0 ? pages : head[i].pages;
    std::uint32_t end = i + 1;
    while (own == pages && end < span && head[end].committed_bytes == 0) ++end;
    const ByteCount to = std::min(end * kSuperslabBytes, bytes);
    const OsStatus status = os_->commit(head->base + from, to - from, own);
    if (status != OsStatus::kOk) return status;
    for (; i < end; ++i) {
      head[i].committed_bytes =
          static_cast<std::uint32_t>(std::min(kSuperslabBytes, bytes - i * kSuperslabBytes));
      head[i].pages = own;
    }
  }
  return OsStatus::kOk;
}

TakenSpan Space::take_explicit(std::uint32_t count, Backing backing) {
  TakenSpan taken;
  // A page of 1 GiB is committed whole; what one span leaves of it is there for the next.
  taken.head = claim(count, 1, Wanted::kBacked, backing);
  if (taken.head != nullptr) return taken;

  const std::uint32_t unit = superslabs_per_page(backing.pages);
  const auto claimed = static_cast<std::uint32_t>(align_up(count, unit));
  // Explicit huge pages replace the mapping, which is safe only where no view can exist yet.
  Superslab* head = claim_or_reserve(claimed, unit, Wanted::kFresh, backing);
  if (head == nullptr) {
    taken.status = OsStatus::kNoMemory;
    return taken;
  }
  const ByteCount bytes = claimed * kSuperslabBytes;
  taken.status = os_->commit(head->base, bytes, backing.pages);
  if (taken.status != OsStatus::kOk) {
    // A lost range belongs to somebody else now and is never touched again.
    if (taken.status != OsStatus::kLost) set_spare(head, claimed);
    return taken;
  }
  // Advice: memory in the wrong place still works.
  os_->place(head->base, bytes, backing.node_placement);
  for (std::uint32_t i = 0; i < claimed; ++i) {
    head[i].committed_bytes = kSuperslabBytes;
    head[i].pages = backing.pages;
    head[i].node_placement = backing.node_placement;
  }
  if (claimed > count) set_spare(head + count, claimed - count);
  taken.head = head;
  return taken;
}

TakenSpan Space::take_plain(std::uint32_t count, ByteCount bytes, Backing backing,
                            std::uint32_t unit) {
  bytes = align_up(bytes, os_->page_bytes());
  Superslab* head = nullptr;
  if (backing.access == Access::kPointers && idle_bytes() != 0)
    head = claim(count, unit, Wanted::kIdle, backing);
  if (head == nullptr) head = claim_or_reserve(count, unit, Wanted::kFreshOrBacked, backing);
  // The advice that memory was committed with stays; the wrong one beats no memory.
  if (head == nullptr) head = claim(count, unit, Wanted::kPlain, backing);
  if (head == nullptr) return {.status = OsStatus::kNoMemory};
  return commit_and_place(head, count, bytes, backing, unit);
}

/// Commits and places a span that was claimed. `bytes` are whole pages.
TakenSpan Space::commit_and_place(Superslab* head, std::uint32_t count, ByteCount bytes,
                                  const Backing& backing, std::uint32_t unit) {
  TakenSpan taken;
  taken.status = commit_plain(head, bytes, backing.pages);
  if (taken.status != OsStatus::kOk) {
    set_spare(head, count);
    // Under a limit on writable memory (RLIMIT_DATA) what was committed before costs nothing.
    head = claim(count, unit, Wanted::kWhole, backing);
    if (head == nullptr) return taken;
    taken.status = OsStatus::kOk;
  }
  os_->place(head->base, bytes, backing.node_placement);
  for (std::uint32_t i = 0; i < count; ++i) head[i].node_placement = backing.node_placement;
  taken.head = head;
  return taken;
}

/// The span is its taker's, whatever it was before.
void Space::hand_out(TakenSpan& taken, std::uint32_t count, const Backing& backing) {
  taken.head->span = count;
  if (backing.access == Access::kViews) {
    for (std::uint32_t i = 0; i < count; ++i) taken.head[i].is_exposed = true;
  }
  taken.is_zero = leave_idle(taken.head, count);
}

TakenSpan Space::take(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit) {
  if (count == 0 || count > kSuperslabsPerArena) return {.status = OsStatus::kNoMemory};
  assert(bytes <= count * kSuperslabBytes && is_power_of_two(unit));
  TakenSpan taken = take_any(count, bytes, backing, unit);
  protect(taken, count, bytes, backing);
  assert(taken.head == nullptr || (taken.head->span == count && taken.head->index % unit == 0));
  return taken;
}

/// Before a span's first touch: swap, a dump and a child see what is there from now on. And without
/// the lock, for which every heap would wait: what is not spare is the caller's.
void Space::protect(TakenSpan& taken, std::uint32_t count, ByteCount bytes,
                    const Backing& backing) {
  // The kernel never swaps explicit huge pages: there is nothing to lock.
  const Secrecy secrecy =
      is_explicit(backing.pages) ? without(backing.secrecy, Secrecy::kLocked) : backing.secrecy;
  if (taken.head == nullptr || secrecy == Secrecy::kNone) return;
  taken.refused = os_->protect(taken.head->base, align_up(bytes, os_->page_bytes()), secrecy);
  // What was refused too: it may hold for a part.
  for (std::uint32_t i = 0; i < count; ++i) taken.head[i].secrecy = secrecy;
}

/// A span, as it was: what its backing wants kept secret is not yet. Says in `backing` which pages
/// it came with.
TakenSpan Space::take_any(std::uint32_t count, ByteCount bytes, Backing& backing,
                          std::uint32_t unit) {
  TakenSpan taken;
  LockGuard guard(lock_);
  bool fell_back = false;
  bool fell_back_to_smaller = false;
  if (is_explicit(backing.pages) && unit != 1) {
    // Those are handed out in spans of their own; what is aligned more strictly does without.
    backing.pages = HugePages::kTransparent;
    fell_back_to_smaller = true;
  }
  if (is_explicit(backing.pages)) {
    taken = take_explicit(count, backing);
    if (taken.head == nullptr && backing.pages == HugePages::k1GiB) {
      fell_back_to_smaller = true;
      backing.pages = HugePages::k2MiB;
      taken = take_explicit(count, backing);
    }
    fell_back = taken.head == nullptr;
    if (fell_back) backing.pages = HugePages::kTransparent;
  }
  if (taken.head == nullptr) taken = take_plain(count, bytes, backing, unit);
  taken.fell_back = fell_back || fell_back_to_smaller;
  if (taken.head != nullptr) hand_out(taken, count, backing);
  return taken;
}

bool Space::extend(Superslab* head, std::uint32_t count, bool& is_zero) {
  assert(count > head->span && head->span != 0);
  LockGuard guard(lock_);
  const std::uint32_t first = place_of(*head);
  const std::uint32_t more = count - head->span;
  if (first + count > kSuperslabsPerArena) return false;
  Arena& arena = arena_of(*head);
  const auto can_have = [&](std::uint32_t i) {
    if (arena.is_open(i)) return true;
    if (!arena.is_spare(i)) return false;
    const Superslab* const s = entry_of(arena, i);
    if (s != nullptr && (s->is_exposed || s->secrecy != Secrecy::kNone)) return false;
    return s == nullptr || s->committed_bytes == 0 || s->pages == head->pages;
  };
  for (std::uint32_t i = first + head->span; i < first + count; ++i)
    if (!can_have(i)) return false;
  if (!reserve(arena, first + head->span, more, 0)) return false;
  // Somebody else may have been found in the midst of it.
  for (std::uint32_t i = first + head->span; i < first + count; ++i)
    if (!arena.is_spare(i)) return false;
  arena.set_spare(first + head->span, more, false);
  make_ready(arena, first + head->span, more);
  Superslab* tail = head + head->span;
  if (commit_plain(tail, more * kSuperslabBytes, head->pages) != OsStatus::kOk) {
    set_spare(tail, more);
    return false;
  }
  os_->place(tail->base, more * kSuperslabBytes, head->node_placement);
  for (std::uint32_t i = 0; i < more; ++i) {
    tail[i].node_placement = head->node_placement;
    tail[i].heap = head->heap;
    tail[i].use.store(SuperslabUse::kHugeTail, std::memory_order_release);
  }
  is_zero = leave_idle(tail, more);
  in_program_order();
  head->span = count;
  return true;
}

Secrecy Space::give(Superslab* head) {
  const std::uint32_t count = head->span;
  assert(count != 0 && "it heads a span");
  Secrecy secrecy = head->secrecy;
  if (secrecy != Secrecy::kNone) {
    // The next heap is another: a fork must not wipe its memory, and its dumps must be whole.
    // Without the lock: nobody takes the span before it is spare.
    secrecy = os_->unprotect(head->base, count * kSuperslabBytes, secrecy);
    for (std::uint32_t i = 0; i < count; ++i) head[i].secrecy = secrecy;
  }
  LockGuard guard(lock_);
  for (std::uint32_t i = 0; i < count; ++i) {
    head[i].use.store(SuperslabUse::kSpare, std::memory_order_relaxed);
    head[i].heap = nullptr;
  }
  in_program_order();
  set_spare(head, count);
  return secrecy;
}

}  // namespace superslab
