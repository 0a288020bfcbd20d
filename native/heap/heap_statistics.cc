#include "heap/heap_statistics.h"

#include <algorithm>
#include <cassert>

#include "heap/magazine_limits.h"

namespace superslab {
namespace {

/// 0 where counts that were read one after the other do not agree.
constexpr std::uint64_t beyond(std::uint64_t all, std::uint64_t part) {
  return all > part ? all - part : 0;
}

void add_to(ClassSample& sum, const ClassCounters& counters) {
  sum.refills += counters.refills.get();
  sum.taken_blocks += counters.refilled_blocks.get();
  sum.spills += counters.flushes.get();
  sum.given_blocks += counters.flushed_blocks.get();
}

void add_to(ClassSample& sum, const SlabOwner& owner, ClassIndex c) {
  add_to(sum, owner.counters(c));
  sum.acquires += owner.counters(c).acquires.get();
  sum.busy_slabs += owner.busy_slabs().now(c);
  sum.peak_busy_slabs += owner.busy_slabs().most(c);
  sum.low_busy_slabs += owner.busy_slabs().fewest(c);
}

static_assert(kManySwings == kMagazineBlocks, "the curves know every capacity");

void add_to(CapacitySamples& sum, const SlabOwner& owner) {
  const RunLengthCounters* const runs = owner.runs();
  if (runs == nullptr) return;
  ArmSample& arm = sum.arms[owner.number % kArms];
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    CapacitySample& one = sum.classes[i];
    const ClassCounters& counters = owner.counters(static_cast<ClassIndex>(i));
    runs[i].add_to(one.runs);
    one.refills += counters.refills.get();
    one.acquires += counters.acquires.get();
    arm.acquires += counters.acquires.get();
    arm.slow_calls += runs[i].calls();
  }
}

}  // namespace

HeapStats HeapStatistics::of_heap(const FaultCounts& faults) const {
  HeapStats out;
#define HEAP_STAT(field, json, unit, meaning) out.field = core_.counters.field.get();
#define LEASE_STAT(field, json, unit, meaning)
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
  out.reserved_bytes = core_.space.reserved_bytes();
  out.committed_bytes = account_.committed_bytes();
  out.charged_bytes = core_.budget.charged();
  out.peak_charged_bytes = core_.budget.peak();
  out.peak_charged_at_ms = core_.budget.peak_at() / kMillisecond;
  out.max_bytes = core_.budget.max_bytes();
  out.minor_faults = faults.minor;
  out.major_faults = faults.major;
  out.page_faults = faults.minor + faults.major;
  out.big_cache_bytes = huge_.cached_bytes();
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    out.slabs_retired += core_.slab_counters.retired[i].get();
    out.slabs_made += core_.slab_counters.made[i].get();
  }
  return out;
}

ClassStats HeapStatistics::of_class(ClassIndex c) const {
  assert(to_index(c) < kFixedClasses);
  ClassStats sum;
  owners_.for_each([&](const SlabOwner& owner) {
    add_to(sum, owner.counters(c));
    return true;
  });
  conclude(c, core_.caches.cached(c), sum);
  return sum;
}

void HeapStatistics::of_classes(ClassStats (&sums)[kClassSlots]) const {
  std::uint64_t cached[kClassSlots] = {};
  core_.caches.add_cached(cached);
  for (ClassStats& sum : sums) sum = {};
  owners_.for_each([&](const SlabOwner& owner) {
    for (std::size_t i = 0; i < kFixedClasses; ++i)
      add_to(sums[i], owner.counters(static_cast<ClassIndex>(i)));
    return true;
  });
  for (std::size_t i = 0; i < kFixedClasses; ++i)
    conclude(static_cast<ClassIndex>(i), cached[i], sums[i]);
}

