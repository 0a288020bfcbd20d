#include "heap/heap.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include "heap/large.h"
#include "heap/slab_bits.h"

namespace superslab {
namespace {

constexpr ByteCount kFirstPopulateBytes = 16 * kKiB;

ByteCount bytes_of(SliceMask slices) {
  return static_cast<ByteCount>(std::popcount(slices)) * kSliceBytes;
}

/// Makes memory that goes back to the address space read as zero.
void scrub(Os& os, const Superslab& s, ByteCount bytes) {
  const OsRange range{s.base, bytes};
  if (!is_purgeable(s.pages) || os.purge(&range, 1) != OsStatus::kOk) std::memset(s.base, 0, bytes);
}

}  // namespace

/// The heap's lock, with a count of the times it was not free.
class Heap::Lock {
 public:
  explicit Lock(const Heap& heap) : heap_(heap) {
    if (heap.lock_.try_lock()) return;
    heap.counters_.contended.shared_add(1);
    heap.lock_.lock();
  }
  ~Lock() { heap_.lock_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const Heap& heap_;
};

/// Idle memory on its way to the operating system. It is on no list meanwhile, so that the heap's
/// lock is free while the system call runs.
struct Heap::PurgeBatch {
  static constexpr std::size_t kMax = 64;
  enum What : std::uint8_t {
    kSlices,  // the dirty slices of a superslab that has slabs
    kWhole,   // a superslab without slabs
    kLarge,   // a block from the big cache
  };
  struct Item {
    Superslab* superslab;
    SliceMask dirty;
    What what;
    bool failed = false;  // the operating system did not take its memory
    std::size_t first_range = 0;
    std::size_t end_range = 0;
  };
  Item items[kMax];
  std::size_t count = 0;
  ByteCount bytes = 0;
};

struct Heap::Purged {
  bool any = false;  // something changed: look again
  ByteCount bytes = 0;
};

Heap::Heap(Space& space, const Clock& clock, const Snapshot& policy, HeapShape shape)
    : space_(space),
      clock_(clock),
      shape_(shape),
      is_charged_(!shape.is_permanent || policy.max_bytes != 0),
      policy_(policy),
      budget_(policy.max_bytes),
      big_cache_(policy.big_cache_bytes),
      populate_bytes_(kFirstPopulateBytes) {}

Heap::~Heap() {
  // Twice: a slab that was handed over while it was queued is forwarded to its owner's queue, and
  // that owner may have had its turn.
  for (int round = 0; round < 2; ++round) {
    for (SlabOwner* owner = owners_; owner != nullptr; owner = owner->next) owner->retire_unused();
  }
  for (SlabOwner* owner = owners_; owner != nullptr;) {
    SlabOwner* next = owner->next;
    space_.metadata().destroy(owner);
    owner = next;
  }
  owners_ = nullptr;  // trim() looks at the vacant ones
  trim(0);
  // What trim() could not purge.
  while (Superslab* idle = big_cache_.pop_oldest(~Nanos{0})) give_back_idle(idle);
  shelf_.for_each([this](Superslab* s) {
    shelf_.remove(s);
    give_back_unused(s);
  });
  assert(budget_.charged() == 0 && "every block came home");
}

// Owners -------------------------------------------------------------------------------------

SlabOwner* Heap::attach() {
  visitors_.fetch_add(1, std::memory_order_relaxed);
  counters_.threads.shared_add(1);
  {
    Lock guard(*this);
    for (SlabOwner* owner = owners_; owner != nullptr; owner = owner->next) {
      if (!owner->vacant) continue;
      owner->vacant = false;
      vacant_owners_.fetch_sub(1, std::memory_order_relaxed);
      return owner;
    }
  }
  SlabOwner* owner = nullptr;
  if (const OwnerId id = space_.next_owner_id(); id != 0)
    owner = space_.metadata().make<SlabOwner>(space_.os(), *this, id);
  if (owner == nullptr) {
    counters_.threads.shared_sub(1);
    visitors_.fetch_sub(1, std::memory_order_release);
    return nullptr;
  }
  Lock guard(*this);
  owner->next = owners_;
  owners_ = owner;
  return owner;
}

void Heap::detach(SlabOwner* owner) {
  // Its unused slabs stay for the next thread; tick() dissolves them when none comes.
  owner->collect();
  counters_.threads.shared_sub(1);
  {
    Lock guard(*this);
    owner->vacant = true;
    vacant_owners_.fetch_add(1, std::memory_order_relaxed);
  }
  // Last: the heap may end now. Release, as in Visit.
  visitors_.fetch_sub(1, std::memory_order_release);
}

template <class Act>
bool Heap::for_each_vacant(Act act) {
  // One that becomes vacant now is for the next who looks.
  if (vacant_owners_.load(std::memory_order_relaxed) == 0) return false;
  for (SlabOwner* at = nullptr;;) {
    SlabOwner* vacant = nullptr;
    {
      Lock guard(*this);
      vacant = at == nullptr ? owners_ : at->next;
      while (vacant != nullptr && !vacant->vacant) vacant = vacant->next;
      if (vacant == nullptr) return false;
      vacant->vacant = false;
    }
    const bool done = act(*vacant);
    Lock guard(*this);
    vacant->vacant = true;
    if (done) return true;
    at = vacant;
  }
}

bool Heap::inherit_slab(ClassIndex c, SlabOwner& to) {
  return for_each_vacant(
      [&](SlabOwner& vacant) { return vacant.try_collect() && vacant.try_hand_over(c, to); });
}

// Slabs --------------------------------------------------------------------------------------

HugePages Heap::pages_for_slabs(ClassIndex c) const {
  const HugePages pages = policy_.get().huge_pages;
  const bool is_small = to_index(c) < kFirstLargeClass;
  const bool early =
      committed_bytes() < (is_small ? shape_.thp_from_bytes_small : shape_.thp_from_bytes_large);
  return pages == HugePages::kTransparent && early ? HugePages::kOff : pages;
}

HugePages Heap::pages_for_large() const {
  // Of a large block often only a part is touched. Where views are exact, the whole block is.
  const HugePages pages = policy_.get().huge_pages;
  const bool in_parts = shape_.large_reuse == LargeReuse::kParts;
  return pages == HugePages::kTransparent && in_parts ? HugePages::kOff : pages;
}

TakenRun Heap::take_run(std::uint32_t count, ByteCount bytes, HugePages pages, std::uint32_t unit) {
  const bool is_native = shape_.large_reuse == LargeReuse::kParts;
  const Backing backing{pages, policy_.get().numa, is_native ? Access::kPointers : Access::kViews};
  TakenRun taken = space_.take(count, bytes, backing, unit);
  if (taken.head == nullptr) {
    // Under pressure everything idle goes: it may hold the memory, or the addresses.
    while (Superslab* idle = big_cache_.pop_oldest(~Nanos{0})) {
      give_back_idle(idle);
    }
    shelf_.for_each([this](Superslab* s) {
      if (s->free_slices != kAllSlices) return;
      shelf_.remove(s);
      give_back_unused(s);
    });
    taken = space_.take(count, bytes, backing, unit);
  }
  if (taken.fell_back) counters_.huge_fallbacks.add(count);
  if (taken.head == nullptr) {
    counters_.os_failures.add(1);
    return taken;
  }
  counters_.superslabs_taken.add(count);
  for (std::uint32_t i = 0; i < count; ++i) taken.head[i].heap = this;
  return taken;
}

void Heap::give_run(Superslab* head) {
  counters_.superslabs_given.add(head->run);
  space_.tag_slices(*head, 0, 1, kTagNone);
  space_.give(head);
}

void Heap::give_back_idle(Superslab* head) {
  scrub(space_.os(), *head, head->large_bytes);
  committed_.fetch_sub(head->large_bytes, std::memory_order_relaxed);
  give_run(head);
}

void Heap::give_back_unused(Superslab* s) {
  scrub(space_.os(), *s, kSuperslabBytes);
  committed_.fetch_sub(bytes_of(s->dirty_slices), std::memory_order_relaxed);
  give_run(s);
}

bool Heap::bring_in_huge_page(Superslab* s) {
  if (s->pages != HugePages::kTransparent) return s->pages != HugePages::kOff;
  const Populate mode = policy_.get().populate;
  // Its first touch will most likely bring it all.
  if (mode == Populate::kOff) return true;
  counters_.populates.shared_add(1);
  space_.os().populate(s->base, space_.os().page_bytes());
  // One page asked for and the last one there: the kernel gave a huge page.
  return space_.os().is_resident(s->base + kSuperslabBytes - space_.os().page_bytes());
}

Superslab* Heap::fresh_superslab(ClassIndex c) {
  const TakenRun taken = take_run(1, kSuperslabBytes, pages_for_slabs(c));
  Superslab* s = taken.head;
  if (s == nullptr) return nullptr;
  s->use.store(SuperslabUse::kSlabs, std::memory_order_release);
  s->free_slices = kAllSlices;
  s->zero_slices = taken.is_zero ? kAllSlices : 0;
  s->dirty_slices = !taken.is_zero || bring_in_huge_page(s) ? kAllSlices : 0;
  if (s->dirty_slices == 0 && policy_.get().populate == Populate::kSuperslab) {
    counters_.populates.shared_add(1);
    space_.os().populate(s->base, kSuperslabBytes);
    s->dirty_slices = kAllSlices;
  }
  s->idle_since = clock_.now();
  committed_.fetch_add(bytes_of(s->dirty_slices), std::memory_order_relaxed);
  shelf_.insert(s);
  return s;
}

Slab* Heap::make_slab(ClassIndex c, Growth growth) {
  const unsigned slices = size_class(c).slices;
  Lock guard(*this);
  Superslab* s = shelf_.find(slices);
  if (s == nullptr && growth == Growth::kIfNeeded) s = fresh_superslab(c);
  if (s == nullptr) return nullptr;

  shelf_.remove(s);
  // Slices that still hold memory first: they cost no page fault.
  const bool dirty = SuperslabShelf::longest_run(s->dirty_slices) >= slices;
  const unsigned first =
      SuperslabShelf::lowest_run(dirty ? s->dirty_slices : s->free_slices, slices);
  const SliceMask mask = slice_run(first, slices);
  committed_.fetch_add(bytes_of(mask & ~s->dirty_slices), std::memory_order_relaxed);
  const bool is_clean = (s->zero_slices & mask) == mask;
  s->free_slices &= ~mask;
  s->dirty_slices &= ~mask;
  s->zero_slices &= ~mask;
  shelf_.insert(s);
  counters_.slabs_made.add(1);

  Slab* slab = space_.slab_at(*s, first);
  const ByteCount colour = (colour_++ % size_class(c).colours) * size_class(c).colour_bytes;
  slab_init(*slab, c, s->base + first * kSliceBytes + colour, space_.words_at(*s, first));
  slab->is_clean = is_clean;
  if (dirty || policy_.get().populate == Populate::kOff) slab->populated_bytes = kSuperslabBytes;
  space_.tag_slices(*s, first, slices, tag_of(c));
  return slab;
}

void Heap::retire_slab(Slab* slab, Nanos idle_since) {
  assert(slab_is_unused(*slab) && slab_is_valid(*slab));
  Superslab& s = space_.superslab_of(slab->start);
  const auto first = static_cast<unsigned>((slab->start - s.base) >> kSliceShift);
  const SliceMask mask = slice_run(first, slab->slices);
  Lock guard(*this);
  space_.tag_slices(s, first, slab->slices, kTagNone);
  space_.route_slices(slab->start, slab->slices, kNoRoute);
  slab->slices = 0;
  shelf_.remove(&s);
  s.free_slices |= mask;
  s.dirty_slices |= mask;
  s.idle_since = idle_since;
  shelf_.insert(&s);
  counters_.slabs_retired.add(1);
}

void Heap::populate(Slab& slab, ByteCount end) {
  const ByteCount page = space_.os().page_bytes();
  const ByteCount batch = populate_bytes_.load(std::memory_order_relaxed);
  const ByteCount slab_bytes = ByteCount{slab.block_count} * slab.block_bytes;
  const ByteCount to = std::min(std::max(end, slab.populated_bytes + batch), slab_bytes);
  std::byte* low = slab.start + slab.populated_bytes;
  low -= address_of(low) % page;
  const ByteCount bytes = align_up(static_cast<ByteCount>(slab.start + to - low), page);
  // A refusal costs nothing but the faults that the first touches take.
  space_.os().populate(low, bytes);
  counters_.populates.shared_add(1);
  slab.populated_bytes = static_cast<std::uint32_t>(to);
  if (batch < kSuperslabBytes) populate_bytes_.store(batch * 2, std::memory_order_relaxed);
}

// Blocks beyond 2 MiB ------------------------------------------------------------------------

Superslab* Heap::make_large(ByteCount bytes, std::uint32_t unit, bool& is_zero) {
  const auto run = static_cast<std::uint32_t>(div_up(bytes, kSuperslabBytes));
  const TakenRun taken = take_run(run, bytes, pages_for_large(), unit);
  Superslab* head = taken.head;
  if (head == nullptr) return nullptr;
  is_zero = taken.is_zero;
  for (std::uint32_t i = 1; i < run; ++i)
    head[i].use.store(SuperslabUse::kLargeTail, std::memory_order_release);
  head->use.store(SuperslabUse::kLargeHead, std::memory_order_release);
  head->large_bytes = bytes;
  space_.tag_slices(*head, 0, 1, kTagLarge);
  committed_.fetch_add(bytes, std::memory_order_relaxed);
  if (policy_.get().populate == Populate::kSuperslab) {
    counters_.populates.shared_add(1);
    space_.os().populate(head->base, bytes);
  }
  return head;
}

Superslab* Heap::take_large(ByteCount bytes, SlabOwner* lessee, ByteCount alignment,
                            bool* is_zero) {
  // Blocks whose superslabs are reused one by one are whole superslabs; what is not touched of the
  // last one costs addresses, not memory.
  const ByteCount rounded = shape_.large_reuse == LargeReuse::kParts
                                ? align_up(bytes, kSuperslabBytes)
                                : large_block_bytes(bytes, pages_for_large());
  if (charge(rounded, 1) == 0) return nullptr;
  bool zero = false;
  Lock guard(*this);
  Superslab* head = alignment > kSuperslabBytes ? nullptr : big_cache_.take(rounded);
  if (head != nullptr) {
    counters_.large_hits.add(1);
  } else {
    head = make_large(rounded, static_cast<std::uint32_t>(alignment / kSuperslabBytes), zero);
    if (head == nullptr) {
      discharge(rounded);
      return nullptr;
    }
    (zero ? counters_.large_misses : counters_.large_hits).add(1);
  }
  // The request is charged for its own size, though a cached block may be up to a quarter larger.
  head->charged_bytes = rounded;
  head->lessee = lessee;
  leased_large_.push(head);
  large_bytes_.fetch_add(head->large_bytes, std::memory_order_relaxed);
  if (is_zero != nullptr) *is_zero = zero;
  return head;
}

bool Heap::resize_large(Superslab* head, ByteCount bytes) {
  if (bytes <= kMaxClassBytes || bytes > kMaxLargeBytes) return false;
  bytes = align_up(bytes, kSuperslabBytes);
  const ByteCount before = head->large_bytes;
  if (bytes == before) return true;
  const auto run = static_cast<std::uint32_t>(bytes / kSuperslabBytes);
  if (bytes < before) {
    space_.give_idle(head, run, clock_.now());
    committed_.fetch_sub(before - bytes, std::memory_order_relaxed);
    large_bytes_.fetch_sub(before - bytes, std::memory_order_relaxed);
    discharge(before - bytes);
  } else {
    bool is_zero;
    if (charge(bytes - before, 1) == 0) return false;
    if (!space_.extend(head, run, is_zero)) {
      discharge(bytes - before);
      return false;
    }
    committed_.fetch_add(bytes - before, std::memory_order_relaxed);
    large_bytes_.fetch_add(bytes - before, std::memory_order_relaxed);
  }
  head->large_bytes = head->charged_bytes = bytes;
  const ByteCount superslabs = (bytes < before ? before - bytes : bytes - before) / kSuperslabBytes;
  Lock guard(*this);
  (bytes < before ? counters_.superslabs_given : counters_.superslabs_taken).add(superslabs);
  return true;
}

void Heap::give_large(Superslab* head) {
  const ByteCount charged = head->charged_bytes;
  bool over = false;
  {
    Lock guard(*this);
    leased_large_.remove(head);
    large_bytes_.fetch_sub(head->large_bytes, std::memory_order_relaxed);
    head->lessee = nullptr;
    counters_.large_releases.add(1);
    if (shape_.large_reuse == LargeReuse::kWhole) {
      big_cache_.put(head, clock_.now());
      over = !big_cache_.within_limit();
    } else {
      committed_.fetch_sub(head->large_bytes, std::memory_order_relaxed);
      counters_.superslabs_given.add(head->run);
      space_.tag_slices(*head, 0, 1, kTagNone);
      space_.give_idle(head, 0, clock_.now());
    }
  }
  discharge(charged);
  if (over) tick();
  note_idle();
}

Superslab* Heap::orphan_large(const SlabOwner* lessee) {
  Lock guard(*this);
  for (Superslab* s = leased_large_.first(); s != nullptr; s = s->next) {
    if (s->lessee != lessee) continue;
    s->lessee = nullptr;
    return s;
  }
  return nullptr;
}

// Giving back --------------------------------------------------------------------------------

void Heap::collect_idle(PurgeBatch& batch, Nanos before, ByteCount target) {
  shelf_.for_each([&](Superslab* s) {
    if (batch.count == PurgeBatch::kMax || s->idle_since > before || !is_purgeable(s->pages))
      return;
    const SliceMask dirty = s->dirty_slices;
    const bool whole = s->free_slices == kAllSlices;
    if (!whole && dirty == 0) return;
    if (dirty != 0 && committed_bytes() <= target + batch.bytes) return;
    shelf_.remove(s);
    batch.bytes += bytes_of(dirty);
    batch.items[batch.count++] = {s, dirty, whole ? PurgeBatch::kWhole : PurgeBatch::kSlices};
    if (whole) return;
    // Out of both masks: neither a new slab nor another purge can have them meanwhile, and the
    // superslab cannot become whole.
    s->free_slices &= ~dirty;
    s->zero_slices &= ~dirty;
    s->dirty_slices = 0;
    shelf_.insert(s);
  });
}

void Heap::purge_items(PurgeBatch& batch) {
  Os& os = space_.os();
  // Neighbouring slices make one range; a superslab has at most 16 separate runs of them.
  OsRange ranges[PurgeBatch::kMax * kSlicesPerSuperslab / 2];
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    const Superslab& s = *item.superslab;
    item.first_range = count;
    if (item.what == PurgeBatch::kLarge) {
      if (is_purgeable(s.pages)) {
        ranges[count++] = {s.base, s.large_bytes};
      } else {
        scrub(os, s, s.large_bytes);
      }
    } else if (item.what == PurgeBatch::kWhole) {
      ranges[count++] = {s.base, kSuperslabBytes};
      // Nobody knows a heap that stays for ever but by its RSS: the slabs' words go as well.
      const ByteCount words = kSlicesPerSuperslab * sizeof(Directory::words[0]);
      if (shape_.is_permanent && words % os.page_bytes() == 0)
        ranges[count++] = {space_.words_at(s, 0), words};
    } else {
      for (SliceMask rest = item.dirty; rest != 0;) {
        const auto first = static_cast<unsigned>(std::countr_zero(rest));
        const auto length = static_cast<unsigned>(std::countr_one(rest >> first));
        ranges[count++] = {s.base + first * kSliceBytes, length * kSliceBytes};
        rest &= ~slice_run(first, length);
      }
    }
    item.end_range = count;
  }
  if (count == 0 || os.purge(ranges, count) == OsStatus::kOk) return;
  // One by one, to tell whose memory stays.
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    for (std::size_t r = item.first_range; r < item.end_range; ++r)
      item.failed |= os.purge(&ranges[r], 1) != OsStatus::kOk;
  }
}

