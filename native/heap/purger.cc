#include "heap/purger.h"

#include <bit>
#include <cassert>

namespace superslab {

namespace {

/// Of idle superslabs, for who comes by on another errand: some milliseconds.
constexpr ByteCount kStepBytes = 32 * kMiB;

constexpr Nanos kNow = ~Nanos{0};

}  // namespace

Purger::Purger(HeapCore& core, MemoryAccount& account, SpanSource& spans, SlabOwners& owners,
               SlabSource& slabs, HugeBlocks& huge)
    : core_(core), account_(account), spans_(spans), owners_(owners), slabs_(slabs), huge_(huge) {}

// A purge ------------------------------------------------------------------------------------

void Purger::collect(PurgeBatch& batch, Before before, ByteCount target, ByteCount ready) {
  HeapLock guard(core_.lock);
  assert(slabs_.is_valid() && huge_.is_valid());
  huge_.collect_idle(batch, before.huge, target);
  slabs_.collect_idle(batch, before.slabs, target, ready);
}

/// Appends what of the item's memory goes back by a system call; what cannot is cleared.
std::uint16_t Purger::add_ranges(const PurgeBatch::Item& item, OsRange* ranges,
                                 std::uint16_t count) {
  const Superslab& s = *item.superslab;
  if (item.what == PurgeBatch::kHuge) {
    if (is_purgeable(s.pages)) {
      ranges[count++] = {s.base, s.huge_bytes};
    } else {
      spans_.scrub(s, s.huge_bytes);
    }
  } else if (item.what == PurgeBatch::kWhole) {
    ranges[count++] = {s.base, kSuperslabBytes};
    const ByteCount words = kWordsBytesPerSuperslab;
    if (core_.shape.purges_tables && words % core_.space.os().page_bytes() == 0)
      ranges[count++] = {core_.space.words_at(s, 0), words};
  } else {
    for (SliceMask rest = item.dirty; rest != 0;) {
      const auto first = static_cast<unsigned>(std::countr_zero(rest));
      const auto length = static_cast<unsigned>(std::countr_one(rest >> first));
      ranges[count++] = {s.base + first * kSliceBytes, length * kSliceBytes};
      rest &= ~slice_range(first, length);
    }
  }
  return count;
}

void Purger::purge(PurgeBatch& batch) {
  OsRange ranges[PurgeBatch::kMaxRanges];
  std::uint16_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    item.first_range = count;
    count = add_ranges(item, ranges, count);
    assert(count <= PurgeBatch::kMaxRanges);
    item.end_range = count;
  }
  if (count == 0 || core_.space.os().purge(ranges, count) == OsStatus::kOk) return;
  // One by one, to tell whose memory stays.
  for (std::size_t i = 0; i < batch.count; ++i) {
    PurgeBatch::Item& item = batch.items[i];
    for (std::size_t r = item.first_range; r < item.end_range; ++r)
      item.failed |= !spans_.purge(*item.superslab, ranges[r]);
  }
}

/// What holds its memory still waits for a better time where it was.
Purger::Purged Purger::hand_back(const PurgeBatch& batch) {
  Purged purged;
  HeapLock guard(core_.lock);
  for (std::size_t i = 0; i < batch.count; ++i) {
    const PurgeBatch::Item& item = batch.items[i];
    const bool is_huge = item.what == PurgeBatch::kHuge;
    if (item.failed) {
      is_huge ? huge_.put_back(item) : slabs_.put_back(item);
      continue;
    }
    purged.any = true;
    purged.bytes += item.bytes();
    account_.note_purged(is_huge ? IdleBand::kHuge : IdleBand::kSlabs, item.bytes(),
                         item.superslab->idle_since);
    is_huge ? huge_.note_purged(item) : slabs_.note_purged(item);
  }
  assert(slabs_.is_valid() && huge_.is_valid());
  account_.change_committed(-static_cast<std::int64_t>(purged.bytes));
  core_.counters.purges.add(purged.any);
  core_.counters.purged_bytes.add(purged.bytes);
  return purged;
}

Purger::Purged Purger::purge_once(Before before, ByteCount target, ByteCount ready) {
  PurgeBatch batch;
  collect(batch, before, target, ready);
  if (batch.count == 0) return {};
  purge(batch);
  return hand_back(batch);
}

