// The process's address space as superslab sees it: superslabs numbered by their place in one range
// of addresses, and which of them are spare.
//
//   (pointer - base of the range) >> 16 -> slice (class tag, distance to its slab's first slice,
//   route) slice                        -> Slab
//
// One load finds a block's class, and rejects a pointer that is not ours. The range is chosen, not
// reserved: the heap's addresses and the tables over them are reserved as it grows.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/bits.h"
#include "base/lock.h"
#include "base/types.h"
#include "os/os.h"
#include "space/address_range.h"
#include "space/arena.h"
#include "space/metadata.h"
#include "space/slab.h"
#include "space/superslab.h"
#include "space/table.h"

namespace superslab {

constexpr std::size_t kSlicesPerArena = kArenaBytes / kSliceBytes;

/// 256 GiB less one arena: what 32-bit block numbers of 64-byte granules span. Ordinal 0 is left
/// out, so that zero-filled tables mean "no arena" and block number 0 names nothing.
constexpr std::uint32_t kMaxArenas = 64;
constexpr std::uint32_t kFirstOrdinal = 1;
constexpr std::size_t kMaxSuperslabs = kMaxArenas * kSuperslabsPerArena;

/// What a slice holds, for a reader who has only an address. Any other value is the ClassIndex of
/// the slab. Zero-filled memory must mean "nothing", so classes are stored plus one.
using SliceTag = std::uint8_t;
constexpr SliceTag kTagNone = 0;     // in no block
constexpr SliceTag kTagHuge = 0xff;  // first slice of a huge block
constexpr SliceTag tag_of(ClassIndex c) { return static_cast<SliceTag>(to_index(c) + 1); }
static_assert(kClassSlots < kTagHuge, "a tag names any class");
/// Of a tag that is a class's.
constexpr ClassIndex class_of_tag(SliceTag tag) { return static_cast<ClassIndex>(tag - 1); }

/// Where a block of a slice goes when it is freed: the id of the owner of its slab and its class,
/// or kNoRoute. One load tells a thread whether a block is its own and which class it has.
using Route = std::uint32_t;
constexpr Route kNoRoute = 0;
constexpr unsigned kRouteClassBits = 8;
static_assert(kClassSlots <= 1u << kRouteClassBits, "a route names any class");

/// Identifies the owner of a slab: 1 to kMaxOwnerId. No two owners have the same at a time.
using OwnerId = std::uint32_t;
constexpr OwnerId kMaxOwnerId = (1u << (32 - kRouteClassBits)) - 1;

/// The route of that owner's blocks; without a class, what the routes of all its blocks begin with.
constexpr Route route_of(OwnerId owner, ClassIndex c = {}) {
  return owner << kRouteClassBits | static_cast<Route>(to_index(c));
}
constexpr ClassIndex class_of_route(Route route) {
  return static_cast<ClassIndex>(route % (1u << kRouteClassBits));
}

/// The addresses of a space. Slice i is at base + i * 64 KiB.
struct Region {
  std::uintptr_t base = 0;
  std::size_t slices = 0;  // those that have a route so far; they become more
  const Route* routes = nullptr;
};

/// Out-of-line words for one slice: as many as 16-byte blocks need, for both word arrays.
constexpr std::size_t kWordsPerSlice = 2 * kMaxWords;
using SliceWords = std::uint64_t[kWordsPerSlice];
constexpr ByteCount kWordsBytesPerSuperslab = kSlicesPerSuperslab * sizeof(SliceWords);

/// Where an owner of slabs lies, and its id.
struct OwnerPlace {
  void* memory = nullptr;  // nullptr: there is no more of one or the other
  OwnerId id = 0;
};

/// Who gets at the memory of a superslab.
enum class Access : std::uint8_t {
  kViews,     // JavaScript too: its views stay, and may be used after the memory was given back
  kPointers,  // only code that is trusted to forget what it freed
};

/// How a superslab is to be committed.
struct Backing {
  HugePages pages = HugePages::kOff;
  NodePlacement node_placement = {};
  Access access = Access::kViews;
  Secrecy secrecy = Secrecy::kNone;
  /// Most of the last superslab that may ever have been committed. What is behind it cannot be
  /// touched and no view of it exists, so that it stays a guard for as long as the span is taken.
  ByteCount tail_bytes = kSuperslabBytes;
};

struct TakenSpan {
  Superslab* head = nullptr;  // nullptr: nothing taken, `status` says why
  OsStatus status = OsStatus::kOk;
  bool fell_back = false;            // explicit huge pages were asked for and smaller ones came
  Secrecy refused = Secrecy::kNone;  // of what the backing asked for
  bool is_zero = true;  // false: some of it was given by give_idle() and holds what it held
};

class Space {
 public:
  /// `owner_ids`: ids that are used up already. Only tests have another number than 0.
  explicit Space(OwnerId owner_ids = 0) : owner_ids_(owner_ids) {}
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  /// Must succeed before anything else. False without address space. `arenas`: how far it may grow.
  bool open(Os& os, std::uint32_t arenas = kMaxArenas - 1);

