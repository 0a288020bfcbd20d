// A replay counts what malloc's heap counts for the same events, and always the same.
//
// Not under ThreadSanitizer, which has no addresses for a replay's heap: a replay is of one thread.
#if !defined(__SANITIZE_THREAD__)

#include <cmath>
#include <memory>
#include <vector>

#include "check.h"
#include "policy/policy_file.h"
#include "replay/hindsight.h"
#include "replay/replay_heap.h"
#include "replay/tuner.h"

using namespace superslab;
using namespace superslab::trace;
using namespace superslab_test;

namespace {

class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t n) {
    state_ += 0x9e3779b97f4a7c15;  // splitmix64
    std::uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::uint32_t>(((x ^ (x >> 31)) >> 32) * n >> 32);
  }

 private:
  std::uint64_t state_;
};

/// What a program might do: blocks of many sizes that live for a while, in bursts.
Trace made_trace(std::uint32_t events, std::uint32_t threads, ByteCount largest,
                 std::uint32_t seed = 1) {
  Random random(seed);
  TracedProcess process;
  process.number = 1;
  process.threads = threads;
  std::vector<std::uint32_t> live;
  std::vector<std::uint32_t> free;
  Nanos at = 0;
  const auto add = [&](std::uint32_t block, ByteCount bytes, Kind kind) {
    at += 100 + random.below(2000);
    process.ops.push_back(
        {at, block, random.below(threads), bytes, static_cast<std::uint64_t>(kind)});
  };
  while (process.ops.size() < events) {
    const bool grows =
        random.below(1000) < (process.ops.size() / 5000 % 2 == 0 ? 650 : 350) && live.size() < 4000;
    if (live.empty() || grows) {
      std::uint32_t block = process.blocks;
      if (free.empty()) {
        ++process.blocks;
      } else {
        block = free.back();
        free.pop_back();
      }
      live.push_back(block);
      const unsigned bits = 4 + random.below(static_cast<std::uint32_t>(std::log2(largest)) - 3);
      add(block, (ByteCount{1} << bits) + random.below(1u << bits), Kind::kAllocate);
    } else {
      const std::uint32_t i = random.below(static_cast<std::uint32_t>(live.size()));
      add(live[i], 0, Kind::kFree);
      free.push_back(live[i]);
      live[i] = live.back();
      live.pop_back();
    }
  }
  Trace trace;
  trace.events = process.ops.size();
  trace.processes.push_back(std::move(process));
  return trace;
}

Policy malloc_policy() {
  Policy policy;
  fit_to_malloc(policy, kNoLimit);
  return policy;
}

struct SlowCalls {
  std::uint64_t refills = 0;
  std::uint64_t refilled = 0;
  std::uint64_t spills = 0;
  std::uint64_t spilled = 0;
  bool operator==(const SlowCalls&) const = default;
};

/// The same events on a heap like malloc's over the real operating system, as malloc.cc does it.
SlowCalls on_real_heap(const Trace& trace, const Policy& policy) {
  Space space;
  SystemClock clock;
  if (!space.open(system_os(), 8)) return {};
  auto heap = std::make_unique<Heap>(
      space, clock, policy,
      HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
  ThreadCache* cache = ThreadCache::attach(*heap);
  std::vector<void*> blocks(trace.processes[0].blocks, nullptr);
  for (const Op& op : trace.processes[0].ops) {
    if (static_cast<Kind>(op.kind) == Kind::kFree) {
      if (!cache->try_free(blocks[op.block])) cache->free(blocks[op.block]);
      blocks[op.block] = nullptr;
      continue;
    }
    void* block = cache->try_allocate(op.bytes);
    if (block == nullptr) {
      if (cache->take_turn()) cache->retire_idle();
      block = cache->allocate(op.bytes);
    }
    blocks[op.block] = block;
  }
  SlowCalls calls;
  ClassStats classes[kClassSlots];
  heap->class_stats(classes);
  for (const ClassStats& one : classes) {
    calls.refills += one.refills;
    calls.refilled += one.refilled_blocks;
    calls.spills += one.flushes;
    calls.spilled += one.flushed_blocks;
  }
  for (void* block : blocks)
    if (block != nullptr) cache->free(block);
  cache->detach();
  heap.reset();
  space.close();
  return calls;
}

SlowCalls calls_of(const ReplayCounts& counts) {
  return {counts.refills, counts.refilled_blocks, counts.spills, counts.spilled_blocks};
}

bool same(const ReplayCounts& a, const ReplayCounts& b) {
  return calls_of(a) == calls_of(b) && a.faults == b.faults && a.refaults == b.refaults &&
         a.purges == b.purges && a.purged_pages == b.purged_pages && a.peak_bytes == b.peak_bytes &&
         a.remote_frees == b.remote_frees && a.resident_mib_seconds == b.resident_mib_seconds;
}

}  // namespace

