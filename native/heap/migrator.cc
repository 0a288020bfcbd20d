#include "heap/migrator.h"

#include <algorithm>
#include <cassert>

#include "base/racy_read.h"
#include "heap/region_judge.h"
#include "heap/slab_owner.h"

namespace superslab {
namespace {

constexpr Nanos kSecond = 1000 * kMillisecond;

/// The uses of a region whose whole memory threads of one node use.
constexpr std::uint32_t kWhole = kSlicesPerSuperslab;

NodeOrdinal node_of(const void* owner) {
  return owner == nullptr ? kNoNode : static_cast<const SlabOwner*>(owner)->running_on();
}

SuperslabUse use_of(const Superslab& s) { return s.use.load(std::memory_order_acquire); }

}  // namespace

bool Migrator::is_wanted() const {
  if (core_.space.os().node_count() == 1) return false;
  const auto policy = core_.policy.read();
  return policy->numa.kind == NodePlacement::Kind::kLocal && policy->numa_move_bytes != 0 &&
         policy->numa_remote_share < 100;
}

Nanos Migrator::step(Nanos now) {
  const Nanos interval = static_cast<Nanos>(core_.policy.read()->numa_interval_ms) * kMillisecond;
  if (!is_wanted()) return interval;
  if (now >= interval_ends_) {
    // The first one only begins.
    if (interval_ends_ != 0) end_interval();
    interval_ends_ = now + interval;
  }
  refill(now);
  while (is_due_ && allowance_ > 0) is_due_ = move_some();
  const Nanos left = interval_ends_ - now;
  if (!is_due_) return left;
  const ByteCount rate = core_.policy.read()->numa_move_bytes;
  const auto debt = static_cast<Nanos>(-allowance_ + 1);
  return std::min(left, std::max(debt * kSecond / std::max<Nanos>(rate, 1), kMillisecond));
}

/// What was not used of a second's bytes is lost.
void Migrator::refill(Nanos now) {
  const auto rate = static_cast<std::int64_t>(
      std::min<ByteCount>(core_.policy.read()->numa_move_bytes, 1024 * kGiB));
  const Nanos passed = refilled_ == 0 ? kSecond : std::min(now - refilled_, 60 * kSecond);
  const auto more = static_cast<std::int64_t>(
      static_cast<double>(rate) * static_cast<double>(passed) / static_cast<double>(kSecond));
  allowance_ = std::min(allowance_ + more, rate);
  refilled_ = now;
}

// Who uses what ------------------------------------------------------------------------------
// Looked at without locks. A region that is given back meanwhile is counted in vain, and at worst
// moves to a node where nobody needs it more than elsewhere.

bool Migrator::is_ours(const Superslab& s) const {
  const SuperslabUse use = use_of(s);
  return (use == SuperslabUse::kSlabs || use == SuperslabUse::kHugeHead) &&
         racy_read(s.heap) == heap_ && !is_explicit(racy_read(s.pages));
}

template <class Visit>
SuperslabIndex Migrator::visit_from(SuperslabIndex from, Visit visit) {
  const SuperslabIndex end = core_.space.index_limit();
  for (SuperslabIndex i = std::max<SuperslabIndex>(from, kSuperslabsPerArena); i < end; ++i) {
    if (!core_.space.has_entry(i)) continue;
    Superslab& s = core_.space.superslab(i);
    if (is_ours(s) && !visit(s)) return i;
  }
  return end;
}

void Migrator::end_interval() {
  Superslab* regions[kLook];
  std::size_t count = 0;
  visit_from(0, [&](Superslab& s) {
    regions[count++] = &s;
    if (count == kLook) {
      look_at(regions, count);
      count = 0;
    }
    return true;
  });
  look_at(regions, count);
  ++turn_;
}

void Migrator::look_at(Superslab* const* regions, std::size_t count) {
  const void* pages[kLook];
  NodeOrdinal nodes[kLook];
  for (std::size_t i = 0; i < count; ++i) pages[i] = some_page(*regions[i]);
  if (count != 0) core_.space.os().nodes_of(pages, count, nodes);
  const std::uint32_t share = core_.policy.read()->numa_remote_share;
  for (std::size_t i = 0; i < count; ++i) {
    Superslab& s = *regions[i];
    if (nodes[i] == kNoNode) {
      // Nothing is in memory, or the kernel does not tell.
      static_cast<void>(s.uses.take());
      s.history = {};
      continue;
    }
    s.lies_on.store(nodes[i], std::memory_order_relaxed);
    count_uses(s);
    const NodeOrdinal to = superslab::end_interval(s.history, s.uses.take(), share);
    if (to == kNoNode || to == nodes[i]) continue;
    s.moves_to.store(to, std::memory_order_relaxed);
    is_due_ = true;
  }
}

/// The first page of a slab in use, another one in each interval: a region may lie in parts.
const void* Migrator::some_page(const Superslab& s) const {
  if (use_of(s) == SuperslabUse::kHugeHead) return s.base;
  unsigned found = 0;
  const std::byte* pages[kSlicesPerSuperslab];
  for (unsigned slice = 0; slice < kSlicesPerSuperslab; ++slice) {
    const Slab& slab = *core_.space.slab_at(s, slice);
    if (racy_read(slab.slices) != 0 && slab.owner.load(std::memory_order_acquire) != nullptr)
      pages[found++] = s.base + slice * kSliceBytes;
  }
  return found == 0 ? s.base : pages[turn_ % found];
}

void Migrator::count_uses(Superslab& s) {
  const NodeOrdinal lies_on = s.lies_on.load(std::memory_order_relaxed);
  if (use_of(s) == SuperslabUse::kHugeHead) {
    const NodeOrdinal node = node_of(racy_read(s.lessee));
    if (node != kNoNode) s.uses.note(node, lies_on, kWhole);
    return;
  }
  count_slab_uses(s, lies_on);
}

/// By the slices that the slabs of each owner take.
void Migrator::count_slab_uses(Superslab& s, NodeOrdinal lies_on) {
  for (unsigned slice = 0; slice < kSlicesPerSuperslab; ++slice) {
    const Slab& slab = *core_.space.slab_at(s, slice);
    const unsigned slices = racy_read(slab.slices);
    if (slices == 0 || racy_read(slab.state) == SlabState::kUnused) continue;
    const NodeOrdinal node = node_of(slab.owner.load(std::memory_order_acquire));
    if (node != kNoNode) s.uses.note(node, lies_on, slices);
  }
}

// Moving -------------------------------------------------------------------------------------

/// What one system call moves, in whole superslabs: a part of a huge page would take it to pieces.
struct Migrator::Batch {
  static constexpr ByteCount kLargestPage = 64 * kKiB;
  static constexpr std::size_t kMaxRanges = kMoveBatchPages * kLargestPage / kSuperslabBytes;

