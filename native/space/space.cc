// The tables of a space, its addresses, and what they say of an address.
#include "space/space.h"

#include <algorithm>
#include <cassert>
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
constexpr std::uint32_t kMaxAhead = kGiB / kSuperslabBytes;

/// Ranges of addresses that are tried before there is no space.
constexpr std::size_t kMaxRanges = 4;

}  // namespace

// Nobody else has the space yet.
bool Space::open(Os& os, std::uint32_t arenas) {
  os_ = &os;
  arenas = std::min(arenas, kMaxArenas - kFirstOrdinal);
  // Where the system hands addresses out, a mapping of somebody else's may lie at a range's start.
  // Its mark keeps such a range from being chosen again.
  OsRange refused[kMaxRanges];
  std::size_t tried = 0;
  OsStatus status = OsStatus::kTaken;
  while (status == OsStatus::kTaken && tried < kMaxRanges) {
    const AddressRange range = choose_range(os, kTablesBytes + arenas * kArenaBytes);
    if (range.base == nullptr) break;
    status = open_range(range, arenas);
    if (range.mark.bytes == 0) break;
    if (status != OsStatus::kOk) refused[tried++] = range.mark;
  }
  for (std::size_t i = 0; i < tried; ++i) os.unreserve(refused[i].address, refused[i].bytes);
  return status == OsStatus::kOk;
}

/// What fails leaves nothing but the range's mark.
OsStatus Space::open_range(const AddressRange& range,
                           std::uint32_t arenas) NO_THREAD_SAFETY_ANALYSIS {
  range_ = range;
  ordinal_limit_ = kFirstOrdinal + arenas;
  base_ = address_of(range.base) + kTablesBytes;
  std::byte* at = range.base;
  for_each_table([&at](auto& table, std::size_t entries) {
    table.place(at, kSuperslabsPerArena * entries);
    at += kMaxSuperslabs * entries * sizeof(table[0]);
  });
  // Whoever has a space can take one superslab at least.
  OsStatus status = grow_tables(kFirstOrdinal * kSuperslabsPerArena + 1);
  if (status == OsStatus::kOk && !reserve_room(1, 1, Wanted::kFresh, {}))
    status = OsStatus::kNoMemory;
  if (status == OsStatus::kOk) return status;
  range_.mark = {};
  close();
  return status;
}

// Nobody else has the space any more.
void Space::close() NO_THREAD_SAFETY_ANALYSIS {
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

/// Reserves what is open of a span, with as much behind it as can be had of `ahead`. True when
/// there is more than there was, or it is known that there cannot be, so that another look is worth
/// it.
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

/// Reserves addresses for such a span. False when there are none.
bool Space::reserve_room(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                         const Backing& backing) {
  const auto reserved = static_cast<std::uint32_t>(reserved_bytes() / kSuperslabBytes);
  const std::uint32_t ahead = std::min(reserved / kAheadPart, kMaxAhead);
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
  assert(place.memory != nullptr && place.id != 0 && place.id <= kMaxOwnerId);
  LockGuard guard(lock_);
  auto* const free = new (place.memory) FreePlace{free_places_, place.id};
  in_program_order();
  free_places_ = free;
}

void Space::route_slices(const void* start, unsigned count, Route route) {
  const std::size_t first = slice_of(start);
  assert(first != kNoSlice && count != 0 && count <= kSlicesPerSuperslab);
  for (unsigned i = 0; i < count; ++i)
    std::atomic_ref<Route>(routes_[first + i]).store(route, std::memory_order_relaxed);
}

void Space::tag_slices(const Superslab& s, unsigned slice, unsigned count, SliceTag tag) {
  assert(count != 0 && slice + count <= kSlicesPerSuperslab);
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
