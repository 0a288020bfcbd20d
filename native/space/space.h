// The process's address space as superslab sees it: arenas, and which superslabs are spare.
//
//   pointer >> 32            -> arena ordinal  (flat table over 47 bits)
//   ordinal, (pointer >> 16) -> slice          (class tag, distance to its slab's first slice,
//   route) slice                    -> Slab
//
// Two loads find a block's class, and reject a pointer that is not ours. A space that lies in one
// region needs only the second: see Space::region().
#pragma once

#include <atomic>
#include <cstdint>

#include "base/bits.h"
#include "base/lock.h"
#include "base/types.h"
#include "os/os.h"
#include "space/arena.h"
#include "space/metadata.h"

namespace superslab {

/// 256 GiB less one arena: what 32-bit block numbers of 64-byte granules span. Ordinal 0 is left
/// out, so that zero-filled tables mean "no arena" and block number 0 names nothing.
constexpr std::uint32_t kMaxArenas = 64;
constexpr std::size_t kMaxSuperslabs = kMaxArenas * kSuperslabsPerArena;

/// What a slice holds, for a reader who has only an address. Any other value is the ClassIndex of
/// the slab. Zero-filled memory must mean "nothing", so classes are stored plus one.
using SliceTag = std::uint8_t;
constexpr SliceTag kTagNone = 0;      // in no block
constexpr SliceTag kTagLarge = 0xff;  // first slice of a large block
constexpr SliceTag tag_of(ClassIndex c) { return static_cast<SliceTag>(to_index(c) + 1); }

/// Where a block of a slice goes when it is freed: the id of the owner of its slab and its class,
/// or kNoRoute. One load tells a thread whether a block is its own and which class it has.
using Route = std::uint32_t;
constexpr Route kNoRoute = 0;
constexpr unsigned kRouteClassBits = 8;

/// Identifies the owner of a slab: 1 to kMaxOwnerId, never used twice in a process.
using OwnerId = std::uint32_t;
constexpr OwnerId kMaxOwnerId = (1u << (32 - kRouteClassBits)) - 1;

/// With a class added, the route of that owner's blocks.
constexpr Route route_of(OwnerId owner) { return owner << kRouteClassBits; }

/// The addresses of a space that was opened in one range. Slice i of it is at base + i * 64 KiB.
struct Region {
  std::uintptr_t base = 0;
  std::size_t slices = 0;  // 0: the space does not lie in one region
  const Route* routes = nullptr;
};

/// Who gets at the memory of a superslab.
enum class Access : std::uint8_t {
  kViews,     // JavaScript too: its views stay, and may be used after the memory was given back
  kPointers,  // only code that is trusted to forget what it freed
};

/// How a superslab is to be committed.
struct Backing {
  HugePages pages = HugePages::kOff;
  Placement placement = {};
  Access access = Access::kViews;
  Secrecy secrecy = Secrecy::kNone;
  /// Most of the last superslab that may ever have been committed. What is behind it cannot be
  /// touched and no view of it exists, so that it stays a guard for as long as the run is taken.
  ByteCount tail_bytes = kSuperslabBytes;
};

struct TakenRun {
  Superslab* head = nullptr;  // nullptr: nothing taken, `status` says why
  OsStatus status = OsStatus::kOk;
  bool fell_back = false;            // explicit huge pages were asked for and smaller ones came
  Secrecy refused = Secrecy::kNone;  // of what the backing asked for
  bool is_zero = true;  // false: some of it was given by give_idle() and holds what it held
};

class Space {
 public:
  Space() : lock_(LockRank::kSpace) {}
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  /// Must succeed before anything else. False without address space for the tables.
  /// `region_arenas` > 0: never takes an address outside one region of this many arenas, which it
  /// reserves at once, or piece by piece where the process may not have so many addresses. 0:
  /// reserves arenas as they are needed, wherever they come to lie.
  bool open(Os& os, std::uint32_t region_arenas = 0);

  const Region& region() const { return region_; }

  /// Unmaps everything. Only for tests.
  void close();

  /// A run of `count` neighbouring superslabs of one arena, the first `bytes` of it committed. Its
  /// memory reads as zero unless TakenRun::is_zero says otherwise. `unit`: it starts at a multiple
  /// of this many superslabs. Any thread.
  TakenRun take(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit = 1);

  /// Takes back a run whose memory was purged, and ends its secrecy. Answers what the operating
  /// system refused to end: such superslabs serve only backings that ask for it too. Any thread.
  /// Like take(), it asks for secrecy with no lock of the space held: locking and unlocking a GiB
  /// takes the kernel long.
  Secrecy give(Superslab* head);