void HeapStatistics::sample(Samples& out) const {
  out = {};
  owners_.for_each([&](const SlabOwner& owner) {
    for (std::size_t i = 0; i < kFixedClasses; ++i)
      add_to(out.classes[i], owner, static_cast<ClassIndex>(i));
    return true;
  });
  std::uint64_t cached[kClassSlots] = {};
  core_.caches.add_cached(cached);
  core_.caches.for_each_member(
      CacheRegistry::Retired::kNot, [&](const CacheRegistry::Member& member) {
        for (std::size_t i = 0; i < kFixedClasses; ++i)
          out.classes[i].acquires += member.uncounted_acquires(static_cast<ClassIndex>(i));
      });
  ByteCount free_in_slabs = 0;
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    ClassSample& sum = out.classes[i];
    sum.cached_blocks = cached[i];
    sum.slab_bytes = size_class(c).slices * kSliceBytes;
    conclude(c, sum);
    free_in_slabs +=
        ByteCount{size_class(c).block_bytes} *
        beyond(core_.slab_counters.slab_blocks[i].get(), sum.in_use_blocks + sum.cached_blocks);
  }
  out.committed_bytes = account_.committed_bytes();
  out.purged_bytes = core_.counters.purged_bytes.get();
  out.huge_hits = core_.counters.huge_hits.get();
  out.huge_misses = core_.counters.huge_misses.get();
  out.free_bytes = account_.free_bytes();
  out.idle_bytes = free_in_slabs + out.free_bytes + huge_.cached_bytes();
  out.pressure = account_.pressure();
}

void HeapStatistics::sample(CapacitySamples& out, ByteCount share) {
  out.classes.fill({});
  out.arms.fill({});
  std::uint64_t cached[kClassSlots] = {};
  core_.caches.add_cached(cached);
  {
    const auto policy = core_.policy.read();
    for (std::size_t i = 0; i < kFixedClasses; ++i) {
      const auto c = static_cast<ClassIndex>(i);
      CapacitySample& one = out.classes[i];
      one.runs.least = kManySwings;
      one.block_bytes = size_class(c).block_bytes;
      one.is_large = i >= kFirstLargeClass;
      one.cached_blocks = cached[i];
      const bool is_chosen = chosen_magazine_limit(c, *policy) != 0;
      one.fixed_blocks =
          is_chosen ? 0 : static_cast<std::uint8_t>(fixed_magazine_limit(c, *policy, share));
    }
  }
  owners_.for_each([&](SlabOwner& owner) {
    owner.count_runs();
    add_to(out, owner);
    return true;
  });
}

ByteCount HeapStatistics::run_counter_bytes() const {
  ByteCount sum = 0;
  owners_.for_each([&](const SlabOwner& owner) {
    if (owner.runs() != nullptr) sum += kClassSlots * sizeof *owner.runs();
    return true;
  });
  return sum;
}

void HeapStatistics::restart_peaks() {
  owners_.for_each([](SlabOwner& owner) {
    owner.busy_slabs().restart();
    return true;
  });
}

void HeapStatistics::conclude(ClassIndex c, ClassSample& sum) const {
  const std::size_t i = to_index(c);
  sum.given_blocks += core_.slab_counters.sent_home[i].get();
  // In this order: what is retired was made before.
  sum.slabs_retired = core_.slab_counters.retired[i].get();
  sum.slabs_made = core_.slab_counters.made[i].get();
  // What left the slabs and neither came back nor lies in a magazine is with callers.
  sum.in_use_blocks = beyond(sum.taken_blocks, sum.given_blocks + sum.cached_blocks);
}

void HeapStatistics::conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const {
  ClassSample sample{.refills = sum.refills,
                     .taken_blocks = sum.refilled_blocks,
                     .spills = sum.flushes,
                     .given_blocks = sum.flushed_blocks,
                     .cached_blocks = cached};
  conclude(c, sample);
  sum.cached_blocks = cached;
  sum.in_use_blocks = sample.in_use_blocks;
  sum.releases = beyond(sum.acquires, sum.in_use_blocks);
  sum.hits = beyond(sum.acquires, sum.refills);
  sum.remote_frees += sample.given_blocks - sum.flushed_blocks;
  sum.slabs = beyond(sample.slabs_made, sample.slabs_retired);
  sum.slab_blocks = core_.slab_counters.slab_blocks[to_index(c)].get();
}

}  // namespace superslab