Heap::Purged Heap::purge_once(Nanos slabs_before, Nanos large_before, ByteCount target) {
  PurgeBatch batch;
  {
    Lock guard(*this);
    while (batch.count < PurgeBatch::kMax && committed_bytes() > target + batch.bytes) {
      Superslab* s = big_cache_.pop_oldest(large_before);
      if (s == nullptr && !big_cache_.within_limit()) s = big_cache_.pop_oldest(~Nanos{0});
      if (s == nullptr) break;
      batch.bytes += s->large_bytes;
      batch.items[batch.count++] = {s, 0, PurgeBatch::kLarge};
    }
    collect_idle(batch, slabs_before, target);
  }
  Purged purged;
  if (batch.count == 0) return purged;
  purge_items(batch);

  Lock guard(*this);
  for (std::size_t i = 0; i < batch.count; ++i) {
    const PurgeBatch::Item& item = batch.items[i];
    Superslab* s = item.superslab;
    if (item.failed) {
      // It holds its memory still, and waits for a better time where it was.
      if (item.what == PurgeBatch::kLarge) {
        big_cache_.put(s, s->idle_since);
        continue;
      }
      if (item.what == PurgeBatch::kSlices) {
        shelf_.remove(s);
        s->free_slices |= item.dirty;
        s->dirty_slices |= item.dirty;  // some of it may be gone: it need not read as zero
      }
      shelf_.insert(s);
      continue;
    }
    purged.any = true;
    const ByteCount bytes = item.what == PurgeBatch::kLarge ? s->large_bytes : bytes_of(item.dirty);
    purged.bytes += bytes;
    if (item.what == PurgeBatch::kSlices) {
      shelf_.remove(s);
      s->free_slices |= item.dirty;
      s->zero_slices |= item.dirty;
      shelf_.insert(s);
    } else {
      give_run(s);
    }
  }
  committed_.fetch_sub(purged.bytes, std::memory_order_relaxed);
  counters_.purges.add(purged.any);
  counters_.purged_bytes.add(purged.bytes);
  return purged;
}

