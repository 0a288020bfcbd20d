// Idle memory of a heap on its way back to the operating system.
#include <cassert>

#include "base/secure_zero.h"
#include "heap/heap_parts.h"

namespace superslab {

namespace {

/// Of idle superslabs, for who comes by on another errand: some milliseconds.
constexpr ByteCount kStepBytes = 32 * kMiB;

}  // namespace

/// Idle memory on its way to the operating system. It is on no list meanwhile, so that the heap's
/// lock is free while the system call runs.
struct Heap::PurgeBatch {
  /// Small enough for the smallest stacks, together with the ranges.
  static constexpr std::size_t kMax = 16;
  static constexpr std::size_t kMaxRanges = 64;
  static constexpr std::size_t kMaxItemRanges = kSlicesPerSuperslab / 2;
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
    std::uint16_t first_range = 0;
    std::uint16_t end_range = 0;
  };
  Item items[kMax];
  std::size_t count = 0;
  std::size_t ranges = 0;  // that the items may come to
  ByteCount bytes = 0;

  bool is_full() const { return count == kMax || ranges + kMaxItemRanges > kMaxRanges; }
  /// Neighbouring slices make one range; a superslab has at most half as many as slices, and a
  /// whole one has its words as well.
  void add(Superslab* s, SliceMask dirty, What what, ByteCount item_bytes) {
    const SliceMask starts = dirty & ~(dirty << 1);
    ranges += what == kSlices ? static_cast<std::size_t>(std::popcount(starts)) : 2;
    bytes += item_bytes;
    items[count++] = {s, dirty, what};
  }
};

struct Heap::Purged {
  bool any = false;  // something changed: look again
  ByteCount bytes = 0;
};

bool Heap::purge_one(const Superslab& s, const OsRange& range) {
  Os& os = space_.os();
  if (os.purge(&range, 1) == OsStatus::kOk) return true;
  if (!has(s.secrecy, Secrecy::kLocked)) return false;
  // Kernels before 5.18 purge no locked memory: it is unlocked for as long as that takes.
  note_refused(os.unprotect(range.address, range.bytes, Secrecy::kLocked));
  const bool is_purged = os.purge(&range, 1) == OsStatus::kOk;
  note_refused(os.protect(range.address, range.bytes, Secrecy::kLocked));
  return is_purged;
}

/// Makes memory that goes back to the address space read as zero.
void Heap::scrub(const Superslab& s, ByteCount bytes) {
  if (!is_purgeable(s.pages) || !purge_one(s, {s.base, bytes})) secure_zero(s.base, bytes);
}

void Heap::give_back_idle(Superslab* head) {
  scrub(*head, head->huge_bytes);
  change_committed(-static_cast<std::int64_t>(head->huge_bytes));
  give_span(head);
}

void Heap::give_back_unused(Superslab* s) {
  scrub(*s, kSuperslabBytes);
  change_committed(-static_cast<std::int64_t>(bytes_of(s->dirty_slices)));
  give_span(s);
}

