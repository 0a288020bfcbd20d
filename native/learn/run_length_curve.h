// The miss curve of a magazine, from the lengths of its runs.
//
// A magazine that holds C blocks moves C/2 of them with each slow call. A run is r slow calls in
// one direction, refills or spills, between two in the other: demand swung by (r + 1) * C/2 blocks.
// A magazine of x blocks takes a part x/2 of that without a call, and so the same swing would have
// cost it max(0, (r + 1) * C/x - 1) calls. With twice the swing, w = (r + 1) * C, that is
// max(0, w/x - 1), whatever the capacity was: runs of different capacities add up. A magazine has
// 64 places at most, so that 64 counters, one for each w below 64 and one for all others with their
// sum, are the whole curve, without rounding.
//
// What it cannot know are swings that cost no call: those with w below 2 * C. So it tells too
// little for capacities below C, and it takes a trial to see what shrinking a magazine costs. What
// was seen of them while the magazine was smaller is forgotten slowly, since not to see them again
// says nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace superslab {

/// Of the doubled swings below, those from here on are counted together.
constexpr std::uint32_t kManySwings = 64;

/// What was counted of one class. The counts wrap around at 2^32: differences matter.
struct RunCounts {
  /// No run was shorter: below it all counts are zero. Magazines of 32 blocks and more have only
  /// runs that are counted together.
  std::uint32_t least = 1;
  std::array<std::uint32_t, kManySwings>
      runs{};                  // by w; the first has those of kManySwings or more
  std::uint32_t many_sum = 0;  // of their w
};

/// Counts the runs of one thread's magazine. The thread calls note() on its slow path, any thread
/// may add_to().
class RunLengthCounters {
 public:
  enum class Call : std::uint8_t { kNone, kRefill, kSpill };

  /// Most calls of one run: what goes on for longer counts as several. A thread that only ever
  /// frees what others allocate is seen, too.
  static constexpr std::uint32_t kMostCalls = 63;

  /// A slow call of a magazine that holds `capacity` blocks, from 1 to kManySwings.
  void note(Call call, std::uint32_t capacity) {
    if (call != last_ || capacity != capacity_ || calls_ == kMostCalls) {
      end_run();
      last_ = call;
      capacity_ = static_cast<std::uint8_t>(capacity);
      calls_ = 0;
    }
    ++calls_;
    __atomic_store_n(&all_calls_, all_calls_ + 1, __ATOMIC_RELAXED);
  }

  /// Adds what was counted so far.
  void add_to(RunCounts& sum) const {
    const std::uint32_t least = get(runs_.least);
    sum.least = std::min(sum.least, least);
    sum.runs[0] += get(runs_.runs[0]);
    for (std::size_t w = least; w < kManySwings; ++w) sum.runs[w] += get(runs_.runs[w]);
    sum.many_sum += get(runs_.many_sum);
  }
  /// Calls so far, those of the run that goes on included.
  std::uint64_t calls() const { return __atomic_load_n(&all_calls_, __ATOMIC_RELAXED); }

 private:
  static std::uint32_t get(const std::uint32_t& field) {
    return __atomic_load_n(&field, __ATOMIC_RELAXED);
  }
  static void add(std::uint32_t& field, std::uint32_t n) {
    __atomic_store_n(&field, field + n, __ATOMIC_RELAXED);
  }

  void end_run() {
    if (calls_ == 0) return;
    const std::uint32_t swing = (calls_ + 1u) * capacity_;
    if (swing < kManySwings) {
      if (swing < runs_.least) __atomic_store_n(&runs_.least, swing, __ATOMIC_RELAXED);
      return add(runs_.runs[swing], 1);
    }
    add(runs_.runs[0], 1);
    add(runs_.many_sum, swing);
  }

  RunCounts runs_{.least = kManySwings};
  std::uint64_t all_calls_ = 0;
  Call last_ = Call::kNone;
  std::uint8_t calls_ = 0;
  std::uint8_t capacity_ = 0;
};

/// A miss curve: counts that may have aged.
class RunLengthCurve {
 public:
  /// What was counted between two readings. Added up over the threads of a heap: each of them has a
  /// magazine of its own.
  void add(const RunCounts& before, const RunCounts& now) {
    least_ = std::min(least_, now.least);
    runs_[0] += now.runs[0] - before.runs[0];
    for (std::size_t w = now.least; w < kManySwings; ++w) runs_[w] += now.runs[w] - before.runs[w];
    many_sum_ += now.many_sum - before.many_sum;
  }
  void add(const RunLengthCurve& other) {
    least_ = std::min(least_, other.least_);
    runs_[0] += other.runs_[0];
    for (std::size_t w = other.least_; w < kManySwings; ++w) runs_[w] += other.runs_[w];
    many_sum_ += other.many_sum_;
  }
  /// What was counted so far weighs `part` of what it did, and `hidden_part` where a magazine of
  /// `blocks` cannot see it.
  void age(double part, double hidden_part, std::uint32_t blocks) {
    const std::size_t seen = 2 * std::size_t{blocks};
    for (std::size_t w = least_; w < kManySwings; ++w) runs_[w] *= w < seen ? hidden_part : part;
    const double many_part = kManySwings < seen ? hidden_part : part;
    runs_[0] *= many_part;
    many_sum_ *= many_part;
  }
  void age(double part) { age(part, part, 0); }

  double runs() const {
    double sum = runs_[0];
    for (std::size_t w = least_; w < kManySwings; ++w) sum += runs_[w];
    return sum;
  }
  /// Blocks that were moved in all, doubled. The same at every capacity, or nearly so.
  double volume() const {
    double sum = many_sum_;
    for (std::size_t w = least_; w < kManySwings; ++w) sum += static_cast<double>(w) * runs_[w];
    return sum;
  }

  /// Slow calls that the runs would have taken at a capacity of `blocks`, from 1 to kManySwings.
  double cost(std::uint32_t blocks) const {
    double swings = many_sum_;
    double runs = runs_[0];
    for (std::size_t w = std::max(blocks + 1, least_); w < kManySwings; ++w) {
      swings += static_cast<double>(w) * runs_[w];
      runs += runs_[w];
    }
    return cost_of(swings, runs, blocks);
  }

  /// The same at each capacity: by blocks, the first place is unused. It never rises, and falls
  /// less and less.
  using Costs = std::array<double, kManySwings + 1>;
  void costs(Costs& out) const {
    double swings = many_sum_;
    double runs = runs_[0];
    out[0] = 0;
    for (std::uint32_t blocks = kManySwings; blocks != 0; --blocks) {
      out[blocks] = cost_of(swings, runs, blocks);
      if (blocks == kManySwings) continue;
      swings += static_cast<double>(blocks) * runs_[blocks];
      runs += runs_[blocks];
    }
  }

 private:
  static double cost_of(double swings, double runs, std::uint32_t blocks) {
    return swings / static_cast<double>(blocks) - runs;
  }

  std::uint32_t least_ = kManySwings;       // as in RunCounts
  std::array<double, kManySwings> runs_{};  // likewise
  double many_sum_ = 0;
};

}  // namespace superslab