void Heap::lock() {
  // Owners come before their heap in the order of locks, and new ones may come meanwhile.
  for (SlabOwner* locked = nullptr;;) {
    lock_.lock_unchecked();
    if (owners_ == locked) return;
    SlabOwner* const first = owners_;
    lock_.unlock_unchecked();
    for (SlabOwner* owner = first; owner != locked; owner = owner->next) owner->lock();
    locked = first;
  }
}

void Heap::unlock() {
  for (SlabOwner* owner = owners_; owner != nullptr; owner = owner->next) owner->unlock();
  lock_.unlock_unchecked();
}

ByteCount Heap::out_bytes() const {
  ByteCount sum = large_bytes_.load(std::memory_order_relaxed);
  Lock guard(*this);
  for (const SlabOwner* owner = owners_; owner != nullptr; owner = owner->next)
    sum += owner->out_bytes();
  return sum;
}

bool Heap::settle() {
  const Nanos now = clock_.now();
  const Nanos delay = to_nanos(policy_.get().purge_delay_ms);
  SlabOwner* owner;
  {
    Lock guard(*this);
    owner = owners_;
  }
  // Owners stay as long as the heap: only the first link changes.
  bool is_restless = false;
  for (; owner != nullptr; owner = owner->next) is_restless |= owner->settle(now, delay);
  return is_restless;
}