  /// Takes back the part of a run from its superslab `from` on, with its memory, for whoever needs
  /// superslabs next; purge_idle() gives the memory back. Any thread.
  void give_idle(Superslab* head, std::uint32_t from, Nanos now);

  /// Makes the run that starts at `head` `count` superslabs long, if those behind it are spare.
  /// What was added reads as zero if `is_zero`. Any thread.
  bool extend(Superslab* head, std::uint32_t count, bool& is_zero);

  /// Gives the memory of superslabs that have been idle since `before` back to the operating
  /// system, until it was `most` bytes or more; returns how many bytes. Any thread.
  ByteCount purge_idle(Nanos before, ByteCount most = ~ByteCount{0});

  /// Whether take() would find such a run whose memory was not given back. Any thread.
  bool has_idle_run(std::uint32_t count, std::uint32_t unit);

  /// Memory of spare superslabs that was not given back.
  ByteCount idle_bytes() const {
    return ByteCount{idle_superslabs_.load(std::memory_order_relaxed)} * kSuperslabBytes;
  }

  /// The entry of a superslab that was taken at least once.
  Superslab& superslab(SuperslabIndex index) const {
    return directories_[index / kSuperslabsPerArena]->superslabs[index % kSuperslabsPerArena];
  }

  /// True when `p` lies in an arena.
  bool contains(const void* p) const { return ordinal_of(p) != kNoArena; }

  /// The superslab entry for an address inside a taken superslab.
  Superslab& superslab_of(const void* p) const {
    return superslab(
        static_cast<SuperslabIndex>(global_slice(ordinal_of(p), p) / kSlicesPerSuperslab));
  }

  /// What the slice at `p` holds; kTagNone for an address that is not ours.
  SliceTag tag_at(const void* p) const {
    const std::uint8_t ordinal = ordinal_of(p);
    return ordinal == kNoArena ? kTagNone : tags_[global_slice(ordinal, p)];
  }

  /// The slab that holds `p`; tag_at(p) must be a class.
  Slab* slab_of(const void* p) const {
    const std::uint8_t ordinal = ordinal_of(p);
    const std::size_t slice = global_slice(ordinal, p);
    return &directories_[ordinal]->slabs[(slice - distances_[slice]) % kSlicesPerArena];
  }

  /// The slab entry that belongs to slice `slice` of `s`.
  Slab* slab_at(const Superslab& s, unsigned slice) const {
    const std::size_t global = std::size_t{s.index} * kSlicesPerSuperslab + slice;
    return &directories_[s.index / kSuperslabsPerArena]->slabs[global % kSlicesPerArena];
  }

  /// The out-of-line words of that slab.
  std::uint64_t* words_at(const Superslab& s, unsigned slice) const {
    const std::size_t global = std::size_t{s.index} * kSlicesPerSuperslab + slice;
    return directories_[s.index / kSuperslabsPerArena]->words[global % kSlicesPerArena];
  }

  /// Tags `count` slices from `slice` on. Written by the heap that holds `s`, read by anybody who
  /// has a block in them.
  void tag_slices(const Superslab& s, unsigned slice, unsigned count, SliceTag tag);

  /// Sets where blocks of the slab that starts at `start` go. Written by who owns the slab; a
  /// reader that is not the owner sees the old value or the new one, and neither is its own.
  void route_slices(const void* start, unsigned count, Route route);

  /// Where the block at `p` goes; kNoRoute for an address that is not ours.
  Route route_at(const void* p) const {
    const std::uint8_t ordinal = ordinal_of(p);
    if (ordinal == kNoArena) return kNoRoute;
    return std::atomic_ref<Route>(routes_[global_slice(ordinal, p)])
        .load(std::memory_order_relaxed);
  }

  /// An id that no owner had before; 0 when there are no more.
  OwnerId next_owner_id() {
    const OwnerId id = owner_ids_.fetch_add(1, std::memory_order_relaxed) + 1;
    return id <= kMaxOwnerId ? id : 0;
  }

  /// Tags by global slice number (superslab index x 32 + slice): JavaScript reads this table.
  const SliceTag* tags() const { return tags_; }

  /// Sets bit i of `out`, kMaxSuperslabs bits, if superslab i was ever taken, and so has an entry,
  /// and clears it otherwise. Any thread.
  void list_entries(std::uint64_t* out);

  /// Every superslab that was ever taken has an index below this.
  SuperslabIndex index_limit() const { return index_limit_.load(std::memory_order_acquire); }