  /// As it is now. A copy serves for as long as it is only used to tell what belongs to whom and an
  /// address beyond its slices is looked up anew.
  Region region() const { return {base_, slices(), routes_.entries() + kFirstSlice}; }
  std::size_t slices() const {
    return (std::size_t{index_limit()} - kSuperslabsPerArena) * kSlicesPerSuperslab;
  }

  /// Unmaps everything. Only for tests.
  void close();

  /// A span of `count` neighbouring superslabs of one arena, the first `bytes` of it committed. Its
  /// memory reads as zero unless TakenSpan::is_zero says otherwise. `unit`: it starts at a multiple
  /// of this many superslabs. Any thread.
  TakenSpan take(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit = 1);

  /// The same of plain pages that give_idle() gave and that have not gone back, all of it
  /// committed; nothing when there is no such span. Any thread.
  TakenSpan take_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit = 1);

  /// Takes back a span whose memory was purged, and ends its secrecy. Returns what the operating
  /// system refused to end: such superslabs serve only backings that ask for it too. Any thread.
  /// Like take(), it asks for secrecy with no lock of the space held: locking and unlocking a GiB
  /// takes the kernel long.
  Secrecy give(Superslab* head);

  /// Takes back the part of a span from its superslab `from` on, with its memory, for whoever needs
  /// superslabs next; purge_idle() gives the memory back. Any thread.
  void give_idle(Superslab* head, std::uint32_t from, Nanos now);

  /// Makes the span that starts at `head` `count` superslabs long, if those behind it are spare.
  /// What was added reads as zero if `is_zero`. Any thread.
  bool extend(Superslab* head, std::uint32_t count, bool& is_zero);

  /// Gives the memory of superslabs that have been idle since `before` back to the operating
  /// system, until it was `max_bytes` or more; returns how many bytes. Any thread.
  ByteCount purge_idle(Nanos before, ByteCount max_bytes = ~ByteCount{0});

  /// Whether a superslab lies idle: its memory was given with it and has not gone back. Any thread,
  /// for a look.
  bool is_idle(const Superslab& s) const { return arena_of(s).is_idle(place_of(s)); }

  /// Memory of spare superslabs that was not given back.
  ByteCount idle_bytes() const {
    return ByteCount{idle_superslabs_.load(std::memory_order_relaxed)} * kSuperslabBytes;
  }

  /// Memory that the heaps of this space have and did not give back, wherever it lies, as far as
  /// they know; idle_bytes() are not in it.
  ByteCount resident_bytes() const {
    const std::int64_t bytes = resident_.load(std::memory_order_relaxed);
    return bytes > 0 ? static_cast<ByteCount>(bytes) : 0;
  }
  void note_resident(std::int64_t change) {
    resident_.fetch_add(change, std::memory_order_relaxed);
  }

  /// The entry of a superslab that was taken at least once.
  Superslab& superslab(SuperslabIndex index) const { return superslabs_[index]; }

  /// True when `p` lies in a superslab that was taken at least once.
  bool contains(const void* p) const {
    const std::size_t slice = slice_of(p);
    return slice != kNoSlice && has_entry(static_cast<SuperslabIndex>(slice / kSlicesPerSuperslab));
  }

  /// True for an address at which nothing but the space's own memory can lie: one of its range, and
  /// no mapping of somebody else's in the midst of it. Costs a system call or two. Any thread.
  bool is_nobody_elses(const void* p);

  /// Whether some of [from, to) may be the space's.
  bool overlaps(std::uintptr_t from, std::uintptr_t to) const {
    return from < base_ + slices() * kSliceBytes && to > base_;
  }

  /// The superslab entry for an address inside a taken superslab.
  Superslab& superslab_of(const void* p) const {
    return superslabs_[slice_of(p) / kSlicesPerSuperslab];
  }

  /// What the slice at `p` holds; kTagNone for an address that is not ours.
  SliceTag tag_at(const void* p) const {
    const std::size_t slice = slice_of(p);
    return slice == kNoSlice ? kTagNone : tags_[slice];
  }

