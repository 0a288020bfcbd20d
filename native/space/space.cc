#include "space/space.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/program_order.h"

namespace superslab {
namespace {

constexpr std::size_t kMaxSlices = kMaxSuperslabs * kSlicesPerSuperslab;

/// Of the addresses for the tables, in front of the superslabs'.
constexpr ByteCount kTablesBytes =
    align_up(kMaxSlices * (sizeof(Route) + sizeof(SliceTag) + sizeof(std::uint8_t) + sizeof(Slab) +
                           sizeof(SliceWords)) +
                 kMaxSuperslabs * sizeof(Superslab),
             kArenaBytes);

/// Superslabs that are reserved ahead of need: this part of those there are, so that a small
/// process has few addresses and a large one few calls.
constexpr std::uint32_t kAheadPart = 4;
constexpr std::uint32_t kMostAhead = kGiB / kSuperslabBytes;

/// Superslabs that one explicit page of this kind covers.
constexpr std::uint32_t superslabs_per_page(HugePages pages) {
  return pages == HugePages::k1GiB ? kGiB / kSuperslabBytes : 1;
}

bool is_explicit(HugePages pages) { return pages == HugePages::k2MiB || pages == HugePages::k1GiB; }

}  // namespace

bool Space::open(Os& os, std::uint32_t arenas) {
  os_ = &os;
  arenas = std::min(arenas, kMaxArenas - kFirstOrdinal);
  range_ = choose_range(os, kTablesBytes + arenas * kArenaBytes);
  if (range_.base == nullptr) return false;
  ordinal_limit_ = kFirstOrdinal + arenas;
  base_ = address_of(range_.base) + kTablesBytes;
  std::byte* at = range_.base;
  for_each_table([&at](auto& table, std::size_t entries) {
    table.place(at, kSuperslabsPerArena * entries);
    at += kMaxSuperslabs * entries * sizeof(table[0]);
  });
  // Whoever has a space can take one superslab at least.
  if (reserve_room(1, 1, Wanted::kFresh, {})) return true;
  close();
  return false;
}

void Space::close() {
  for (Arena*& arena : arenas_) {
    if (arena != nullptr) arena->close(*os_);
    arena = nullptr;
  }
  free_places_ = nullptr;
  metadata_.close(*os_);
  for_each_table([this](auto& table, std::size_t entries) {
    table.close(*os_, kSuperslabsPerArena * entries);
  });
  if (range_.mark.bytes != 0) os_->unreserve(range_.mark.address, range_.mark.bytes);
  range_ = {};
}

Arena* Space::arena_at(std::uint32_t ordinal) {
  Arena*& arena = arenas_[ordinal];
  if (arena == nullptr) {
    auto* base = reinterpret_cast<std::byte*>(base_ + (ordinal - kFirstOrdinal) * kArenaBytes);
    arena = metadata_.make<Arena>(*os_, base);
  }
  return arena;
}

OsStatus Space::grow_tables(SuperslabIndex end) {
  OsStatus status = OsStatus::kOk;
  for_each_table([&](auto& table, std::size_t entries) {
    if (status == OsStatus::kOk) status = table.grow(*os_, end * entries);
  });
  return status;
}

/// Reserves what is open of a run, with as much behind it as can be had of `ahead`. True when there
/// is more than there was, or it is known that there cannot be, so that another look is worth it.
bool Space::reserve(Arena& arena, std::uint32_t first, std::uint32_t count, std::uint32_t ahead) {
  ahead = arena.count_open(first + count, ahead);
  for (;;) {
    const std::uint32_t end = first + count + ahead;
    // The tables first: superslabs without entries would be of no use.
    if (grow_tables(index_of(arena, 0) + end) == OsStatus::kOk) {
      const ByteCount before = arena.reserved_bytes();
      const OsStatus status = arena.reserve(*os_, first, end - first);
      reserved_.fetch_add(arena.reserved_bytes() - before, std::memory_order_relaxed);
      if (status != OsStatus::kNoMemory) return true;
    }
    // Under a limit others need addresses too: no more than is needed now.
    if (ahead == 0) return false;
    ahead = 0;
  }
}

/// Reserves addresses for such a run. False when there are none.
bool Space::reserve_room(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                         const Backing& backing) {
  const auto reserved = static_cast<std::uint32_t>(reserved_bytes() / kSuperslabBytes);
  const std::uint32_t ahead = std::min(reserved / kAheadPart, kMostAhead);
  for (std::uint32_t ordinal = kFirstOrdinal; ordinal < ordinal_limit_; ++ordinal) {
    Arena* const arena = arena_at(ordinal);
    if (arena == nullptr) return false;
    const int first = arena->find_room(
        spare_for(wanted, backing), count, unit,
        [&](std::uint32_t i) { return fits(entry_of(*arena, i), wanted, backing); },
        [&](std::uint32_t i) { return fits_last(entry_of(*arena, i), wanted, backing); });
    if (first >= 0) return reserve(*arena, static_cast<std::uint32_t>(first), count, ahead);
  }
  return false;
}

void Space::make_ready(const Arena& arena, std::uint32_t first, std::uint32_t count) {
  const SuperslabIndex from = index_of(arena, first);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (arena.is_ready(first + i)) continue;
    Superslab& s = superslabs_[from + i];
    s.base = arena.base() + ByteCount{first + i} * kSuperslabBytes;
    s.index = from + i;
    in_program_order();
    arenas_[from / kSuperslabsPerArena]->set_ready(first + i);
  }
  if (from + count > index_limit()) index_limit_.store(from + count, std::memory_order_release);
}