TEST(replay, "of one thread the slow calls are those of a real heap, exactly") {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const Trace trace = made_trace(40'000, 1, 16 * kKiB, seed);
    Policy policy = malloc_policy();
    policy.cache_blocks = 4;
    const SlowCalls real = on_real_heap(trace, policy);
    CHECK(real.refills > 1000 && real.spills > 1000);
    const SlowCalls replayed = calls_of(replay(trace, policy));
    CHECK_EQ(replayed.refills, real.refills);
    CHECK_EQ(replayed.spills, real.spills);
    CHECK(replayed == real);
  }
}

TEST(replay, "two replays of a trace count the same, whatever ran in between") {
  const Trace trace = made_trace(30'000, 5, 8 * kMiB);
  const ReplayCounts once = replay(trace, malloc_policy());
  CHECK(once.remote_frees > 0 && once.faults > 0);
  (void)replay(made_trace(1'000, 2, kMiB, 9), malloc_policy());
  CHECK(same(replay(trace, malloc_policy()), once));
}

TEST(replay, "memory that was purged faults again, and a longer delay keeps it") {
  // 400 blocks of 60 KiB, all at once, once in 50 ms.
  TracedProcess process;
  process.number = process.threads = 1;
  process.blocks = 400;
  for (Nanos round = 0; round < 20; ++round) {
    for (std::uint32_t i = 0; i < 400; ++i)
      process.ops.push_back({round * 50'000'000 + i * 1000, i, 0, 60 * kKiB, 1});
    for (std::uint32_t i = 0; i < 400; ++i)
      process.ops.push_back({round * 50'000'000 + 500'000 + i * 1000, i, 0, 0, 2});
  }
  Trace trace;
  trace.processes.push_back(process);
  Policy quick = malloc_policy();
  quick.purge_delay_ms = Millis{1};
  Policy slow = malloc_policy();
  slow.purge_delay_ms = Millis{10'000};
  slow.malloc_idle_bytes = 256 * kMiB;
  const ReplayCounts purged = replay(trace, quick);
  const ReplayCounts kept = replay(trace, slow);
  CHECK(purged.refaults > 10 * kept.refaults && purged.refaults > 10'000);
  CHECK(purged.purged_pages > 10'000 && purged.purges > 10);
}

TEST(replay, "a policy with more room for blocks has fewer slow calls") {
  const Trace trace = made_trace(40'000, 1, 8 * kKiB);
  std::uint64_t before = ~std::uint64_t{0};
  for (const std::uint32_t blocks : {4u, 16u, 62u}) {
    Policy policy = malloc_policy();
    policy.cache_blocks = blocks;
    const std::uint64_t calls = replay(trace, policy).slow_calls();
    CHECK(calls < before);
    before = calls;
  }
}

TEST(replay, "the knapsack gives what saves most to who saves most, within the budget") {
  MissCurves curves;
  curves.is_used[0] = curves.is_used[20] = true;
  for (std::size_t i = 0; i < std::size(kTriedCapacities); ++i) {
    curves.calls[0][i] = 1'000'000 / kTriedCapacities[i];
    curves.calls[20][i] = 10'000 / kTriedCapacities[i];
  }
  const MagazineBlocks little = best_capacities(curves, 64 * 16 + 100);
  CHECK_EQ(unsigned{little[0]}, kMaxCapacity);
  CHECK_EQ(unsigned{little[20]}, 1u);
  CHECK(bytes_of(little) <= 64 * 16 + 100);
  const MagazineBlocks plenty = best_capacities(curves, kMiB);
  CHECK_EQ(unsigned{plenty[20]}, kMaxCapacity);
}

TEST(replay, "tuning finds a delay for bursts, and its policy can be read again") {
  TracedProcess process;
  process.number = process.threads = 1;
  process.blocks = 1200;
  for (Nanos round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < 1200; ++i)
      process.ops.push_back({round * 200'000'000 + i * 1000, i, 0, 60 * kKiB, 1});
    for (std::uint32_t i = 0; i < 1200; ++i)
      process.ops.push_back({round * 200'000'000 + 2'000'000 + i * 1000, i, 0, 0, 2});
  }
  Trace trace;
  trace.processes.push_back(process);
  UnitCosts dear;
  dear.fault = 3000;
  const MachineFacts machine{4096, ThpMode::kAdvise, 2};
  const Tuning tuning = tune(trace, dear, machine);
  CHECK(tuning.rows.back().cost < tuning.rows.front().cost * 0.8);
  for (const TunedRow& row : tuning.rows) CHECK(row.cost >= tuning.rows.back().cost * 0.98);
  PolicyFile file;
  PolicyError error;
  CHECK(parse_policy_file(tuning.policy, "p", machine, file, error));
  const char* const environment[] = {nullptr};
  Policy policy;
  CHECK_EQ(snapshot_from_environment(environment, policy, {&error, 1}, &file), std::size_t{0});
  fit_to_malloc(policy, kNoLimit);
  CHECK(std::abs(cost_of(replay(trace, policy), dear) - tuning.rows.back().cost) < 1);
}

namespace {

/// 600 bursts of 16 MiB, half a second apart, and 100 of their allocations and frees in an
/// interval.
Trace bursts() {
  constexpr std::uint32_t kBlocks = 250;
  TracedProcess process;
  process.number = process.threads = 1;
  process.blocks = kBlocks;
  for (Nanos burst = 0; burst < 600; ++burst) {
    const Nanos at = burst * 500'000'000;
    for (std::uint32_t i = 0; i < kBlocks; ++i)
      process.ops.push_back({at + i * 2000, i, 0, 64 * kKiB, 1});
    for (std::uint32_t i = 0; i < kBlocks; ++i)
      process.ops.push_back({at + 1'000'000 + i * 2000, i, 0, 0, 2});
  }
  Trace trace;
  trace.events = process.ops.size();
  trace.processes.push_back(std::move(process));
  return trace;
}

Policy policy_with(Profile profile) {
  Policy policy;
  policy.profile = profile;
  for (const ProfileDefault& row : kProfileDefaults)
    if (row.profile == profile) set_knob_code(policy, row.id, row.code);
  fit_to_malloc(policy, kNoLimit);
  return policy;
}

}  // namespace

TEST(replay,
     "intervals that are skipped do not count, and a process that is shorter counts nothing") {
  const Trace trace = bursts();
  const ReplayCounts all = replay(trace, malloc_policy());
  const ReplayOptions options{.interval_events = 5000, .skipped_intervals = 10};
  const ReplayCounts rest = replay(trace, malloc_policy(), nullptr, options);
  CHECK_EQ(all.allocations - rest.allocations, std::uint64_t{10 * 2500});
  CHECK(rest.resident_mib_seconds > 0 && rest.resident_mib_seconds < all.resident_mib_seconds);
  CHECK(rest.faults < all.faults);
  const ReplayOptions too_many{.interval_events = 5000, .skipped_intervals = 61};
  CHECK_EQ(replay(trace, malloc_policy(), nullptr, too_many).allocations, std::uint64_t{0});
}

TEST(replay, "a contest of saved policies costs 1.05 times the best of them, and always the same") {
  const Trace trace = bursts();
  const ReplayOptions options{.interval_events = 1500, .skipped_intervals = kContestIntervals};
  std::vector<Policy> policies;
  double best = HUGE_VAL;
  double worst = 0;
  for (const Profile profile : {Profile::kLowMemory, Profile::kThroughput, Profile::kBalanced}) {
    policies.push_back(policy_with(profile));
    const double cost = cost_of(replay(trace, policies.back(), nullptr, options), UnitCosts{});
    best = std::min(best, cost);
    worst = std::max(worst, cost);
  }
  CHECK(worst > 1.5 * best);
  ContestRule contest(policies, UnitCosts{});
  const double cost = cost_of(replay(trace, policies[0], &contest, options), UnitCosts{});
  CHECK(cost < 1.05 * best);
  CHECK(cost_of(replay(trace, policies[0], &contest, options), UnitCosts{}) == cost);
}

TEST(replay, "a saved policy that a replay cannot follow is refused with words") {
  const MachineFacts machine{4096, ThpMode::kAdvise, 2};
  Policy policy;
  policy.max_bytes = 64 * kMiB;
  std::string text(kMaxPolicyFileBytes, ' ');
  const KnobId rows[] = {KnobId::max_bytes};
  text.resize(write_policy_file(policy, rows, machine, {text.data(), text.size()}));
  SavedPolicy saved;
  PolicyError error;
  CHECK(!read_saved_policy(text, "limited.policy", machine, saved, error));
  CHECK(std::string_view(error.message).find("SUPERSLAB_MAX_BYTES") != std::string_view::npos);
  CHECK(!read_saved_policy("garbage", "garbage.policy", machine, saved, error));
}

TEST(replay, "each rule keeps to its budget, whatever happens") {
  std::array<bool, kFirstLargeClass> used{};
  used.fill(true);
  const MagazineBlocks start = even_capacities(256 * kKiB, used);
  CHECK(bytes_of(start) <= 256 * kKiB);
  HitRateRule hits(start, 256 * kKiB, 0.97, 4);
  StealingRule steals(start, 256 * kKiB, 4);
  UcbRule ucb(256 * kKiB);
  ReplayRule* const rules[] = {&hits, &steals, &ucb};
  Random random(3);
  for (ReplayRule* rule : rules) {
    HeapSnapshot policy;
    rule->begin(policy, nullptr);
    for (int round = 0; round < 500; ++round) {
      Interval interval;
      for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
        interval.allocations[c] = random.below(1000);
        interval.misses[c] =
            interval.allocations[c] == 0
                ? 0
                : random.below(static_cast<std::uint32_t>(interval.allocations[c]));
        interval.spills[c] = interval.misses[c] / 2;
      }
      if (!rule->step(interval, policy)) continue;
      MagazineBlocks now;
      std::copy_n(policy.class_blocks.begin(), kFirstLargeClass, now.begin());
      CHECK(bytes_of(now) <= 256 * kKiB);
    }
  }
}

#endif