  /// The slab that holds `p`; tag_at(p) must be a class.
  Slab* slab_of(const void* p) const {
    const std::size_t slice = slice_of(p);
    return &slabs_[slice - distances_[slice]];
  }

  /// The slab entry that belongs to slice `slice` of `s`.
  Slab* slab_at(const Superslab& s, unsigned slice) const {
    return &slabs_[std::size_t{s.index} * kSlicesPerSuperslab + slice];
  }

  /// The out-of-line words of that slab.
  std::uint64_t* words_at(const Superslab& s, unsigned slice) const {
    return words_[std::size_t{s.index} * kSlicesPerSuperslab + slice];
  }

  /// Tags `count` slices from `slice` on. Written by the heap that holds `s`, read by anybody who
  /// has a block in them.
  void tag_slices(const Superslab& s, unsigned slice, unsigned count, SliceTag tag);

  /// Sets where blocks of the slab that starts at `start` go. Written by who owns the slab; a
  /// reader that is not the owner sees the old value or the new one, and neither is its own.
  void route_slices(const void* start, unsigned count, Route route);

  /// Where the block at `p` goes; kNoRoute for an address that is not ours.
  Route route_at(const void* p) const {
    const std::size_t slice = slice_of(p);
    if (slice == kNoSlice) return kNoRoute;
    return std::atomic_ref<Route>(routes_[slice]).load(std::memory_order_relaxed);
  }

  /// A place for an owner of slabs, `bytes` long, with an id that no other owner has. One process
  /// has one kind of owner: `bytes` is always the same. Any thread.
  OwnerPlace take_owner_place(ByteCount bytes, ByteCount alignment);

  /// Its owner is gone, and no slice's route names it any more. The id stays with the memory, so
  /// that it cannot get lost for want of memory to note it in. Any thread.
  void give_owner_place(OwnerPlace place);

  /// Whether superslab `index`, of any value, was taken at least once. Any thread.
  bool has_entry(SuperslabIndex index) const {
    return index - kSuperslabsPerArena < index_limit() - kSuperslabsPerArena &&
           arenas_[index / kSuperslabsPerArena]->is_ready(index % kSuperslabsPerArena);
  }

  /// The tag of the slice with this global number (superslab index x 32 + slice), of any value.
  SliceTag tag_of_slice(std::size_t slice) const {
    return slice - kFirstSlice < slices() ? tags_[slice] : kTagNone;
  }

  /// Tags by global slice number, of superslabs that were taken at least once.
  const SliceTag* tags() const { return tags_.entries(); }

  /// Sets bit i of `out`, kMaxSuperslabs bits, if superslab i was ever taken, and so has an entry,
  /// and clears it otherwise. Any thread.
  void list_entries(std::uint64_t* out);

  /// Every superslab that was ever taken has an index below this.
  SuperslabIndex index_limit() const { return index_limit_.load(std::memory_order_acquire); }