void Heap::collect_idle(PurgeBatch& batch, Nanos before, ByteCount target) {
  shelf_.for_each([&](Superslab* s) NO_THREAD_SAFETY_ANALYSIS {
    if (batch.is_full() || s->idle_since > before || !is_purgeable(s->pages)) return;
    const SliceMask dirty = s->dirty_slices;
    const bool whole = s->free_slices == kAllSlices;
    if (!whole && dirty == 0) return;
    if (dirty != 0 && committed_bytes() <= target + batch.bytes) return;
    shelf_.remove(s);
    free_bytes_.fetch_sub(bytes_of(dirty), std::memory_order_relaxed);
    batch.add(s, dirty, whole ? PurgeBatch::kWhole : PurgeBatch::kSlices, bytes_of(dirty));
    if (whole) {
      s->heap = nullptr;
      return;
    }
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
  OsRange ranges[PurgeBatch::kMaxRanges];
  std::uint16_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    const Superslab& s = *item.superslab;
    item.first_range = count;
    if (item.what == PurgeBatch::kLarge) {
      if (is_purgeable(s.pages)) {
        ranges[count++] = {s.base, s.huge_bytes};
      } else {
        scrub(s, s.huge_bytes);
      }
    } else if (item.what == PurgeBatch::kWhole) {
      ranges[count++] = {s.base, kSuperslabBytes};
      const ByteCount words = kWordsBytesPerSuperslab;
      if (shape_.purges_tables && words % os.page_bytes() == 0)
        ranges[count++] = {space_.words_at(s, 0), words};
    } else {
      for (SliceMask rest = item.dirty; rest != 0;) {
        const auto first = static_cast<unsigned>(std::countr_zero(rest));
        const auto length = static_cast<unsigned>(std::countr_one(rest >> first));
        ranges[count++] = {s.base + first * kSliceBytes, length * kSliceBytes};
        rest &= ~slice_range(first, length);
      }
    }
    item.end_range = count;
  }
  if (count == 0 || os.purge(ranges, count) == OsStatus::kOk) return;
  // One by one, to tell whose memory stays.
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    for (std::size_t r = item.first_range; r < item.end_range; ++r)
      item.failed |= !purge_one(*item.superslab, ranges[r]);
  }
}

Heap::Purged Heap::purge_once(Nanos slabs_before, Nanos huge_before, ByteCount target) {
  PurgeBatch batch;
  {
    Lock guard(*this);
    assert(is_valid());
    while (!batch.is_full() && committed_bytes() > target + batch.bytes) {
      Superslab* s = big_cache_.pop_oldest(huge_before);
      if (s == nullptr && !big_cache_.within_limit()) s = big_cache_.pop_oldest(~Nanos{0});
      if (s == nullptr) break;
      batch.add(s, 0, PurgeBatch::kLarge, s->huge_bytes);
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
      s->heap = this;
      free_bytes_.fetch_add(bytes_of(item.dirty), std::memory_order_relaxed);
      shelf_.insert(s);
      continue;
    }
    purged.any = true;
    const ByteCount bytes = item.what == PurgeBatch::kLarge ? s->huge_bytes : bytes_of(item.dirty);
    purged.bytes += bytes;
    if (item.what == PurgeBatch::kSlices) {
      shelf_.remove(s);
      s->free_slices |= item.dirty;
      s->zero_slices |= item.dirty;
      shelf_.insert(s);
    } else {
      give_span(s);
    }
  }
  assert(is_valid());
  change_committed(-static_cast<std::int64_t>(purged.bytes));
  counters_.purges.add(purged.any);
  counters_.purged_bytes.add(purged.bytes);
  return purged;
}

/// Down to a quarter of it in the last quarter of a limit. No less: what goes back too soon is
/// touched again, which is dear, and give_back_excess() sees to what would not fit.
Nanos Heap::fitted(Nanos delay) const {
  if (!is_limited()) return delay;
  constexpr ByteCount kSteps = 256;
  const ByteCount quarter = shape_.memory / 4;
  const ByteCount room = std::clamp(room_left(), quarter / 4, quarter);
  return room == quarter ? delay : delay * (room * kSteps / quarter) / kSteps;
}

bool Heap::settle() {
  const Nanos now = clock_.now();
  const Nanos delay = purge_delay();
  SlabOwner* owner;
  {
    Lock guard(*this);
    owner = owners_;
  }
  // Owners stay as long as the heap: only the first link changes.
  bool is_left = false;
  for (; owner != nullptr; owner = owner->next) is_left |= owner->settle(now, delay);
  return is_left;
}

bool Heap::tick() {
  while (tick_step()) {
  }
  Lock guard(*this);
  bool idle_left = big_cache_.bytes() != 0;
  shelf_.for_each([&](const Superslab* s) {
    idle_left |= is_purgeable(s->pages) && (s->free_slices == kAllSlices || s->dirty_slices != 0);
  });
  return idle_left;
}