bool Heap::tick() {
  // Nobody else collects what is freed in the slabs of a thread that has ended.
  for_each_vacant([](SlabOwner& vacant) {
    vacant.retire_idle();
    return false;
  });
  const Snapshot& policy = policy_.get();
  const Nanos now = clock_.now();
  const auto before = [now](Nanos delay) { return now > delay ? now - delay : 0; };
  while (purge_once(before(to_nanos(policy.purge_delay_ms)),
                    before(to_nanos(policy.big_cache_age_ms)), 0)
             .any) {
  }
  Lock guard(*this);
  bool idle_left = big_cache_.bytes() != 0;
  shelf_.for_each([&](const Superslab* s) {
    idle_left |= is_purgeable(s->pages) && (s->free_slices == kAllSlices || s->dirty_slices != 0);
  });
  return idle_left;
}

ByteCount Heap::trim(ByteCount target) {
  for_each_vacant([](SlabOwner& vacant) {
    vacant.retire_unused();
    return false;
  });
  ByteCount bytes = 0;
  while (committed_bytes() > target) {
    const Purged purged = purge_once(~Nanos{0}, ~Nanos{0}, target);
    if (!purged.any) break;
    bytes += purged.bytes;
  }
  return bytes;
}

// Looking at it ------------------------------------------------------------------------------