  /// Arenas in use.
  std::uint32_t arena_count() {
    LockGuard guard(lock_);
    std::uint32_t count = 0;
    for (const Arena* arena : arenas_) count += arena != nullptr;
    return count;
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
  static constexpr std::size_t kNoSlice = ~std::size_t{0};
  static constexpr std::size_t kFirstSlice = kSlicesPerArena;

  /// Number of the slice at `p`; kNoSlice for an address beyond what was ever taken.
  std::size_t slice_of(const void* p) const {
    const std::size_t slice = (address_of(p) - base_) >> kSliceShift;
    return slice < slices() ? slice + kFirstSlice : kNoSlice;
  }

  /// What the superslabs of a span may have behind them.
  enum class Wanted : std::uint8_t {
    kFresh,          // nothing yet
    kBacked,         // pages of the kind that is asked for
    kFreshOrBacked,  // either
    kPlain,          // anything but explicit huge pages, which are for those who ask
    kIdle,           // memory that is there already, but no explicit huge pages
    kWhole,          // committed from end to end, but not with explicit huge pages
  };

  TakenSpan take_any(std::uint32_t count, ByteCount bytes, Backing& backing, std::uint32_t unit);

  struct PurgeBatch;
  void collect_idle(PurgeBatch& batch, Nanos before, ByteCount max);

  static Spare spare_for(Wanted wanted, const Backing& backing);
  static bool fits(const Superslab* s, Wanted wanted, const Backing& backing);
  static bool fits_last(const Superslab* s, Wanted wanted, const Backing& backing);

  // A claimed span is not spare. claim() returns nullptr when there is no such span,
  // claim_or_reserve() reserves addresses for it.
  Superslab* claim(std::uint32_t count, std::uint32_t unit, Wanted wanted, const Backing& backing)
      REQUIRES(lock_);
  Superslab* claim_or_reserve(std::uint32_t count, std::uint32_t unit, Wanted wanted,
                              const Backing& backing) REQUIRES(lock_);
  OsStatus open_range(const AddressRange& range, std::uint32_t arenas);
  bool reserve_room(std::uint32_t count, std::uint32_t unit, Wanted wanted, const Backing& backing)
      REQUIRES(lock_);
  bool reserve(Arena& arena, std::uint32_t first, std::uint32_t count, std::uint32_t ahead)
      REQUIRES(lock_);
  OsStatus grow_tables(SuperslabIndex end) REQUIRES(lock_);
  /// Calls visit(table, entries of a superslab) for each.
  template <class Visit>
  void for_each_table(Visit visit) {
    visit(routes_, kSlicesPerSuperslab);
    visit(tags_, kSlicesPerSuperslab);
    visit(distances_, kSlicesPerSuperslab);
    visit(superslabs_, std::size_t{1});
    visit(slabs_, kSlicesPerSuperslab);
    visit(words_, kSlicesPerSuperslab);
  }
  void make_ready(const Arena& arena, std::uint32_t first, std::uint32_t count) REQUIRES(lock_);
  Arena* arena_at(std::uint32_t ordinal) REQUIRES(lock_);
  SuperslabIndex index_of(const Arena& arena, std::uint32_t i) const {
    return static_cast<SuperslabIndex>(kSuperslabsPerArena +
                                       ((address_of(arena.base()) - base_) >> kSuperslabShift) + i);
  }
  /// Its entry, or nullptr if it was never taken.
  const Superslab* entry_of(const Arena& arena, std::uint32_t i) const {
    return arena.is_ready(i) ? &superslabs_[index_of(arena, i)] : nullptr;
  }
  /// Its arena, and where in it it lies.
  Arena& arena_of(const Superslab& s) const { return *arenas_[s.index / kSuperslabsPerArena]; }
  static std::uint32_t place_of(const Superslab& s) { return s.index % kSuperslabsPerArena; }
  void set_spare(const Superslab* head, std::uint32_t count) REQUIRES(lock_);
  void join_idle(const Superslab* first, std::uint32_t count) REQUIRES(lock_);
  /// Whether none of them was idle.
  bool leave_idle(const Superslab* first, std::uint32_t count) REQUIRES(lock_);
  OsStatus commit_plain(Superslab* head, ByteCount bytes, HugePages pages);
  TakenSpan take_explicit(std::uint32_t count, Backing backing) REQUIRES(lock_);
  TakenSpan take_plain(std::uint32_t count, ByteCount bytes, Backing backing, std::uint32_t unit)
      REQUIRES(lock_);
  TakenSpan claim_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit);
  TakenSpan commit_and_place(Superslab* head, std::uint32_t count, ByteCount bytes,
                             const Backing& backing, std::uint32_t unit) REQUIRES(lock_);
  void hand_out(TakenSpan& taken, std::uint32_t count, const Backing& backing) REQUIRES(lock_);
  void protect(TakenSpan& taken, std::uint32_t count, ByteCount bytes, const Backing& backing);

  Os* os_ = nullptr;
  Metadata metadata_;
  AddressRange range_;
  std::uintptr_t base_ = 0;        // of the first superslab
  Table<Route> routes_;            // by global slice
  Table<SliceTag> tags_;           // by global slice
  Table<std::uint8_t> distances_;  // by global slice: slices back to the slab's first one
  Table<Superslab> superslabs_;
  Table<Slab> slabs_;                // by global slice
  Table<SliceWords> words_;          // by global slice
  Arena* arenas_[kMaxArenas] = {};   // by ordinal
  std::uint32_t ordinal_limit_ = 0;  // as open() set it
  std::atomic<SuperslabIndex> index_limit_{kSuperslabsPerArena};
  std::atomic<ByteCount> reserved_{0};
  /// Places of owners that are gone.
  struct FreePlace {
    FreePlace* next;
    OwnerId id;
  };
  FreePlace* free_places_ GUARDED_BY(lock_) = nullptr;
  OwnerId owner_ids_ GUARDED_BY(lock_);  // handed out so far
  std::atomic<std::uint32_t> idle_superslabs_{0};
  std::atomic<std::int64_t> resident_{0};
  Mutex lock_{LockRank::kSpace};
};

}  // namespace superslab