// Now and then -------------------------------------------------------------------------------

bool Purger::settle() {
  const Nanos now = core_.clock.now();
  const Nanos delay = account_.purge_delay();
  bool is_left = false;
  owners_.for_each([&](SlabOwner& owner) {
    is_left |= owner.settle(now, delay);
    return true;
  });
  return is_left;
}

bool Purger::tick(Nanos grace) {
  while (tick_step(grace)) {
  }
  HeapLock guard(core_.lock);
  return huge_.has_idle() || slabs_.has_idle();
}

/// What the reserve keeps beside the empty slabs that there are.
ByteCount Purger::ready_in_no_slab() const {
  const ByteCount ready = core_.reserve.read()->ready_bytes;
  if (ready == 0) return 0;
  ByteCount empty = 0;
  owners_.for_each([&](const SlabOwner& owner) {
    empty += owner.unused_bytes();
    return true;
  });
  return ready > empty ? ready - empty : 0;
}

bool Purger::tick_step(Nanos grace) {
  // Nobody else collects what is freed in the slabs of a thread that has ended.
  owners_.for_each_vacant([](SlabOwner& vacant) {
    vacant.retire_idle();
    return false;
  });
  const Nanos now = core_.clock.now();
  const auto before = [now, grace](Nanos delay) {
    return now > delay + grace ? now - delay - grace : 0;
  };
  const Purged purged = purge_once(
      {before(account_.purge_delay()), before(account_.big_cache_age())}, 0, ready_in_no_slab());
  account_.note_unused(purged.bytes);
  return purged.any;
}

/// Superslabs that had been idle since then or before.
void Purger::note_purged_in_space(ByteCount bytes, Nanos before) {
  if (bytes == 0) return;
  HeapLock guard(core_.lock);
  account_.note_purged(IdleBand::kSlabs, bytes, before);
}

bool Purger::give_back_unused(Nanos before) {
  bool is_left = settle();
  is_left |= tick_step();
  const ByteCount bytes = core_.space.purge_idle(before, kStepBytes);
  account_.note_unused(bytes);
  note_purged_in_space(bytes, before);
  return is_left || bytes >= kStepBytes;
}

ByteCount Purger::trim(ByteCount target) {
  owners_.for_each_vacant([](SlabOwner& vacant) {
    vacant.retire_unused();
    return false;
  });
  ByteCount bytes = 0;
  while (account_.committed_bytes() > target) {
    const Purged purged = purge_once({kNow, kNow}, target);
    if (!purged.any) break;
    bytes += purged.bytes;
  }
  return bytes;
}

ByteCount Purger::relieve() {
  ByteCount bytes = 0;
  owners_.for_each([&](SlabOwner& owner) {
    ByteCount pages = 0;
    owner.give_back(pages);
    bytes += pages;
    return true;
  });
  return bytes + trim(0);
}

// Beyond the bound ---------------------------------------------------------------------------

ByteCount Purger::give_back_some(ByteCount bytes, SlabOwner* own) {
  const ByteCount committed = account_.committed_bytes();
  if (account_.free_bytes() != 0) {
    const ByteCount target = committed > bytes ? committed - bytes : 0;
    const ByteCount purged = purge_once({.slabs = kNow, .huge = 0}, target).bytes;
    if (purged != 0) return purged;
  }
  if (const ByteCount purged = core_.space.purge_idle(kNow, bytes); purged != 0) return purged;
  if (own == nullptr) return 0;
  if (own->retire_unused_bytes(bytes) != 0) return give_back_some(bytes, nullptr);
  ByteCount purged = 0;
  own->purge_pages(purged);
  return purged;
}

void Purger::give_back_excess(SlabOwner* own) {
  while (const ByteCount bytes = account_.excess()) {
    const ByteCount gone = give_back_some(bytes, own);
    if (gone == 0) break;
    account_.note_given_back(gone);
  }
  // What lies in the slabs of threads that rest.
  owners_.for_each([&](SlabOwner& owner) {
    if (account_.excess() == 0) return false;
    ByteCount pages = 0;
    if (owner.give_back(pages))
      account_.note_given_back(pages + give_back_some(account_.excess(), nullptr));
    return true;
  });
  account_.look_from_here();
}

}  // namespace superslab