  /// Arenas in use.
  std::uint32_t arena_count() {
    LockGuard guard(lock_);
    return arena_count_ - 1;
  }

  ByteCount reserved_bytes() const { return reserved_.load(std::memory_order_relaxed); }

  Os& os() const { return *os_; }

  /// In the child of a fork: who held one of its locks. What a vanished thread was about to take or
  /// to give stays out; everything else is whole.
  Holder survive_fork();

  /// Calls visit(Superslab&) for each that was ever taken. Only where no thread can take one.
  template <class Visit>
  void for_each_entry(Visit visit) {
    for (SuperslabIndex i = kSuperslabsPerArena; i < index_limit(); ++i) {
      const Arena* arena = arenas_[i / kSuperslabsPerArena];
      if (arena != nullptr && arena->is_ready(i % kSuperslabsPerArena)) visit(superslab(i));
    }
  }

  /// For objects of the heaps in this space.
  Metadata& metadata() { return metadata_; }

 private:
  // Ordinals start at 1, so that a zero-filled table holds no arena. Slot 0 stays empty.
  static constexpr std::uint8_t kNoArena = 0;
  static constexpr std::size_t kWindows = std::size_t{1} << (47 - kArenaShift);

  /// A reservation, remembered so that tests can give it back.
  struct Piece {
    std::byte* base;
    ByteCount bytes;
  };
  static constexpr std::uint32_t kMaxPieces = 512;

  std::uint8_t ordinal_of(const void* p) const {
    const std::uintptr_t window = address_of(p) >> kArenaShift;
    return window < kWindows ? ordinals_[window] : kNoArena;
  }
  static std::size_t global_slice(std::uint8_t ordinal, const void* p) {
    return std::size_t{ordinal} * kSlicesPerArena +
           ((address_of(p) >> kSliceShift) % kSlicesPerArena);
  }

  /// What the superslabs of a run may have behind them.
  enum class Wanted : std::uint8_t {
    kFresh,          // nothing yet
    kBacked,         // pages of the kind that is asked for
    kFreshOrBacked,  // either
    kPlain,          // anything but explicit huge pages, which are for those who ask
    kIdle,           // memory that is there already, but no explicit huge pages
  };

  TakenRun take_any(std::uint32_t count, ByteCount bytes, Backing& backing, std::uint32_t unit);

  // All under the lock. A claimed run is not spare. claim() answers nullptr and kOk when there is
  // no such run, claim_or_reserve() reserves addresses for it.
  Superslab* claim(std::uint32_t count, std::uint32_t unit, Wanted wanted, const Backing& backing,
                   OsStatus& status);
  Superslab* claim_or_reserve(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                              const Backing& backing, OsStatus& status);
  bool reserve_piece(std::uint32_t least);
  bool reserve_region(std::uint32_t arenas);
  bool open_next_of_region();
  bool reserve_more_of_region(std::uint32_t least);
  bool keep_piece(std::byte* base, ByteCount bytes);
  bool add_piece(std::byte* base, ByteCount bytes);
  void set_spare(const Superslab* head, std::uint32_t count);
  /// Whether none of them was idle.
  bool leave_idle(Superslab* first, std::uint32_t count);
  OsStatus commit_plain(Superslab* head, ByteCount bytes, HugePages pages);
  TakenRun take_explicit(std::uint32_t count, Backing backing);
  TakenRun take_plain(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit);

  Os* os_ = nullptr;
  Metadata metadata_;
  SliceTag* tags_ = nullptr;           // kMaxArenas x kSlicesPerArena
  std::uint8_t* distances_ = nullptr;  // slices back to the slab's first one
  std::uint8_t* ordinals_ = nullptr;   // kWindows
  Route* routes_ = nullptr;            // kMaxArenas x kSlicesPerArena
  Region region_;
  std::byte* region_next_ = nullptr;  // of a region reserved whole: first window that is no arena
  Directory* directories_[kMaxArenas] = {};
  Arena* arenas_[kMaxArenas] = {};
  Piece* pieces_ = nullptr;        // kMaxPieces
  std::uint32_t arena_count_ = 1;  // ordinals in use, slot 0 included
  std::uint32_t piece_count_ = 0;
  std::atomic<SuperslabIndex> index_limit_{0};
  std::atomic<ByteCount> reserved_{0};
  std::atomic<OwnerId> owner_ids_{0};
  std::atomic<std::uint32_t> idle_superslabs_{0};
  Mutex lock_;
};

}  // namespace superslab
