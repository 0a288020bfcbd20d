#include "space/space.h"

#include <algorithm>
#include <cstring>

#include "base/program_order.h"

namespace superslab {
namespace {

constexpr ByteCount kSliceTableBytes = kMaxArenas * kSlicesPerArena;
constexpr ByteCount kRouteTableBytes = kSliceTableBytes * sizeof(Route);
constexpr std::uint32_t kFirstOrdinal = 1;
/// What a region that cannot be reserved as a whole begins with.
constexpr ByteCount kLeastPieceBytes = 8 * kSuperslabBytes;
constexpr ByteCount kWindowTableBytes = ByteCount{1} << (47 - kArenaShift);
constexpr ByteCount kTableBytes = kRouteTableBytes + 2 * kSliceTableBytes + kWindowTableBytes;

/// Superslabs that one explicit page of this kind covers.
constexpr std::uint32_t superslabs_per_page(HugePages pages) {
  return pages == HugePages::k1GiB ? kGiB / kSuperslabBytes : 1;
}

bool is_explicit(HugePages pages) { return pages == HugePages::k2MiB || pages == HugePages::k1GiB; }

std::byte* committed_table(Os& os, ByteCount bytes) {
  bytes = align_up(bytes, os.page_bytes());
  void* table = os.reserve(bytes, os.page_bytes());
  if (table == nullptr) return nullptr;
  if (os.commit(table, bytes, HugePages::kOff) == OsStatus::kOk)
    return static_cast<std::byte*>(table);
  os.unreserve(table, bytes);
  return nullptr;
}

}  // namespace

bool Space::open(Os& os, std::uint32_t region_arenas) {
  // Address space, not memory: untouched pages of these tables cost nothing.
  std::byte* tables = committed_table(os, kTableBytes);
  if (tables == nullptr) return false;
  os_ = &os;
  routes_ = reinterpret_cast<Route*>(tables);
  tags_ = reinterpret_cast<SliceTag*>(tables + kRouteTableBytes);
  distances_ = reinterpret_cast<std::uint8_t*>(tables + kRouteTableBytes + kSliceTableBytes);
  ordinals_ = reinterpret_cast<std::uint8_t*>(tables + kRouteTableBytes + 2 * kSliceTableBytes);
  pieces_ = static_cast<Piece*>(metadata_.allocate(os, kMaxPieces * sizeof(Piece), alignof(Piece)));
  if (pieces_ != nullptr && (region_arenas == 0 || reserve_region(region_arenas))) return true;
  close();
  return false;
}

bool Space::reserve_region(std::uint32_t arenas) {
  arenas = std::min(arenas, kMaxArenas - kFirstOrdinal);
  const ByteCount bytes = arenas * kArenaBytes;
  const Route* routes = routes_ + kFirstOrdinal * kSlicesPerArena;
  if (auto* base = static_cast<std::byte*>(os_->reserve(bytes, kArenaBytes)); base != nullptr) {
    pieces_[piece_count_++] = {base, bytes};
    if (((address_of(base) + bytes - 1) >> kArenaShift) >= kWindows) return false;
    reserved_.fetch_add(bytes, std::memory_order_relaxed);
    region_next_ = base;
    region_ = {address_of(base), arenas * kSlicesPerArena, routes};
    return true;
  }
  // The process may not have so many addresses (RLIMIT_AS): the region is then only the range that
  // the routes cover, and pieces of it are reserved as they are needed. Where the first one comes
  // to lie others will be near.
  auto* first = static_cast<std::byte*>(os_->reserve(kLeastPieceBytes, kLeastPieceBytes));
  if (first == nullptr) return false;
  const std::uintptr_t window = address_of(first) >> kArenaShift;
  const std::uintptr_t from = window - std::min<std::uintptr_t>(window, arenas / 2);
  region_ = {from << kArenaShift, arenas * kSlicesPerArena, routes};
  if (add_piece(first, kLeastPieceBytes)) return keep_piece(first, kLeastPieceBytes);
  os_->unreserve(first, kLeastPieceBytes);
  return false;
}

bool Space::keep_piece(std::byte* base, ByteCount bytes) {
  pieces_[piece_count_++] = {base, bytes};
  reserved_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

/// Reserves the next piece of a region that is not reserved as a whole: a quarter of what there is,
/// so that the limit is not used up in one go, and less where there is not so much.
bool Space::reserve_more_of_region(std::uint32_t least) {
  if (piece_count_ == kMaxPieces) return false;
  const ByteCount needed = std::bit_ceil(least) * kSuperslabBytes;
  ByteCount bytes = std::clamp(std::bit_floor(reserved_bytes() / 4), kLeastPieceBytes, kArenaBytes);
  const auto is_in_one_window = [](const std::byte* base, ByteCount size) {
    return address_of(base) >> kArenaShift == (address_of(base) + size - 1) >> kArenaShift;
  };
  for (bytes = std::max(bytes, needed); bytes >= needed; bytes /= 2) {
    // Next to the last piece if it can be: an alignment to its own size would leave gaps.
    for (const ByteCount alignment : {kSuperslabBytes, bytes}) {
      auto* base = static_cast<std::byte*>(os_->reserve(bytes, alignment));
      if (base == nullptr) break;
      if (is_in_one_window(base, bytes) && add_piece(base, bytes)) return keep_piece(base, bytes);
      os_->unreserve(base, bytes);
    }
  }
  return false;
}

bool Space::open_next_of_region() {
  const std::uintptr_t end = region_.base + region_.slices * kSliceBytes;
  const std::uintptr_t from = address_of(region_next_);
  if (from == end) return false;
  const ByteCount bytes = std::min<ByteCount>(end - from, kArenaBytes);
  std::byte* const base = region_next_;
  // Before it: a piece that is added twice would be spare while it is taken.
  region_next_ += bytes;
  in_program_order();
  if (add_piece(base, bytes)) return true;
  region_next_ = base;
  return false;
}

void Space::close() {
  for (std::uint32_t i = 0; i < piece_count_; ++i)
    os_->unreserve(pieces_[i].base, pieces_[i].bytes);
  for (std::uint32_t i = kFirstOrdinal; i < arena_count_; ++i) {
    if (arenas_[i] != nullptr) arenas_[i]->close(*os_);
  }
  metadata_.close(*os_);
  os_->unreserve(routes_, align_up(kTableBytes, os_->page_bytes()));
  piece_count_ = 0;
  arena_count_ = kFirstOrdinal;
  region_ = {};
}

bool Space::add_piece(std::byte* base, ByteCount bytes) {
  const std::uintptr_t window = address_of(base) >> kArenaShift;
  if (window >= kWindows) return false;
  if (ordinals_[window] == kNoArena) {
    // In a region an arena's place decides its ordinal, so that routes are found by subtraction.
    const std::uintptr_t ordinal =
        region_.slices == 0 ? arena_count_ : kFirstOrdinal + window - (region_.base >> kArenaShift);
    const std::size_t end =
        region_.slices == 0 ? kMaxArenas : kFirstOrdinal + region_.slices / kSlicesPerArena;
    // Below the region too: the window before it would be ordinal 0, which is no arena.
    if (ordinal < kFirstOrdinal || ordinal >= end) return false;
    auto* start = reinterpret_cast<std::byte*>(window << kArenaShift);
    auto* arena = metadata_.make<Arena>(*os_);
    if (arena == nullptr) return false;
    if (!arena->open(*os_, start, static_cast<std::uint32_t>(ordinal))) {
      metadata_.destroy(arena);
      return false;
    }
    arenas_[ordinal] = arena;
    directories_[ordinal] = &arena->directory();
    arena_count_ = std::max(arena_count_, static_cast<std::uint32_t>(ordinal) + 1);
    in_program_order();
    ordinals_[window] = static_cast<std::uint8_t>(ordinal);
  }
  arenas_[ordinals_[window]]->add_piece(base, bytes);
  return true;
}

bool Space::reserve_piece(std::uint32_t least) {
  if (region_.slices != 0)
    return region_next_ != nullptr ? open_next_of_region() : reserve_more_of_region(least);
  if (piece_count_ == kMaxPieces) return false;
  // A limited address space (RLIMIT_AS, strict overcommit) may still have room for less than an
  // arena. A piece aligned to its own power-of-two size never crosses a 4 GiB boundary, so the
  // arithmetic stays: several pieces may share one window.
  for (std::uint32_t count = kSuperslabsPerArena; count >= std::bit_ceil(least); count /= 2) {
    const ByteCount bytes = ByteCount{count} * kSuperslabBytes;
    auto* base = static_cast<std::byte*>(os_->reserve(bytes, bytes));
    if (base == nullptr) continue;
    if (!add_piece(base, bytes)) {
      os_->unreserve(base, bytes);
      continue;  // a smaller piece may lie in a window that we have, and leaves room for a
                 // directory
    }
    return keep_piece(base, bytes);
  }
  return false;
}

Superslab* Space::claim(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                        const Backing& backing, OsStatus& status) {
  const HugePages pages = backing.pages;
  const auto fits = [&](const Superslab* s) {
    // What one door has left behind is not for the other: stale views, or contents.
    if (s != nullptr && (backing.access == Access::kViews ? s->is_idle : s->is_exposed))
      return false;
    // Memory that a fork would wipe, or that is missing in dumps, is not for who did not ask.
    if (s != nullptr && without(s->secrecy, backing.secrecy) != Secrecy::kNone) return false;
    const bool fresh = s == nullptr || s->committed_bytes == 0;
    switch (wanted) {
      case Wanted::kFresh:
        return fresh;
      case Wanted::kBacked:
        return !fresh && s->pages == pages;
      case Wanted::kFreshOrBacked:
        return fresh || s->pages == pages;
      case Wanted::kPlain:
        return fresh || !is_explicit(s->pages);
      case Wanted::kIdle:
        return !fresh && s->is_idle && !is_explicit(s->pages);
    }
    return false;
  };
  const auto fits_last = [&](const Superslab* s) {
    return fits(s) && (s == nullptr || s->committed_bytes <= backing.tail_bytes);
  };
  status = OsStatus::kOk;
  for (std::uint32_t ordinal = 1; ordinal < arena_count_; ++ordinal) {
    if (arenas_[ordinal] == nullptr) continue;
    Arena& arena = *arenas_[ordinal];
    const int first = arena.find_spare(count, unit, fits, fits_last);
    if (first < 0) continue;
    const auto start = static_cast<std::uint32_t>(first);
    status = arena.commit_directory(*os_, start, count);
    if (status != OsStatus::kOk) return nullptr;
    arena.set_spare(start, count, false);
    const SuperslabIndex end = ordinal * kSuperslabsPerArena + start + count;
    if (end > index_limit()) index_limit_.store(end, std::memory_order_release);
    return &arena.directory().superslabs[start];
  }
  return nullptr;
}

Superslab* Space::claim_or_reserve(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                                   const Backing& backing, OsStatus& status) {
  for (;;) {
    Superslab* head = claim(count, unit, wanted, backing, status);
    if (head != nullptr || status != OsStatus::kOk) return head;
    if (reserve_piece(count)) continue;
    status = OsStatus::kNoMemory;
    return nullptr;
  }
}

void Space::set_spare(const Superslab* head, std::uint32_t count) {
  arenas_[head->index / kSuperslabsPerArena]->set_spare(head->index % kSuperslabsPerArena, count,
                                                        true);
}

OsStatus Space::commit_plain(Superslab* head, ByteCount bytes, HugePages pages) {
  const auto run = static_cast<std::uint32_t>(div_up(bytes, kSuperslabBytes));
  for (std::uint32_t i = 0; i < run;) {
    const ByteCount from = i * kSuperslabBytes + head[i].committed_bytes;
    if (from >= std::min((i + 1) * kSuperslabBytes, bytes)) {
      ++i;
      continue;
    }
    // One that was committed in part keeps the pages it began with; untouched ones go together.
    const HugePages own = head[i].committed_bytes == 0 ? pages : head[i].pages;
    std::uint32_t end = i + 1;
    while (own == pages && end < run && head[end].committed_bytes == 0) ++end;
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

TakenRun Space::take_explicit(std::uint32_t count, Backing backing) {
  TakenRun taken;
  // A page of 1 GiB is committed whole; what one run leaves of it is there for the next.
  taken.head = claim(count, 1, Wanted::kBacked, backing, taken.status);
  if (taken.head != nullptr) return taken;

  const std::uint32_t unit = superslabs_per_page(backing.pages);
  const auto claimed = static_cast<std::uint32_t>(align_up(count, unit));
  // Explicit huge pages replace the mapping, which is safe only where no view can exist yet.
  Superslab* head = claim_or_reserve(claimed, unit, Wanted::kFresh, backing, taken.status);
  if (head == nullptr) return taken;
  const ByteCount bytes = claimed * kSuperslabBytes;
  taken.status = os_->commit(head->base, bytes, backing.pages);
  if (taken.status != OsStatus::kOk) {
    // A lost range belongs to somebody else now and is never touched again.
    if (taken.status != OsStatus::kLost) set_spare(head, claimed);
    return taken;
  }
  // Advice: memory in the wrong place still works.
  os_->place(head->base, bytes, backing.placement);
  for (std::uint32_t i = 0; i < claimed; ++i) {
    head[i].committed_bytes = kSuperslabBytes;
    head[i].pages = backing.pages;
    head[i].placement = backing.placement;
  }
  if (claimed > count) set_spare(head + count, claimed - count);
  taken.head = head;
  return taken;
}

TakenRun Space::take_plain(std::uint32_t count, ByteCount bytes, Backing backing,
                           std::uint32_t unit) {
  TakenRun taken;
  Superslab* head = nullptr;
  if (backing.access == Access::kPointers && idle_bytes() != 0)
    head = claim(count, unit, Wanted::kIdle, backing, taken.status);
  if (head == nullptr)
    head = claim_or_reserve(count, unit, Wanted::kFreshOrBacked, backing, taken.status);
  // The advice that memory was committed with stays; the wrong one beats no memory.
  if (head == nullptr) head = claim(count, unit, Wanted::kPlain, backing, taken.status);
  if (head == nullptr) {
    if (taken.status == OsStatus::kOk) taken.status = OsStatus::kNoMemory;
    return taken;
  }
  bytes = align_up(bytes, os_->page_bytes());
  taken.status = commit_plain(head, bytes, backing.pages);
  if (taken.status != OsStatus::kOk) {
    set_spare(head, count);
    return taken;
  }
  os_->place(head->base, bytes, backing.placement);
  for (std::uint32_t i = 0; i < count; ++i) head[i].placement = backing.placement;
  taken.head = head;
  return taken;
}

TakenRun Space::take(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit) {
  if (count == 0 || count > kSuperslabsPerArena) return {.status = OsStatus::kNoMemory};
  TakenRun taken = take_any(count, bytes, backing, unit);
  // The kernel never swaps explicit huge pages: there is nothing to lock.
  const Secrecy secrecy =
      is_explicit(backing.pages) ? without(backing.secrecy, Secrecy::kLocked) : backing.secrecy;
  if (taken.head == nullptr || secrecy == Secrecy::kNone) return taken;
  // Before its first touch: swap, a dump and a child see what is there from now on. And without the
  // lock, for which every heap would wait: what is not spare is the caller's.
  taken.refused = os_->conceal(taken.head->base, align_up(bytes, os_->page_bytes()), secrecy);
  // What was refused too: it may hold for a part.
  for (std::uint32_t i = 0; i < count; ++i) taken.head[i].secrecy = secrecy;
  return taken;
}

/// A run, as it was: what its backing wants kept secret is not yet. Says in `backing` which pages
/// it came with.
TakenRun Space::take_any(std::uint32_t count, ByteCount bytes, Backing& backing,
                         std::uint32_t unit) {
  TakenRun taken;
  LockGuard guard(lock_);
  bool fell_back = false;
  bool fell_back_to_smaller = false;
  if (is_explicit(backing.pages) && unit != 1) {
    // Those are handed out in runs of their own; what is aligned more strictly does without.
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
  if (taken.head == nullptr) return taken;
  taken.head->run = count;
  if (backing.access == Access::kViews) {
    for (std::uint32_t i = 0; i < count; ++i) taken.head[i].is_exposed = true;
  }
  taken.is_zero = leave_idle(taken.head, count);
  return taken;
}

bool Space::leave_idle(Superslab* first, std::uint32_t count) {
  std::uint32_t idle = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    idle += first[i].is_idle;
    first[i].is_idle = false;
  }
  idle_superslabs_.fetch_sub(idle, std::memory_order_relaxed);
  return idle == 0;
}

bool Space::extend(Superslab* head, std::uint32_t count, bool& is_zero) {
  LockGuard guard(lock_);
  const std::uint32_t first = head->index % kSuperslabsPerArena;
  const std::uint32_t more = count - head->run;
  if (first + count > kSuperslabsPerArena) return false;
  Arena& arena = *arenas_[head->index / kSuperslabsPerArena];
  const auto fits = [&](const Superslab* s) {
    if (s != nullptr && (s->is_exposed || s->secrecy != Secrecy::kNone)) return false;
    return s == nullptr || s->committed_bytes == 0 || s->pages == head->pages;
  };
  if (!arena.is_spare(first + head->run, more, fits)) return false;
  if (arena.commit_directory(*os_, first + head->run, more) != OsStatus::kOk) return false;
  arena.set_spare(first + head->run, more, false);
  Superslab* tail = head + head->run;
  if (commit_plain(tail, more * kSuperslabBytes, head->pages) != OsStatus::kOk) {
    set_spare(tail, more);
    return false;
  }
  os_->place(tail->base, more * kSuperslabBytes, head->placement);
  const SuperslabIndex end = head->index + count;
  if (end > index_limit()) index_limit_.store(end, std::memory_order_release);
  for (std::uint32_t i = 0; i < more; ++i) {
    tail[i].placement = head->placement;
    tail[i].heap = head->heap;
    tail[i].use.store(SuperslabUse::kLargeTail, std::memory_order_release);
  }
  is_zero = leave_idle(tail, more);
  in_program_order();
  head->run = count;
  return true;
}

void Space::give_idle(Superslab* head, std::uint32_t from, Nanos now) {
  LockGuard guard(lock_);
  const std::uint32_t count = head->run;
  // First: nothing is in a run and spare as well.
  head->run = from;
  in_program_order();
  for (std::uint32_t i = from; i < count; ++i) {
    head[i].use.store(SuperslabUse::kSpare, std::memory_order_relaxed);
    head[i].heap = nullptr;
    head[i].is_idle = true;
    head[i].idle_since = now;
  }
  idle_superslabs_.fetch_add(count - from, std::memory_order_relaxed);
  in_program_order();
  set_spare(head + from, count - from);
}

bool Space::has_idle_run(std::uint32_t count, std::uint32_t unit) {
  if (idle_bytes() < count * kSuperslabBytes) return false;
  const auto fits = [](const Superslab* s) {
    return s != nullptr && s->is_idle && !is_explicit(s->pages);
  };
  LockGuard guard(lock_);
  for (std::uint32_t ordinal = kFirstOrdinal; ordinal < arena_count_; ++ordinal) {
    if (arenas_[ordinal] != nullptr && arenas_[ordinal]->find_spare(count, unit, fits, fits) >= 0)
      return true;
  }
  return false;
}

ByteCount Space::purge_idle(Nanos before, ByteCount most) {
  constexpr std::size_t kBatch = 32;  // on the smallest stacks
  ByteCount purged = 0;
  for (;;) {
    if (idle_superslabs_.load(std::memory_order_relaxed) == 0) return purged;
    Superslab* batch[kBatch];
    OsRange ranges[kBatch];
    std::size_t count = 0;
    std::size_t range_count = 0;
    {
      LockGuard guard(lock_);
      for (SuperslabIndex i = kFirstOrdinal * kSuperslabsPerArena; i < index_limit(); ++i) {
        if (arenas_[i / kSuperslabsPerArena] == nullptr) {
          i += kSuperslabsPerArena - 1 - i % kSuperslabsPerArena;
          continue;
        }
        Arena& arena = *arenas_[i / kSuperslabsPerArena];
        if (!arena.is_ready(i % kSuperslabsPerArena)) continue;
        Superslab& s = superslab(i);
        if (!s.is_idle || s.idle_since > before) continue;
        // One that is not spare is being purged already: it may be in use when we are done.
        if (!arena.is_spare(i % kSuperslabsPerArena, 1, [](const Superslab*) { return true; }))
          continue;
        // Neither spare nor idle while the system call runs: nobody takes it, and nobody else
        // purges it.
        leave_idle(&s, 1);
        arena.set_spare(i % kSuperslabsPerArena, 1, false);
        const bool is_next = count != 0 && batch[count - 1]->base + kSuperslabBytes == s.base;
        if (is_next) {
          ranges[range_count - 1].bytes += kSuperslabBytes;
        } else {
          ranges[range_count++] = {s.base, kSuperslabBytes};
        }
        batch[count++] = &s;
        if (count == kBatch || purged + count * kSuperslabBytes >= most) break;
      }
    }
    if (count == 0) return purged;
    const bool done = os_->purge(ranges, range_count) == OsStatus::kOk;
    LockGuard guard(lock_);
    for (std::size_t i = 0; i < count; ++i) {
      batch[i]->is_idle = !done;
      set_spare(batch[i], 1);
    }
    if (!done)
      idle_superslabs_.fetch_add(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    if (!done) return purged;
    purged += count * kSuperslabBytes;
    if (purged >= most) return purged;
  }
}

Secrecy Space::give(Superslab* head) {
  const std::uint32_t count = head->run;
  Secrecy secrecy = head->secrecy;
  if (secrecy != Secrecy::kNone) {
    // The next heap is another: a fork must not wipe its memory, and its dumps must be whole.
    // Without the lock: nobody takes the run before it is spare.
    secrecy = os_->reveal(head->base, count * kSuperslabBytes, secrecy);
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

Holder Space::survive_fork() {
  const Holder objects = metadata_.survive_fork();
  const Holder holder = lock_.survive_fork();
  if (holder == Holder::kVanished) {
    std::uint32_t idle = 0;
    for_each_entry([&](const Superslab& s) {
      const Arena& arena = *arenas_[s.index / kSuperslabsPerArena];
      const auto any = [](const Superslab*) { return true; };
      idle += s.is_idle && arena.is_spare(s.index % kSuperslabsPerArena, 1, any);
    });
    idle_superslabs_.store(idle, std::memory_order_relaxed);
  }
  return objects == Holder::kMe ? objects : holder;
}

void Space::list_entries(std::uint64_t* out) {
  constexpr std::size_t kWords = kSuperslabsPerArena / 64;
  LockGuard guard(lock_);
  for (std::uint32_t ordinal = 0; ordinal < kMaxArenas; ++ordinal) {
    for (std::size_t w = 0; w < kWords; ++w)
      out[ordinal * kWords + w] = arenas_[ordinal] == nullptr ? 0 : arenas_[ordinal]->ready_word(w);
  }
}

void Space::route_slices(const void* start, unsigned count, Route route) {
  const std::size_t first = global_slice(ordinal_of(start), start);
  for (unsigned i = 0; i < count; ++i)
    std::atomic_ref<Route>(routes_[first + i]).store(route, std::memory_order_relaxed);
}

void Space::tag_slices(const Superslab& s, unsigned slice, unsigned count, SliceTag tag) {
  const std::size_t first = std::size_t{s.index} * kSlicesPerSuperslab + slice;
  for (unsigned i = 0; i < count; ++i) {
    // A reader holds a block in this slab and came by it through some synchronisation, or has a
    // stale address and must live with either value: relaxed bytes.
    std::atomic_ref<std::uint8_t>(distances_[first + i])
        .store(static_cast<std::uint8_t>(i), std::memory_order_relaxed);
    std::atomic_ref<std::uint8_t>(tags_[first + i]).store(tag, std::memory_order_relaxed);
  }
}

}  // namespace superslab