/// Which spare superslabs may be in such a run. What one front end has left behind is not for the
/// other: contents here, stale views in fits().
Spare Space::spare_for(Wanted wanted, const Backing& backing) {
  if (backing.access == Access::kViews) return Spare::kNotIdle;
  return wanted == Wanted::kIdle ? Spare::kIdle : Spare::kAny;
}

/// Whether one of those (nullptr: it was never taken) may be in such a run.
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

/// Commits and places a run that was claimed. `bytes` are whole pages.
TakenRun Space::commit_and_place(Superslab* head, std::uint32_t count, ByteCount bytes,
                                 const Backing& backing, std::uint32_t unit) {
  TakenRun taken;
  taken.status = commit_plain(head, bytes, backing.pages);
  if (taken.status != OsStatus::kOk) {
    set_spare(head, count);
    // Under a limit on writable memory (RLIMIT_DATA) what was committed before costs nothing.
    head = claim(count, unit, Wanted::kWhole, backing);
    if (head == nullptr) return taken;
    taken.status = OsStatus::kOk;
  }
  os_->place(head->base, bytes, backing.placement);
  for (std::uint32_t i = 0; i < count; ++i) head[i].placement = backing.placement;
  taken.head = head;
  return taken;
}

/// The run is its taker's, whatever it was before.
void Space::hand_out(TakenRun& taken, std::uint32_t count, const Backing& backing) {
  taken.head->run = count;
  if (backing.access == Access::kViews) {
    for (std::uint32_t i = 0; i < count; ++i) taken.head[i].is_exposed = true;
  }
  taken.is_zero = leave_idle(taken.head, count);
}

TakenRun Space::claim_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit) {
  LockGuard guard(lock_);
  Superslab* head = claim(count, unit, Wanted::kIdle, backing);
  if (head == nullptr) return {.status = OsStatus::kNoMemory};
  TakenRun taken = commit_and_place(head, count, ByteCount{count} * kSuperslabBytes, backing, unit);
  if (taken.head != nullptr) hand_out(taken, count, backing);
  return taken;
}

