// What lies unused with an owner: whole slabs dissolve, and free pages of the others go back.
#include <algorithm>

#include "base/racy_read.h"
#include "heap/slab_bits.h"
#include "heap/slab_owner.h"

namespace superslab {
namespace {

/// Free bytes in slabs in use for which nobody looks.
constexpr ByteCount kMinScattered = 16 * kMiB;

/// Ranges of free pages that a slab can have: between two of them lies a block that is out.
constexpr std::size_t kMaxFreeRanges = [] {
  constexpr ByteCount kMinPage = 4 * kKiB;
  ByteCount max = 0;
  for (const SizeClass& cut : kSizeClasses) {
    const ByteCount pages = cut.slices * kSliceBytes / kMinPage;
    max = std::max(max, std::min<ByteCount>(cut.block_count, pages) / 2 + 1);
  }
  return max;
}();

}  // namespace

void SlabOwner::retire_lists(const ClassSet& classes, Nanos idle_since) {
  for (const ClassIndex c : classes)
    while (Slab* slab = first(SlabState::kUnused, c)) retire(slab, idle_since);
}

/// What lay empty beyond the reserve of its class.
void SlabOwner::retire_surplus_locked(const ClassSet& classes) {
  const Nanos now = source_.now();
  for (const ClassIndex c : classes) {
    while (source_.is_beyond_reserve(c)) {
      Slab* slab = first(SlabState::kUnused, c);
      if (slab == nullptr) break;
      retire(slab, now);
    }
  }
}

void SlabOwner::retire(Slab* slab, Nanos idle_since) {
  unlink(slab);
  slab_bytes_ -= bytes_of(*slab);
  idle_bytes_ -= std::int64_t{slab->carved} * slab->block_bytes;
  source_.note_purged(*slab, 0);  // what of a free slice holds no memory is not known
  source_.retire_slab(slab, idle_since);
  tell_idle();
}

ByteCount SlabOwner::retire_unused_bytes(ByteCount bytes) {
  const Hold hold(*this);
  collect_locked();
  ByteCount retired = 0;
  while (retired < bytes && !unused_.is_empty()) {
    Slab* slab = first(SlabState::kUnused, unused_.last());
    retired += slab->slices * kSliceBytes;
    retire(slab, source_.now());
  }
  tell_idle_now();
  return retired;
}

void SlabOwner::tell_idle_now() {
  if (!source_.counts_idle()) return;
  if (idle_bytes_ < left_bytes_) {
    source_.note_taken_again(static_cast<ByteCount>(left_bytes_ - idle_bytes_));
    left_bytes_ = idle_bytes_;
  }
  const std::int64_t change = idle_bytes_ - left_bytes_ - told_bytes_;
  told_bytes_ += change;
  source_.note_idle_in_slabs(change);
}

/// One whose last block was collected before it was announced became unused unseen: see
/// remote_free().
void SlabOwner::look_again_for_unused() {
  for_each_slab([this](Slab& slab) {
    if (slab.state == SlabState::kPartial) update_state(&slab);
  });
}

void SlabOwner::retire_unused() {
  const Hold hold(*this);
  give_spares();
  collect_locked();
  look_again_for_unused();
  retire_lists(unused_, source_.now());
}

void SlabOwner::retire_surplus() {
  const Hold hold(*this);
  give_spares();
  collect_locked();
  look_again_for_unused();
  retire_surplus_locked(unused_);
}

ByteCount SlabOwner::try_retire_unused(ByteCount min_bytes) {
  if (!lock_.try_visit()) return 0;
  collect_locked();
  const ByteCount unused = unused_bytes();
  const bool is_enough = unused != 0 && unused >= min_bytes;
  if (is_enough) retire_lists(unused_, source_.now());
  lock_.end_visit();
  return is_enough ? unused : 0;
}

void SlabOwner::retire_idle() {
  const Hold hold(*this);
  collect_locked();
  retire_surplus_locked(unused_ & idle_);
  idle_ = unused_;
}

bool SlabOwner::settle(Nanos now, Nanos delay) {
  // A racy_read first: a visit makes the owner wait.
  const std::uint64_t changes = __atomic_load_n(&changes_, __ATOMIC_RELAXED);
  if (changes != settled_changes_) {
    settled_changes_ = changes;
    quiet_since_ = now;
    is_settled_ = false;
    return false;
  }
  if (is_settled_ && remote_.load(std::memory_order_relaxed) == nullptr) return false;
  if (now - quiet_since_ < delay || !lock_.try_visit()) return false;
  collect_locked();
  give_spares();
  look_again_for_unused();
  retire_lists(unused_, quiet_since_);
  ByteCount bytes = 0;
  const bool is_left = purge_free_pages(bytes);
  settled_changes_ = changes_;
  is_settled_ = !is_left;
  lock_.end_visit();
  return is_left;
}

/// What is free among other classes' blocks cannot become a slab of this class, but its pages can
/// be had back. A walk over all slabs: only where more than a fifth is free, and then not again
/// before the slabs have grown by an eighth, so that what it costs is a small part of what growing
/// does.
void SlabOwner::purge_before_growth() {
  purged_bytes_ = std::min(purged_bytes_, slab_bytes_);
  const ByteCount free = idle_bytes_ > 0 ? static_cast<ByteCount>(idle_bytes_) : 0;
  if (free < kMinScattered || free < slab_bytes_ / 5) return;
  if (slab_bytes_ - purged_bytes_ < slab_bytes_ / 8) return;
  purged_bytes_ = slab_bytes_;
  ByteCount bytes = 0;
  while (purge_free_pages(bytes)) {
  }
}

bool SlabOwner::purge_pages(ByteCount& bytes) {
  const Hold hold(*this);
  return purge_free_pages(bytes);
}

bool SlabOwner::give_back(ByteCount& bytes) {
  // Without the lock: who is at work meanwhile is not for us.
  const bool is_worth =
      remote_.load(std::memory_order_relaxed) != nullptr || racy_read(told_bytes_) >= kTellBytes;
  if (!is_worth || !lock_.try_visit()) return false;
  collect_locked();
  give_spares();
  look_again_for_unused();
  retire_lists(unused_, source_.now());
  purge_free_pages(bytes);
  lock_.end_visit();
  return true;
}

/// Gives pages back that hold free blocks only, of slabs in which other blocks are out: a batch of
/// them. True if there are more.
bool SlabOwner::purge_free_pages(ByteCount& bytes) {
  constexpr std::size_t kBatch = 64;
  static_assert(kMaxFreeRanges <= kBatch);
  OsRange ranges[kBatch];
  std::size_t count = 0;
  ByteCount batch = 0;
  bool is_left = false;
  Os& os = source_.space().os();
  const ByteCount page = os.page_bytes();
  for_each_slab([&](Slab& slab) {
    if (slab.state != SlabState::kPartial || slab.is_purged) return;
    // Of small blocks that are spread, hardly ever is a whole page free.
    if (slab_free_blocks(slab) < slab.block_count / 2) return;
    if (!is_purgeable(source_.space().superslab_of(slab.start).pages)) return;
    is_left |= count + kMaxFreeRanges > kBatch;
    if (is_left) return;
    slab.is_purged = true;
    const ByteCount before = batch;
    slab_for_each_free_range(slab, [&](std::uint32_t from, std::uint32_t to) {
      const std::uintptr_t low = align_up(address_of(block_address(slab, from)), page);
      const std::uintptr_t high = align_down(address_of(block_address(slab, to)), page);
      if (low >= high) return;
      ranges[count++] = {reinterpret_cast<void*>(low), high - low};
      batch += high - low;
    });
    source_.note_purged(slab, batch - before + untouched_bytes(slab, slab.carved));
  });
  if (count != 0) os.purge(ranges, count);
  bytes += batch;
  left_bytes_ =
      is_left ? std::min(idle_bytes_, left_bytes_ + static_cast<std::int64_t>(batch)) : idle_bytes_;
  tell_idle_now();
  return is_left;
}

}  // namespace superslab