HeapStats Heap::stats() const {
  HeapStats out;
#define HEAP_STAT(field, json, unit, meaning) out.field = counters_.field.get();
#define CLASS_STAT(field, json, unit, meaning)
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
  out.reserved_bytes = space_.reserved_bytes();
  out.committed_bytes = committed_bytes();
  out.charged_bytes = budget_.charged();
  out.peak_charged_bytes = budget_.peak();
  out.max_bytes = budget_.max_bytes();
  const FaultCounts faults = space_.os().fault_counts();
  out.page_faults = faults.minor + faults.major;
  Lock guard(*this);
  out.big_cache_bytes = big_cache_.bytes();
  return out;
}

ByteCount Heap::leased_large_bytes() const {
  ByteCount sum = 0;
  Lock guard(*this);
  for (const Superslab* s = leased_large_.first(); s != nullptr; s = s->next) sum += s->large_bytes;
  return sum;
}

ClassStats Heap::class_stats(ClassIndex c) const {
  ClassStats sum;
  Lock guard(*this);
  for (const SlabOwner* owner = owners_; owner != nullptr; owner = owner->next)
    add_to(sum, owner->counters(c));
  // What left the slabs and neither came back nor lies in a magazine is with callers. The threads
  // go on counting meanwhile, so the differences are exact only while they rest.
  const std::uint64_t home = sent_home_[to_index(c)].get();
  sum.cached_blocks = room_.cached(c);
  const std::uint64_t back = sum.flushed_blocks + home + sum.cached_blocks;
  sum.in_use_blocks = sum.refilled_blocks > back ? sum.refilled_blocks - back : 0;
  sum.releases = sum.acquires > sum.in_use_blocks ? sum.acquires - sum.in_use_blocks : 0;
  sum.hits = sum.acquires > sum.refills ? sum.acquires - sum.refills : 0;
  sum.remote_frees += home;
  return sum;
}

}  // namespace superslab