TakenRun Space::take_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit) {
  const ByteCount bytes = ByteCount{count} * kSuperslabBytes;
  if (idle_bytes() < bytes) return {.status = OsStatus::kNoMemory};
  TakenRun taken = claim_idle(count, backing, unit);
  conceal(taken, count, bytes, backing);
  return taken;
}

TakenRun Space::take(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit) {
  if (count == 0 || count > kSuperslabsPerArena) return {.status = OsStatus::kNoMemory};
  TakenRun taken = take_any(count, bytes, backing, unit);
  conceal(taken, count, bytes, backing);
  return taken;
}

/// Before a run's first touch: swap, a dump and a child see what is there from now on. And without
/// the lock, for which every heap would wait: what is not spare is the caller's.
void Space::conceal(TakenRun& taken, std::uint32_t count, ByteCount bytes, const Backing& backing) {
  // The kernel never swaps explicit huge pages: there is nothing to lock.
  const Secrecy secrecy =
      is_explicit(backing.pages) ? without(backing.secrecy, Secrecy::kLocked) : backing.secrecy;
  if (taken.head == nullptr || secrecy == Secrecy::kNone) return;
  taken.refused = os_->conceal(taken.head->base, align_up(bytes, os_->page_bytes()), secrecy);
  // What was refused too: it may hold for a part.
  for (std::uint32_t i = 0; i < count; ++i) taken.head[i].secrecy = secrecy;
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
  if (taken.head != nullptr) hand_out(taken, count, backing);
  return taken;
}

void Space::join_idle(const Superslab* first, std::uint32_t count) {
  arena_of(*first).set_idle(place_of(*first), count);
  idle_superslabs_.fetch_add(count, std::memory_order_relaxed);
}

bool Space::leave_idle(const Superslab* first, std::uint32_t count) {
  const std::uint32_t idle = arena_of(*first).clear_idle(place_of(*first), count);
  idle_superslabs_.fetch_sub(idle, std::memory_order_relaxed);
  return idle == 0;
}

bool Space::extend(Superslab* head, std::uint32_t count, bool& is_zero) {
  LockGuard guard(lock_);
  const std::uint32_t first = place_of(*head);
  const std::uint32_t more = count - head->run;
  if (first + count > kSuperslabsPerArena) return false;
  Arena& arena = arena_of(*head);
  const auto can_have = [&](std::uint32_t i) {
    if (arena.is_open(i)) return true;
    if (!arena.is_spare(i)) return false;
    const Superslab* const s = entry_of(arena, i);
    if (s != nullptr && (s->is_exposed || s->secrecy != Secrecy::kNone)) return false;
    return s == nullptr || s->committed_bytes == 0 || s->pages == head->pages;
  };
  for (std::uint32_t i = first + head->run; i < first + count; ++i)
    if (!can_have(i)) return false;
  if (!reserve(arena, first + head->run, more, 0)) return false;
  // Somebody else may have been found in the midst of it.
  for (std::uint32_t i = first + head->run; i < first + count; ++i)
    if (!arena.is_spare(i)) return false;
  arena.set_spare(first + head->run, more, false);
  make_ready(arena, first + head->run, more);
  Superslab* tail = head + head->run;
  if (commit_plain(tail, more * kSuperslabBytes, head->pages) != OsStatus::kOk) {
    set_spare(tail, more);
    return false;
  }
  os_->place(tail->base, more * kSuperslabBytes, head->placement);
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
    head[i].idle_since = now;
  }
  join_idle(head + from, count - from);
  in_program_order();
  set_spare(head + from, count - from);
}

/// Idle superslabs on their way to the operating system. They are neither spare nor idle while the
/// system call runs: nobody takes them, and nobody else purges them.
struct Space::PurgeBatch {
  static constexpr std::size_t kMax = 32;  // on the smallest stacks
  Superslab* superslabs[kMax];
  OsRange ranges[kMax];
  std::size_t count = 0;
  std::size_t range_count = 0;

  ByteCount bytes() const { return count * kSuperslabBytes; }