  NodeOrdinal to = kNoNode;
  std::size_t pages_left = kMoveBatchPages;
  std::size_t count = 0;
  std::uint32_t finished = 0;  // regions whose last part is in it
  OsRange ranges[kMaxRanges];

  bool has_room(std::size_t pages) const { return pages <= pages_left && count < kMaxRanges; }
  void add(std::byte* from, ByteCount bytes, ByteCount page) {
    ranges[count++] = {from, bytes};
    pages_left -= bytes / page;
  }
};

ByteCount Migrator::bytes_of(const Superslab& s) const {
  return use_of(s) == SuperslabUse::kSlabs
             ? kSuperslabBytes
             : align_up(racy_read(s.huge_bytes), core_.space.os().page_bytes());
}

/// Adds what is due behind what moved last, of one node's. Whether the batch has anything.
bool Migrator::gather(Batch& batch) {
  const ByteCount page = core_.space.os().page_bytes();
  at_ = visit_from(at_, [&](Superslab& s) {
    const NodeOrdinal to = s.moves_to.load(std::memory_order_relaxed);
    if (to == kNoNode) return true;
    if (batch.to != kNoNode && batch.to != to) return false;
    if (s.index != moving_) {
      if (!begin_move(s, to)) return true;
      moving_ = s.index;
      moved_ = 0;
    }
    batch.to = to;
    for (const ByteCount bytes = bytes_of(s); moved_ < bytes;) {
      const ByteCount part = std::min(bytes - moved_, kSuperslabBytes);
      if (!batch.has_room(part / page)) return false;
      batch.add(s.base + moved_, part, page);
      moved_ += part;
    }
    finish_move(s, to);
    ++batch.finished;
    return true;
  });
  return batch.count != 0;
}

/// Moves the next batch of what is due. False when nothing is left.
bool Migrator::move_some() {
  Os& os = core_.space.os();
  Batch batch;
  if (!gather(batch)) {
    // Once around: what was found since lies in front.
    at_ = 0;
    if (!gather(batch)) return false;
  }
  const PageMoves moves = os.move_pages(batch.ranges, batch.count, batch.to);
  allowance_ -= static_cast<std::int64_t>(moves.moved * os.page_bytes());
  core_.counters.numa_moved_pages.add(moves.moved);
  core_.counters.numa_absent_pages.add(moves.absent);
  core_.counters.numa_unmoved_pages.add(moves.failed);
  if (moves.moved != 0) core_.counters.numa_moved_regions.add(batch.finished);
  return true;
}

/// Has later first touches of the region go where it moves. False when it stays.
bool Migrator::begin_move(Superslab& s, NodeOrdinal to) {
  Os& os = core_.space.os();
  const ByteCount bytes = bytes_of(s);
  if (!os.has_room(to, bytes)) {
    core_.counters.numa_unmoved_pages.add(bytes / os.page_bytes());
    s.moves_to.store(kNoNode, std::memory_order_relaxed);
    return false;
  }
  if (!core_.shape.has_nodes) return true;
  HeapLock guard(core_.lock);
  if (s.heap != heap_) return false;
  const NodePlacement placement{NodePlacement::Kind::kNode, to};
  // Advice: pages that come to the wrong place move later.
  os.place(s.base, bytes, placement);
  for (std::uint32_t i = 0; i < div_up(bytes, kSuperslabBytes); ++i)
    (&s)[i].node_placement = placement;
  return true;
}

/// The last of it is in the batch.
void Migrator::finish_move(Superslab& s, NodeOrdinal to) {
  moving_ = 0;
  HeapLock guard(core_.lock);
  s.moves_to.store(kNoNode, std::memory_order_relaxed);
  if (s.heap != heap_) return;
  s.lies_on.store(to, std::memory_order_relaxed);
  if (core_.shape.has_nodes) s.home_node.store(to, std::memory_order_relaxed);
}

}  // namespace superslab
