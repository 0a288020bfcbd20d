#include "replay/replay.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "replay/replay_heap.h"

namespace superslab {
namespace {

using trace::Kind;
using trace::Op;
using trace::TracedProcess;

constexpr std::uint64_t kIntervals = 200;
constexpr std::uint64_t kMinIntervalEvents = 1000;
constexpr double kNanosPerSecond = 1e9;

double mib_seconds(ByteCount bytes, Nanos span) {
  return static_cast<double>(bytes) / static_cast<double>(kMiB) * static_cast<double>(span) /
         kNanosPerSecond;
}

/// One process of a trace.
class Run {
 public:
  Run(const TracedProcess& process, const Policy& policy, ReplayRule* rule,
      const ReplayOptions& options)
      : process_(process),
        policy_(policy),
        rule_(rule),
        options_(options),
        heap_(policy),
        blocks_(process.blocks, nullptr) {}

  ReplayCounts run() {
    if (!heap_.is_open()) return {.failed = process_.ops.size()};
    if (rule_ != nullptr) rule_->begin(policy_, &heap_.heap());
    interval_.threads = std::max(process_.threads, 1u);
    interval_.heap = &heap_.heap();
    std::uint64_t events = 0;
    for (const Op& op : process_.ops) {
      pass_to(op.at);
      do_op(op);
      if (++events % options_.interval_events == 0) end_interval();
    }
    const bool is_long_enough = interval_.number >= options_.skipped_intervals;
    const ReplayCounts all = counts_so_far();
    for (void* block : blocks_)
      if (block != nullptr) heap_.free(0, block);
    return is_long_enough ? all.since(skipped_) : ReplayCounts{};
  }

 private:
  void pass_to(Nanos at) {
    counts_.resident_mib_seconds += mib_seconds(heap_.os().resident_bytes(), at - now_);
    now_ = at;
    heap_.set_time(at);
  }

  void do_op(const Op& op) {
    const auto kind = static_cast<Kind>(op.kind);
    if (kind == Kind::kThreadEnd) return heap_.end_thread(op.thread);
    if (op.block >= blocks_.size()) return;
    void*& block = blocks_[op.block];
    if (kind == Kind::kFree) {
      if (block != nullptr) heap_.free(op.thread, block);
      block = nullptr;
    } else if (kind == Kind::kAllocate) {
      ++counts_.allocations;
      const ByteCount bytes = op.bytes;
      block = heap_.allocate(op.thread, bytes);
      if (block == nullptr)
        ++counts_.failed;
      else if (bytes <= kMaxClassBytes)
        ++interval_.allocations[to_index(class_for(bytes))];
    }
    // A block that became longer or shorter where it is costs nothing here.
  }

  void end_interval() {
    if (rule_ != nullptr) ask_rule();
    interval_ = {.number = interval_.number + 1,
                 .begin = now_,
                 .threads = interval_.threads,
                 .heap = interval_.heap};
    if (interval_.number == options_.skipped_intervals) skipped_ = counts_so_far();
  }

  void ask_rule() {
    heap_.heap().class_stats(classes_);
    interval_.end = now_;
    for (std::size_t c = 0; c < kFixedClasses; ++c) {
      interval_.misses[c] = classes_[c].refills - before_[c].refills;
      interval_.spills[c] = classes_[c].flushes - before_[c].flushes;
      before_[c] = classes_[c];
    }
    interval_.so_far = counts_so_far();
    if (rule_->step(interval_, policy_)) (void)heap_.publish(policy_);
  }

  ReplayCounts counts_so_far() {
    ReplayCounts sum = counts_;
    heap_.heap().class_stats(classes_);
    for (std::size_t c = 0; c < kFixedClasses; ++c) {
      const ClassStats& one = classes_[c];
      sum.refills += one.refills;
      sum.refilled_blocks += one.refilled_blocks;
      sum.spills += one.flushes;
      sum.spilled_blocks += one.flushed_blocks;
      sum.remote_frees += one.remote_frees;
    }
    const HeapStats stats = heap_.heap().stats();
    sum.huge_hits += stats.huge_hits;
    sum.huge_misses += stats.huge_misses;
    const OsWork& work = heap_.os().work();
    sum.commits += work.commits;
    sum.purges += work.purges;
    sum.purged_pages += work.purged_pages;
    sum.faults += work.faults;
    sum.refaults += work.refaults;
    sum.peak_bytes += heap_.os().peak_bytes();
    return sum;
  }

  const TracedProcess& process_;
  Policy policy_;
  ReplayRule* const rule_;
  const ReplayOptions options_;
  ReplayCounts counts_;   // what the heap does not count
  ReplayCounts skipped_;  // of the intervals that do not count
  ReplayHeap heap_;
  std::vector<void*> blocks_;
  Interval interval_;
  ClassStats before_[kClassSlots] = {};
  ClassStats classes_[kClassSlots] = {};
  Nanos now_ = 0;
};

}  // namespace

ReplayCounts replay(const trace::Trace& trace, const Policy& policy, ReplayRule* rule,
                    const ReplayOptions& options) {
  std::size_t longest = 0;
  for (const TracedProcess& process : trace.processes)
    longest = std::max(longest, process.ops.size());
  const std::uint64_t events = options.interval_events != 0
                                   ? options.interval_events
                                   : std::max(longest / kIntervals, kMinIntervalEvents);
  const ReplayOptions complete{events, options.skipped_intervals};
  ReplayCounts counts;
  for (const TracedProcess& process : trace.processes)
    counts += std::make_unique<Run>(process, policy, rule, complete)->run();
  return counts;
}

}  // namespace superslab