  void add(Superslab& s) {
    const bool is_next = count != 0 && superslabs[count - 1]->base + kSuperslabBytes == s.base;
    if (is_next) {
      ranges[range_count - 1].bytes += kSuperslabBytes;
    } else {
      ranges[range_count++] = {s.base, kSuperslabBytes};
    }
    superslabs[count++] = &s;
  }
};

void Space::collect_idle(PurgeBatch& batch, Nanos before, ByteCount most) {
  LockGuard guard(lock_);
  for (Arena* arena : arenas_) {
    if (arena == nullptr) continue;
    for (std::uint32_t w = 0; w < kSuperslabsPerArena / 64; ++w) {
      for (std::uint64_t rest = arena->spare_word(Spare::kIdle, w); rest != 0; rest &= rest - 1) {
        const auto place = w * 64 + static_cast<std::uint32_t>(std::countr_zero(rest));
        Superslab& s = superslabs_[index_of(*arena, place)];
        if (s.idle_since > before) continue;
        leave_idle(&s, 1);
        arena->set_spare(place, 1, false);
        batch.add(s);
        if (batch.count == PurgeBatch::kMax || batch.bytes() >= most) return;
      }
    }
  }
}

ByteCount Space::purge_idle(Nanos before, ByteCount most) {
  ByteCount purged = 0;
  while (purged < most && idle_bytes() != 0) {
    PurgeBatch batch;
    collect_idle(batch, before, most - purged);
    if (batch.count == 0) break;
    const bool done = os_->purge(batch.ranges, batch.range_count) == OsStatus::kOk;
    LockGuard guard(lock_);
    for (std::size_t i = 0; i < batch.count; ++i) {
      if (!done) join_idle(batch.superslabs[i], 1);
      set_spare(batch.superslabs[i], 1);
    }
    if (!done) break;
    purged += batch.bytes();
  }
  return purged;
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

bool Space::is_nobody_elses(const void* p) {
  const std::uintptr_t offset = address_of(p) - base_;
  if (offset >= (ordinal_limit_ - kFirstOrdinal) * kArenaBytes) return false;
  LockGuard guard(lock_);
  const Arena* const arena = arenas_[kFirstOrdinal + offset / kArenaBytes];
  if (arena != nullptr && arena->is_reserved(offset % kArenaBytes / kSuperslabBytes)) return true;
  const ByteCount page = os_->page_bytes();
  void* const at = reinterpret_cast<void*>(align_down(address_of(p), page));
  if (os_->reserve_at(at, page) != OsStatus::kOk) return false;
  os_->unreserve(at, page);
  return true;
}

Holder Space::survive_fork() {
  const Holder objects = metadata_.survive_fork();
  const Holder holder = lock_.survive_fork();
  if (holder == Holder::kVanished) {
    std::uint32_t idle = 0;
    for (const Arena* arena : arenas_) idle += arena == nullptr ? 0 : arena->count_idle();
    idle_superslabs_.store(idle, std::memory_order_relaxed);
    for_each_table([this](auto& table, std::size_t) { table.survive_fork(*os_); });
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

OwnerPlace Space::take_owner_place(ByteCount bytes, ByteCount alignment) {
  LockGuard guard(lock_);
  if (FreePlace* const place = free_places_; place != nullptr) {
    free_places_ = place->next;
    return {place, place->id};
  }
  if (owner_ids_ == kMaxOwnerId) return {};
  void* memory = metadata_.allocate(*os_, bytes, alignment);
  if (memory == nullptr) return {};
  return {memory, ++owner_ids_};
}

void Space::give_owner_place(OwnerPlace place) {
  LockGuard guard(lock_);
  auto* const free = new (place.memory) FreePlace{free_places_, place.id};
  in_program_order();
  free_places_ = free;
}

void Space::route_slices(const void* start, unsigned count, Route route) {
  const std::size_t first = slice_of(start);
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
