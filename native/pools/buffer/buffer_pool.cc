#include "pools/buffer/buffer_pool.h"

#include <algorithm>
#include <new>

#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/window.h"

namespace superslab {

BufferPool::BufferPool(Space& space, const Clock& clock, const Policy& policy, ByteCount memory,
                       std::string_view name, bool has_colours, bool has_nodes)
    : Heap(space, clock, policy,
           {.secrecy = secrecy_of(policy),
            .has_guard_pages = has_guard_pages(policy),
            .has_colours = has_colours,
            .has_nodes = has_nodes,
            .memory = memory,
            .slab_was_cut = cut_windows}),
      Pool(name),
      pool_policy_(policy),
      demand_interval_(policy.demand_interval_ms) {}

BufferPool::~BufferPool() {
  Adaptation* const own = adaptation_.load(std::memory_order_relaxed);
  if (own != nullptr) space().metadata().destroy(own);
  CapacityLearning* const learning = learning_.load(std::memory_order_relaxed);
  if (learning == nullptr) return;
  learning->leave(*this);
  space().metadata().destroy(learning);
}

PoolFault BufferPool::check() const {
  if (!is_whole()) return PoolFault::kHeap;
  PoolFault found = PoolFault::kNone;
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    if (found == PoolFault::kNone) found = static_cast<const BufferThreadCache&>(member).check();
  });
  return found;
}

ByteCount BufferPool::give_back_for(ReliefStep step) {
  const ByteCount bytes = trim(0);
  note_relief(step, bytes);
  return bytes;
}

void BufferPool::note_relief(ReliefStep step, ByteCount bytes) {
  if (bytes == 0) return;
  leases_.pressure_reliefs.shared_add(1);
  Counter* const counters[] = {nullptr, &leases_.pressure_cache_bytes, &leases_.pressure_cold_bytes,
                               &leases_.pressure_idle_bytes};
  if (Counter* const counter = counters[static_cast<std::size_t>(step)]; counter != nullptr)
    counter->shared_add(bytes);
}

HeapStats BufferPool::stats() const { return with_leases(Heap::stats()); }

HeapStats BufferPool::stats(const FaultCounts& faults) const {
  return with_leases(Heap::stats(faults));
}

HeapStats BufferPool::with_leases(HeapStats stats) const {
#define HEAP_STAT(field, json, unit, meaning)
#define LEASE_STAT(field, json, unit, meaning) stats.field = leases_.field.get();
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
  GuardLevels levels;
  // The caches of closed pools count too: their guards still hold blocks back.
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    static_cast<const BufferThreadCache&>(member).add_levels(levels);
  });
  const Adaptation* const adaptation = adaptation_.load(std::memory_order_acquire);
  stats.ready_bytes = adaptation == nullptr ? 0 : adaptation->ready_bytes();
  stats.held_huge_bytes = levels.held_huge_bytes;
  stats.huge_releases += levels.cached_huge_blocks;
  stats.watched_blocks = levels.watched_blocks;
  stats.watched_bytes = levels.watched_bytes;
  stats.quarantined_blocks = levels.quarantined_blocks;
  stats.quarantined_bytes = levels.quarantined_bytes;
  return stats;
}

Nanos BufferPool::adaptation_period(Millis interval) {
  return std::min<Nanos>(1000 * kMillisecond, to_nanos(interval) / 10);
}

/// nullptr without memory.
Adaptation* BufferPool::adaptation() {
  Adaptation* there = adaptation_.load(std::memory_order_acquire);
  if (there != nullptr) return there;
  auto* made = space().metadata().make<Adaptation>(space().os(), to_nanos(demand_interval_),
                                                   adaptation_period(demand_interval_));
  if (made == nullptr) return nullptr;
  if (adaptation_.compare_exchange_strong(there, made, std::memory_order_acq_rel)) return made;
  space().metadata().destroy(made);
  return there;
}

/// nullptr without memory.
CapacityLearning* BufferPool::learning() {
  CapacityLearning* there = learning_.load(std::memory_order_acquire);
  if (there != nullptr) return there;
  HeapSnapshot first = *policy();
  auto* made = space().metadata().make<CapacityLearning>(space().os(), first, kMagazineBlocks,
                                                         adaptation_period(demand_interval_));
  if (made == nullptr) return nullptr;
  if (learning_.compare_exchange_strong(there, made, std::memory_order_acq_rel)) return made;
  space().metadata().destroy(made);
  return there;
}

/// Whether there is reason to come again.
bool BufferPool::learn() {
  const bool is_wanted = CapacityLearning::is_wanted(*policy()) && !is_closed();
  // What was learned once has to be taken back when it is not wanted any more.
  CapacityLearning* const own = is_wanted ? learning() : learning_.load(std::memory_order_acquire);
  if (own == nullptr) return false;
  own->step(*this, cache_share());
  const bool again = is_wanted && budget().charged() != 0;
  if (!again) own->rest();
  return again;
}

bool BufferPool::wants_turns() const {
  const auto now = policy();
  // What was learned once has to be taken back when it is not wanted any more.
  return now->adaptive || CapacityLearning::is_wanted(*now) ||
         learning_.load(std::memory_order_relaxed) != nullptr;
}

bool BufferPool::adapt() {
  // One that never lent anything has nothing to look at.
  if (budget().peak() == 0) return false;
  const bool learns = learn();
  return adapt_reserve() || learns;
}

bool BufferPool::adapt_reserve() {
  if (!policy()->adaptive || is_closed()) {
    Adaptation* const there = adaptation_.load(std::memory_order_acquire);
    if (there != nullptr) there->stop(*this);
    return false;
  }
  Adaptation* const own = adaptation();
  if (own == nullptr) return true;
  const Adaptation::Done done = own->step(*this);
  leases_.expansions.add(done.expanded_bytes != 0);
  leases_.expanded_bytes.add(done.expanded_bytes);
  leases_.shrinks.add(done.shrinks);
  leases_.moved_slabs.add(done.moved_slabs);
  // The pool's own threads give idle memory back, and tell of it. This is for when they are busy.
  const bool has_idle = tick(2 * adaptation_period(demand_interval_));
  return has_idle || budget().charged() != 0 || own->ready_bytes() != 0;
}

bool BufferPool::history(DemandHistory& out) {
  if (!policy()->adaptive) return false;
  Adaptation* const own = adaptation();
  if (own == nullptr) return false;
  own->history(*this, out);
  return true;
}

void BufferPool::hold_records(const RecordShape& shape) {
  assert(!holds_records_.load() && shape.chunk_records != 0);
  record_shape_ = shape;
  holds_records_.store(true, std::memory_order_release);
}

RecordShape BufferPool::record_shape() const {
  return holds_records_.load(std::memory_order_acquire) ? record_shape_ : RecordShape{};
}

RecordFigures BufferPool::record_figures() const {
  RecordFigures figures{record_shape()};
  if (figures.shape.chunk_records == 0) return figures;
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    figures.out += static_cast<const BufferThreadCache&>(member).records_out();
  });
  return figures;
}

void BufferPool::show_recent(RecentBlocks& to) {
  caches().for_each_member(CacheRegistry::Retired::kNot, [&](const CacheRegistry::Member& member) {
    static_cast<const BufferThreadCache&>(member).show_recent(to);
  });
}

}  // namespace superslab
