#include "learn/capacity_knapsack.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace superslab {
namespace {

/// Of the class's next block.
double saving_per_byte(const CapacityChoice& one) {
  const RunLengthCurve::Costs& costs = *one.costs;
  return (costs[one.chosen] - costs[one.chosen + 1u]) / static_cast<double>(one.block_bytes);
}

/// A heap of classes by what their next byte saves.
class Queue {
 public:
  void push(CapacityChoice* choice) {
    if (choice->chosen >= choice->most) return;
    entries_[count_++] = {saving_per_byte(*choice), choice};
    std::push_heap(entries_.begin(), entries_.begin() + count_, is_worse);
  }
  /// nullptr when no block of any class saves anything.
  CapacityChoice* pop() {
    if (count_ == 0 || !(entries_[0].saving > 0)) return nullptr;
    std::pop_heap(entries_.begin(), entries_.begin() + count_, is_worse);
    return entries_[--count_].choice;
  }

 private:
  struct Entry {
    double saving = 0;
    CapacityChoice* choice = nullptr;
  };
  static bool is_worse(const Entry& a, const Entry& b) {
    if (a.saving != b.saving) return a.saving < b.saving;
    return a.choice > b.choice;  // the same in every run
  }

  std::array<Entry, kClassSlots> entries_{};
  std::ptrdiff_t count_ = 0;
};

}  // namespace

void choose_capacities(std::span<CapacityChoice> classes, ByteCount budget) {
  assert(classes.size() <= kClassSlots);
  ByteCount used = 0;
  for (CapacityChoice& one : classes) {
    assert(one.least >= 1 && one.least <= one.most && one.most <= kManySwings);
    one.chosen = one.least;
    used += one.least * one.block_bytes;
  }
  Queue queue;
  for (CapacityChoice& one : classes) queue.push(&one);
  while (CapacityChoice* best = queue.pop()) {
    // A class whose block does not fit is out: smaller blocks of others may.
    if (used + best->block_bytes > budget) continue;
    used += best->block_bytes;
    ++best->chosen;
    queue.push(best);
  }
  for (CapacityChoice& one : classes) {
    while (one.chosen < one.current && used + one.block_bytes <= budget) {
      used += one.block_bytes;
      ++one.chosen;
    }
  }
}

}  // namespace superslab
