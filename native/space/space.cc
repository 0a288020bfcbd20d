#include "space/space.h"

#include <algorithm>
#include <cstring>

namespace superslab {
namespace {

constexpr ByteCount kSliceTableBytes = kMaxArenas * kSlicesPerArena;

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

bool Space::open(Os& os) {
  // Address space, not memory: untouched pages of these tables cost nothing.
  std::byte* tables = committed_table(os, 2 * kSliceTableBytes + kWindows);
  if (tables == nullptr) return false;
  os_ = &os;
  tags_ = reinterpret_cast<SliceTag*>(tables);
  distances_ = reinterpret_cast<std::uint8_t*>(tables + kSliceTableBytes);
  ordinals_ = reinterpret_cast<std::uint8_t*>(tables + 2 * kSliceTableBytes);
  return true;
}

void Space::close() {
  for (std::uint32_t i = 0; i < piece_count_; ++i)
    os_->unreserve(pieces_[i].base, pieces_[i].bytes);
  for (std::uint32_t i = 1; i < arena_count_; ++i) arenas_[i].close(*os_);
  os_->unreserve(tags_, align_up(2 * kSliceTableBytes + kWindows, os_->page_bytes()));
  piece_count_ = 0;
  arena_count_ = 1;
}

bool Space::reserve_piece(std::uint32_t least) {
  if (piece_count_ == kMaxPieces) return false;
  // A limited address space (RLIMIT_AS, strict overcommit) may still have room for less than an
  // arena. A piece aligned to its own power-of-two size never crosses a 4 GiB boundary, so the
  // arithmetic stays: several pieces may share one window.
  for (std::uint32_t count = kSuperslabsPerArena; count >= std::bit_ceil(least); count /= 2) {
    const ByteCount bytes = ByteCount{count} * kSuperslabBytes;
    auto* base = static_cast<std::byte*>(os_->reserve(bytes, bytes));
    if (base == nullptr) continue;
    const std::uintptr_t window = address_of(base) >> kArenaShift;
    bool usable = window < kWindows;
    if (usable && ordinals_[window] == kNoArena) {
      usable = arena_count_ < kMaxArenas &&
               arenas_[arena_count_].open(*os_, reinterpret_cast<std::byte*>(window << kArenaShift),
                                          arena_count_);
      if (usable) ordinals_[window] = static_cast<std::uint8_t>(arena_count_++);
    }
    if (!usable) {
      os_->unreserve(base, bytes);
      continue;  // a smaller piece may lie in a window that we have, and leaves room for a
                 // directory
    }
    arenas_[ordinals_[window]].add_piece(base, bytes);
    pieces_[piece_count_++] = {base, bytes};
    reserved_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  return false;
}

Superslab* Space::claim(std::uint32_t count, std::uint32_t unit, Wanted wanted, HugePages pages,
                        OsStatus& status) {
  const auto fits = [&](const Superslab* s) {
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
    }
    return false;
  };
  status = OsStatus::kOk;
  for (std::uint32_t ordinal = 1; ordinal < arena_count_; ++ordinal) {
    Arena& arena = arenas_[ordinal];
    const int first = arena.find_spare(count, unit, fits);
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
                                   HugePages pages, OsStatus& status) {
  for (;;) {
    Superslab* head = claim(count, unit, wanted, pages, status);
    if (head != nullptr || status != OsStatus::kOk) return head;
    if (reserve_piece(count)) continue;
    status = OsStatus::kNoMemory;
    return nullptr;
  }
}

void Space::set_spare(const Superslab* head, std::uint32_t count) {
  arenas_[head->index / kSuperslabsPerArena].set_spare(head->index % kSuperslabsPerArena, count,
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
  taken.head = claim(count, 1, Wanted::kBacked, backing.pages, taken.status);
  if (taken.head != nullptr) return taken;

  const std::uint32_t unit = superslabs_per_page(backing.pages);
  const auto claimed = static_cast<std::uint32_t>(align_up(count, unit));
  // Explicit huge pages replace the mapping, which is safe only where no view can exist yet.
  Superslab* head = claim_or_reserve(claimed, unit, Wanted::kFresh, backing.pages, taken.status);
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

TakenRun Space::take_plain(std::uint32_t count, ByteCount bytes, Backing backing) {
  TakenRun taken;
  Superslab* head = claim_or_reserve(count, 1, Wanted::kFreshOrBacked, backing.pages, taken.status);
  // The advice that memory was committed with stays; the wrong one beats no memory.
  if (head == nullptr) head = claim(count, 1, Wanted::kPlain, backing.pages, taken.status);
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

TakenRun Space::take(std::uint32_t count, ByteCount bytes, Backing backing) {
  TakenRun taken;
  if (count == 0 || count > kSuperslabsPerArena) {
    taken.status = OsStatus::kNoMemory;
    return taken;
  }
  LockGuard guard(lock_);
  bool fell_back = false;
  bool fell_back_to_smaller = false;
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
  if (taken.head == nullptr) taken = take_plain(count, bytes, backing);
  taken.fell_back = fell_back || fell_back_to_smaller;
  if (taken.head != nullptr) taken.head->run = count;
  return taken;
}

void Space::give(Superslab* head) {
  LockGuard guard(lock_);
  const std::uint32_t count = head->run;
  for (std::uint32_t i = 0; i < count; ++i) {
    head[i].use.store(SuperslabUse::kSpare, std::memory_order_relaxed);
    head[i].heap = nullptr;
  }
  set_spare(head, count);
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