bool Heap::tick_step() {
  // Nobody else collects what is freed in the slabs of a thread that has ended.
  for_each_vacant([](SlabOwner& vacant) {
    vacant.retire_idle();
    return false;
  });
  const Nanos now = clock_.now();
  const auto before = [now](Nanos delay) { return now > delay ? now - delay : 0; };
  const Purged purged = purge_once(before(purge_delay()),
                                   before(fitted(to_nanos(policy_.read()->big_cache_age_ms))), 0);
  note_unused(purged.bytes);
  return purged.any;
}

bool Heap::give_back_unused(Nanos before) {
  bool is_left = settle();
  is_left |= tick_step();
  const ByteCount bytes = space_.purge_idle(before, kStepBytes);
  note_unused(bytes);
  return is_left || bytes >= kStepBytes;
}

// Beyond the bound ---------------------------------------------------------------------------

void Heap::note_fresh(ByteCount bytes) {
  if (bytes == 0 || !idle_bound_.is_watching()) return;
  const Nanos delay = purge_delay();
  regretted_bytes_.add(idle_bound_.taken(bytes, clock_.now(), delay));
}

void Heap::note_taken_again(ByteCount bytes) {
  Lock guard(*this);
  note_fresh(bytes);
}

void Heap::note_unused(ByteCount bytes) {
  if (bytes == 0 || !counts_idle()) return;
  Lock guard(*this);
  idle_bound_.lay_unused(bytes);
  set_looks_from();
}

// Of what the lock guards it reads a counter only.
ByteCount Heap::idle_bound() const NO_THREAD_SAFETY_ANALYSIS {
  const ByteCount idle = idle_bytes() - std::min(idle_bytes(), space_.idle_bytes());
  const ByteCount committed = committed_bytes();
  const ByteCount live = committed > idle ? committed - idle : 0;
  return idle_bound_.bytes(live, is_limited() ? room_left() + idle_bytes() : kNoLimit);
}

void Heap::set_looks_from() { looks_from_.store(idle_bound(), std::memory_order_relaxed); }

ByteCount Heap::excess() const {
  Lock guard(*this);
  const ByteCount idle = idle_bytes();
  const ByteCount bound = idle_bound();
  // A little more than the excess, so that not every free has some to give back.
  return idle > bound ? idle - bound + bound / 8 : 0;
}

void Heap::note_given_back(ByteCount bytes) {
  excess_bytes_.add(bytes);
  Lock guard(*this);
  const ByteCount left = committed_bytes() + space_.idle_bytes();
  idle_bound_.given_back(bytes, left + bytes, clock_.now());
}

ByteCount Heap::give_back_some(ByteCount bytes, SlabOwner* own) {
  const ByteCount committed = committed_bytes();
  if (free_bytes_.load(std::memory_order_relaxed) != 0) {
    const ByteCount target = committed > bytes ? committed - bytes : 0;
    if (const ByteCount purged = purge_once(~Nanos{0}, 0, target).bytes; purged != 0) return purged;
  }
  if (const ByteCount purged = space_.purge_idle(~Nanos{0}, bytes); purged != 0) return purged;
  if (own == nullptr) return 0;
  if (own->retire_unused_bytes(bytes) != 0) return give_back_some(bytes, nullptr);
  ByteCount purged = 0;
  own->purge_pages(purged);
  return purged;
}

void Heap::give_back_excess(SlabOwner* own) {
  while (const ByteCount bytes = excess()) {
    const ByteCount gone = give_back_some(bytes, own);
    if (gone == 0) break;
    note_given_back(gone);
  }
  // What lies in the slabs of threads that rest.
  SlabOwner* owner = nullptr;
  if (excess() != 0) {
    Lock guard(*this);
    owner = owners_;
  }
  // Owners stay as long as the heap: only the first link changes.
  for (; owner != nullptr && excess() != 0; owner = owner->next) {
    ByteCount pages = 0;
    if (!owner->give_back(pages)) continue;
    note_given_back(pages + give_back_some(excess(), nullptr));
  }
  Lock guard(*this);
  set_looks_from();
  // What cannot be given back is no reason to look at each free.
  if (const ByteCount idle = idle_bytes(); idle > looks_from_.load(std::memory_order_relaxed))
    looks_from_.store(idle + idle / 4, std::memory_order_relaxed);
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

}  // namespace superslab
